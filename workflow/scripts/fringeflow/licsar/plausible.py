"""Whether values can be those of a phase: coherence, metres or degrees under a phase's name are floating-point rasters as well.

What cannot be judged passes: few pixels, which may be quiet, and an `unw` that differs from `diff_pha` by more than whole cycles, as in real
products (one is filtered, resampled or corrected and the other is not: in Thessaly 4 % of pixels agree within 0.1 rad).
"""

from pathlib import Path

import numpy as np

from fringeflow.errors import ProductError

SAMPLE = 1_000_000
"""Pixels that are looked at, evenly chosen."""
JUDGED = 30_000
"""Pixels with data from which on a range tells something: 19 km x 19 km."""
NARROW_RAD = 1.2
"""Range of less than 5 mm of motion, atmosphere and noise included; that of coherence is at most 1, that of metres mostly less."""
OVERSHOOT_RAD = 1.0
"""Beyond pi: what resampling by cubic splines makes of the edge between two fringes."""
FEW = 1e-3
"""Share of pixels that may be odd."""
ACTION = (
    "see which product the file is and put it under its own name, fetch the right one from another mirror, or drop the interferogram "
    "from the table"
)


def step_of(pixels: int) -> int:
    """Return every which pixel is looked at."""
    return max(1, pixels // SAMPLE)


def check_range(path: Path, product: str, sample: np.ndarray, step: int) -> None:
    """Refuse values that are no radians of a phase.

    Parameters
    ----------
    path : Path
    product : {"unw", "diff_pha"}
    sample : ndarray of float, shape (n,)
        Values of every `step`-th pixel that holds data, as they stand in the file.
    step : int

    Raises
    ------
    ProductError
        If wrapped phase leaves a cycle, or many pixels of either phase have values within a small range or, of wrapped phase, not one
        below 0.
    """
    if not sample.size:
        return
    if product == "diff_pha" and np.mean(np.abs(sample) > np.pi + OVERSHOOT_RAD) > FEW:
        _refuse(path, f"values from {sample.min():.4g} to {sample.max():.4g}", "wrapped phase, from -pi to pi radians")
    if sample.size * step < JUDGED:
        return
    low, high = np.quantile(sample, [FEW, 1 - FEW])
    if high - low < NARROW_RAD:
        found = f"values from {low:.4g} to {high:.4g} in all but a few of about {sample.size * step:,} pixels"
        _refuse(path, found, "the range of a phase, in radians; coherence and metres have such a small one")
    if product == "diff_pha" and not np.any(sample < 0):
        _refuse(path, f"no value below 0 in about {sample.size * step:,} pixels", "wrapped phase, from -pi to pi radians")


def check_together(paths: dict[str, Path], wrapped: np.ndarray, unwrapped: np.ndarray | None, coherence: np.ndarray | None) -> None:
    """Refuse a product that is a copy of another one of its interferogram.

    Parameters
    ----------
    paths : dict of Path
        By product name.
    wrapped : ndarray of float32, shape (rows, columns), radians
        From `diff_pha` if that is among `paths`. NaN for no data, as in the others.
    unwrapped, coherence : ndarray of float32, same shape, or None
        In radians and 0..1.

    Raises
    ------
    ProductError
        If the phase of a file is its coherence, as a fraction or in bytes, or `unw` is `diff_pha` although that has edges of fringes.
    """
    every = step_of(wrapped.size)
    phases = {name: phase[::every] for name, phase in (("diff_pha", wrapped), ("unw", unwrapped)) if name in paths and phase is not None}
    for name, phase in phases.items():
        if coherence is not None and any(_same(phase, scale * coherence[::every]) for scale in (1, 255)):
            _refuse(paths[name], f"the values of {paths['cc'].name}", f"a phase, since {name} is one")
    if len(phases) == 2 and _same(phases["diff_pha"], phases["unw"]):
        edges = np.abs(np.diff(phases["diff_pha"], axis=1)) > np.pi
        if np.mean(edges) > FEW:
            _refuse(paths["unw"], f"the values of {paths['diff_pha'].name}", "unwrapped phase, without the edges of fringes")


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rasters agree where both hold data, to what storing bytes as fractions leaves, and are not constant."""
    both = np.isfinite(one) & np.isfinite(other)
    values = one[both]
    return values.size > 1 and bool(np.ptp(values) > 0) and np.allclose(values, other[both], rtol=1e-5, atol=1e-6)


def _refuse(path: Path, found: str, expected: str) -> None:
    raise ProductError(f"{path}: found {found}; expected {expected}. To do: {ACTION}.")
