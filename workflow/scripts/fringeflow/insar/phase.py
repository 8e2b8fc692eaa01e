"""Wrapping: phase known up to whole cycles, on (-pi, pi]."""

import numpy as np

PI = np.float32(np.pi)
TWO_PI = 2.0 * np.pi
SLACK = 2e-8
"""Cycles by which pi in float32 may exceed pi: what has been wrapped once stays as it is."""


def wrap(phase: np.ndarray) -> np.ndarray:
    """Wrap phase onto (-pi, pi].

    Parameters
    ----------
    phase : ndarray of float32 or float64, any shape, radians
        NaN marks no data and stays NaN.

    Returns
    -------
    ndarray of float32, same shape, radians
        In (-pi, pi], both ends being the float32 nearest to pi.

    Raises
    ------
    ValueError
        If `phase` is complex or integer.

    Examples
    --------
    >>> wrap(np.array([0.0, np.pi, -np.pi, 7.0, np.nan])).astype(float).round(4).tolist()
    [0.0, 3.1416, 3.1416, 0.7168, nan]
    """
    return rewrap(phase)


def rewrap(unwrapped: np.ndarray, *, gain: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Wrap an unwrapped phase onto (-pi, pi], after an optional change of gain and level.

    Parameters
    ----------
    unwrapped : ndarray of float32 or float64, any shape, radians
        NaN marks no data and stays NaN.
    gain : float
        Multiplies the phase first: more fringes from the same deformation (over-wrapping).
    offset : float, radians
        Added after the gain.

    Returns
    -------
    ndarray of float32, same shape, radians
        In (-pi, pi].

    Raises
    ------
    ValueError
        If `unwrapped` is complex or integer.

    References
    ----------
    Anantrasirichai et al. (2019), arXiv:1909.02321 (over-wrapping).
    """
    unwrapped = np.asarray(unwrapped)
    if not np.issubdtype(unwrapped.dtype, np.floating):
        raise ValueError(f"phase must be real floating-point radians, got {unwrapped.dtype}")
    # Float64 inside: at a hundred cycles a float32 product would already be off by 1e-5 rad.
    phase = unwrapped.astype(np.float64)
    if gain != 1.0:
        phase *= gain
    if offset != 0.0:
        phase += offset
    cycles = phase * (1.0 / TWO_PI)
    cycles -= 0.5 + SLACK
    np.ceil(cycles, out=cycles)
    cycles *= TWO_PI
    phase -= cycles
    return phase.astype(np.float32)


def cycles_between(unwrapped: np.ndarray, wrapped: np.ndarray) -> np.ndarray:
    """Return the whole cycles that lie between two phases of the same pixels.

    Returns
    -------
    ndarray of float32, same shape
        round((unwrapped - wrapped) / 2 pi); NaN where either is.
    """
    return np.rint((unwrapped - wrapped) / np.float32(TWO_PI))
