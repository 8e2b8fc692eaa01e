"""Phase unwrapping of a whole interferogram by one of a few libraries.

An unwrapper is one entry of `UNWRAPPERS`. All get the same arrays and give cycles and connected
components; what makes their results comparable (congruence, no data, reference) is done here once.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from fringeflow.errors import ConfigError, ProductError, nearest
from fringeflow.insar.phase import TWO_PI, cycles_between

LOWEST_COHERENCE = 0.01
"""Given to the unwrapper where a pixel has phase but no coherence: the least trust, not none."""

Solver = Callable[[np.ndarray, np.ndarray, float, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(phasor complex64, coherence float32, looks, mask bool) -> (unwrapped rad, component labels, 0 for none)."""


@dataclass(frozen=True)
class Unwrapper:
    """A library that unwraps: its distribution on the package index and the call."""

    package: str
    solve: Solver

    @property
    def version(self) -> str:
        """Installed version, for provenance."""
        return version(self.package)


def _whirlwind(phasor: np.ndarray, coherence: np.ndarray, looks: float, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import whirlwind

    return whirlwind.unwrap(phasor, coherence, looks, mask, bridge=False)


def _snaphu(phasor: np.ndarray, coherence: np.ndarray, looks: float, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import snaphu

    with _silent_stdout():
        return snaphu.unwrap(phasor, coherence, looks, mask=mask, nproc=1)


@contextmanager
def _silent_stdout() -> Iterator[None]:
    """Send standard output to nowhere, that of child processes too: the SNAPHU program is talkative."""
    kept = os.dup(1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


UNWRAPPERS: dict[str, Unwrapper] = {
    "whirlwind": Unwrapper("whirlwind-insar", _whirlwind),
    "snaphu": Unwrapper("snaphu", _snaphu),
}


def unwrap(
    wrapped: np.ndarray,
    coherence: np.ndarray | None = None,
    *,
    method: str = "whirlwind",
    looks: float = 20.0,
    default_coherence: float = 0.6,
) -> np.ndarray:
    """Unwrap an interferogram.

    Parameters
    ----------
    wrapped : ndarray of float32, shape (rows, columns), radians in (-pi, pi]
        NaN marks no data.
    coherence : ndarray of float32, shape (rows, columns), 0..1, optional
        NaN where it is unknown: taken as the least trust.
    method : str
        A name from `UNWRAPPERS`: "whirlwind" (minimum cost flow, fast) or "snaphu" (reference, slow).
    looks : float
        Effective number of independent looks behind the coherence, at least 1.
    default_coherence : float
        Assumed everywhere where `coherence` is None.

    Returns
    -------
    ndarray of float32, shape (rows, columns), radians
        Congruent with `wrapped`: they differ by whole cycles. NaN where `wrapped` is, and where the
        unwrapper found no connected component that it trusts. Referenced by whole cycles such that the
        median lies in [-pi, pi], as near to zero as congruence lets it. Regions that no data parts from
        each other (islands) are levelled to agree across the nearest shores; no method can know that level.

    Raises
    ------
    ConfigError
        If there is no such unwrapper.
    ValueError
        If the arrays or `looks` do not fit.
    ProductError
        If the library fails.

    References
    ----------
    Chen and Zebker (2001), J. Opt. Soc. Am. A 18, 338-351 (SNAPHU).
    Costantini (1998), IEEE TGRS 36, 813-821 (minimum cost flow).
    """
    if method not in UNWRAPPERS:
        raise ConfigError([f"unwrapper '{method}': {nearest(method, UNWRAPPERS)}"])
    if wrapped.ndim != 2 or not np.issubdtype(wrapped.dtype, np.floating):
        raise ValueError(f"wrapped must be a 2-D array of real radians, got shape {wrapped.shape} of {wrapped.dtype}")
    if coherence is not None and coherence.shape != wrapped.shape:
        raise ValueError(f"coherence has shape {coherence.shape}, wrapped {wrapped.shape}; give both on one grid")
    if not looks >= 1:
        raise ValueError(f"looks must be at least 1, got {looks}")
    mask = np.isfinite(wrapped)
    if not mask.any():
        return np.full(wrapped.shape, np.nan, np.float32)
    phasor = np.exp(1j * np.where(mask, wrapped, 0)).astype(np.complex64)
    phasor[~mask] = 0
    if coherence is None:
        trust = np.full(wrapped.shape, default_coherence, np.float32)
    else:
        trust = np.clip(np.nan_to_num(coherence, nan=0.0), LOWEST_COHERENCE, 1.0).astype(np.float32)
    trust[~mask] = 0
    try:
        solved, components = UNWRAPPERS[method].solve(phasor, trust, float(looks), mask)
        solved = _level_islands(np.asarray(solved, np.float32), mask)
    except (RuntimeError, ValueError, OSError) as error:
        raise ProductError(
            f"{method} could not unwrap an interferogram of {wrapped.shape[0]} x {wrapped.shape[1]} pixels: {error}"
        ) from error
    return _congruent(wrapped, solved, mask & (np.asarray(components) > 0))


def _level_islands(solved: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Shift regions that the mask parts by whole cycles, so that they agree where they are nearest."""
    import whirlwind

    return whirlwind.bridge_components(solved, mask)


def _congruent(wrapped: np.ndarray, solved: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Add whole cycles only to `wrapped`, with the median of the trusted pixels nearest to zero."""
    if not trusted.any():
        return np.full(wrapped.shape, np.nan, np.float32)
    cycles = cycles_between(solved, wrapped)
    median = float(np.median((wrapped + TWO_PI * cycles)[trusted]))
    cycles -= np.rint(median / TWO_PI)
    return np.where(trusted, wrapped + np.float64(TWO_PI) * cycles, np.nan).astype(np.float32)
