"""Augmentations under which a phase stays a phase, for a tile that is known both wrapped and unwrapped.

Only what another acquisition of the same ground could have shown: mirrored terrain, motion the other way, another
reference point, another orbital ramp, more fringes of the same shape. Nothing is interpolated and nothing recoloured.
"""

from dataclasses import dataclass

import numpy as np

from fringeflow.insar.phase import PI, rewrap

GAIN = (1.0, 1.5)
"""Range of the gain of tiles that get one; at least 1, so that a labelled tile keeps the fringes that it is labelled by."""
GAIN_SHARE = 0.5
"""Share of the draws that have a gain at all: it amplifies noise and unwrapping errors along with the fringes."""
LARGEST_RAMP_RAD = float(PI)
"""Most that a ramp adds from one side of a tile to the other: half a fringe, less than orbits leave across a frame."""
COVER = 0.95
"""Share of a tile's wrapped pixels that must be unwrapped before a gain is applied."""


@dataclass(frozen=True)
class Change:
    """One augmentation: flips first, then phase' = sign * gain * phase + offset + ramp.

    Attributes
    ----------
    mirrored, upended : bool
        West and east, north and south exchanged.
    sign : {1, -1}
        Motion towards the satellite becomes motion away from it.
    gain : float, at least 1
        mu, applied to the unwrapped phase, where `can_gain` allows it.
    offset_rad : float
    ramp_rad : tuple of float
        What is added from the first row (column) to the last, in radians; nothing at the tile's centre.

    Raises
    ------
    ValueError
        If the gain is below 1 or the sign neither 1 nor -1.
    """

    mirrored: bool = False
    upended: bool = False
    sign: int = 1
    gain: float = 1.0
    offset_rad: float = 0.0
    ramp_rad: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.gain >= 1.0:
            raise ValueError(f"gain must be at least 1, got {self.gain}: with fewer fringes a tile would lose what it is labelled by")
        if self.sign not in (1, -1):
            raise ValueError(f"sign must be 1 or -1, got {self.sign}")


def draw_change(rng: np.random.Generator) -> Change:
    """Draw an augmentation: flips and sign by the toss of a coin, the rest evenly over its range."""
    mirrored, upended, negative, gains = rng.random(4) < (0.5, 0.5, 0.5, GAIN_SHARE)
    gain, offset = rng.uniform(*GAIN), rng.uniform(-np.pi, np.pi)
    down, across = rng.uniform(-LARGEST_RAMP_RAD, LARGEST_RAMP_RAD, 2)
    return Change(
        mirrored=bool(mirrored),
        upended=bool(upended),
        sign=-1 if negative else 1,
        gain=float(gain) if gains else 1.0,
        offset_rad=float(offset),
        ramp_rad=(float(down), float(across)),
    )


def can_gain(wrapped: np.ndarray, unwrapped: np.ndarray) -> bool:
    """Tell whether enough of a tile is unwrapped, `COVER` of what is wrapped, for a gain other than 1."""
    seen = np.isfinite(wrapped)
    return bool(np.count_nonzero(seen & np.isfinite(unwrapped)) >= COVER * np.count_nonzero(seen))


def plane(shape: tuple[int, int], change: Change) -> np.ndarray:
    """Return what a change adds to the phase, offset and ramp, shape (rows, columns), float64, radians.

    >>> plane((1, 3), Change(offset_rad=1.0, ramp_rad=(0.0, 2.0)))
    array([[0., 1., 2.]])
    """
    down, across = (rise * (np.arange(size) - (size - 1) / 2) / max(size - 1, 1) for rise, size in zip(change.ramp_rad, shape, strict=True))
    return change.offset_rad + down[:, None] + across[None, :]


def augment(wrapped: np.ndarray, unwrapped: np.ndarray, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """Apply one augmentation to both phases of a tile.

    Parameters
    ----------
    wrapped : ndarray of float32, shape (rows, columns), radians in (-pi, pi]
        NaN marks no data and stays NaN, at its flipped place.
    unwrapped : ndarray of float32, same shape, radians
        Congruent with `wrapped` where both have data; its NaN stays NaN too.
    change : Change
        Its gain counts as 1 unless `can_gain`: the wrapped phase is then changed itself, so that no error of the
        unwrapping enters it. With a gain, the new wrapped phase is the new unwrapped one wrapped again; the few
        pixels that nobody could unwrap are noise, and keep a gain of 1.

    Returns
    -------
    wrapped, unwrapped : ndarrays of float32, same shape, radians
        In (-pi, pi], and congruent where both have data.

    Raises
    ------
    ValueError
        If the two differ in shape, or are no single tile of real numbers.

    References
    ----------
    Anantrasirichai et al. (2019), arXiv:1909.02321 (over-wrapping).
    """
    if wrapped.ndim != 2 or wrapped.shape != unwrapped.shape:
        raise ValueError(f"expected one tile twice, shape (rows, columns); got wrapped {wrapped.shape} and unwrapped {unwrapped.shape}")
    gain = change.gain if can_gain(wrapped, unwrapped) else 1.0
    added = plane((wrapped.shape[0], wrapped.shape[1]), change)
    before = _flipped(wrapped, change)
    after = change.sign * gain * _flipped(unwrapped, change).astype(np.float64) + added
    phase = change.sign * before.astype(np.float64) + added
    if gain != 1.0:
        np.copyto(phase, after, where=np.isfinite(before) & np.isfinite(after))
    return rewrap(phase), after.astype(np.float32)


def _flipped(tile: np.ndarray, change: Change) -> np.ndarray:
    """Return a view with rows and columns in their new order."""
    return tile[:: -1 if change.upended else 1, :: -1 if change.mirrored else 1]
