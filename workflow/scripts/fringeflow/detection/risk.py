"""The threshold that keeps a rate of false alarms: conformal risk control over quiet interferograms.

Pixels and windows of one interferogram overlap and lie under one atmosphere, so that a million of them are not a million
observations; nor are pairs that share an acquisition, or those of one other frame. `units` says what is one: an interferogram, or the
mean of a frame's. L_i(t), the share of unit i that reaches the threshold t, lies between 0 and 1 and falls with t, and for such losses
conformal risk control gives a threshold without any assumption on scores. With n units,

    t = min { t : n / (n + 1) mean_i L_i(t) + 1 / (n + 1) <= rate },     E L_new(t) <= rate

if a further one is exchangeable with them; the expectation is over all of them, calibration included.
1 / (n + 1) stands for the worst that the new one might do. It is also the least that n units can promise: for a
smaller rate the threshold is put above everything in them, for which the formula gives 1 / (n + 1), and the outcome says that
the rate asked for is not attained.

A bound that holds with a certainty 1 - d for this one threshold, rather than on average over thresholds (Bates et al. 2021,
arXiv:2101.02703), would need n >= log(d) / log(1 - rate) units even if nothing in them were above it: 230 for 1 % at
90 %. Hardly any frame has them, so none is given.

References
----------
Angelopoulos, Bates, Fisch, Lei and Schuster (2024), ICLR, arXiv:2208.02814, theorem 1.
"""

from dataclasses import dataclass

import numpy as np

DEFAULT = 0.5
"""Threshold where there is no quiet interferogram at all, and nothing is promised."""
LOWEST, HIGHEST, PER_UNIT = -12, 34, 50
"""Of the logits of possible thresholds: 50 to a unit, up to what a float64 still tells from 1."""
EDGES = np.concatenate(
    [[0.0], 1 / (1 + np.exp(-np.arange(LOWEST * PER_UNIT, HIGHEST * PER_UNIT + 1) / PER_UNIT)), [np.nextafter(1.0, 2.0)]]
)
"""Possible thresholds, ascending; nothing reaches the last. On a finite set the theorem needs no continuity of the loss."""
EDGES32 = np.where(EDGES.astype(np.float32) < EDGES, np.nextafter(EDGES.astype(np.float32), np.float32(2)), EDGES.astype(np.float32))
"""The smallest float32 that reaches each: a map is counted three times as fast without widening it."""
TOLERANCE = 1e-12


@dataclass(frozen=True)
class RiskControl:
    """A threshold and what it promises.

    Attributes
    ----------
    threshold : float
        One of `EDGES`; what reaches it is an alarm. May lie above 1: then there is none.
    promised : float
        Bound of the expected share of a further quiet interferogram that reaches it.
    attained : bool
        Whether that is the rate asked for.
    share : float
        Mean share of the given units that reaches it; NaN without any.
    """

    threshold: float
    promised: float
    attained: bool
    share: float


def count_values(values: np.ndarray) -> np.ndarray:
    """Count probabilities between the possible thresholds.

    Parameters
    ----------
    values : ndarray of float32 or float64, any shape
        From 0 to 1; NaN is not counted.

    Returns
    -------
    ndarray of int64, shape (len(EDGES),)
        Number k: those that reach the threshold number k and not the next. Those of two parts of a raster add up.
    """
    edges = EDGES32 if values.dtype == np.float32 else EDGES
    counts = np.bincount(np.searchsorted(edges, values.ravel(), side="right"), minlength=len(edges) + 1)
    # Nothing lies below the first edge. NaN is sorted behind the last, which nothing else reaches.
    return np.append(counts[1:-1], 0)


def shares_of(counts: np.ndarray) -> np.ndarray:
    """Return the share that reaches each possible threshold, shape (len(EDGES),): the loss, from 1 down to 0."""
    return counts[::-1].cumsum()[::-1] / counts.sum()


def control_risk(losses: np.ndarray, rate: float) -> RiskControl:
    """Return the smallest threshold that keeps a rate of false alarms, or the best that can be promised.

    Parameters
    ----------
    losses : ndarray, shape (n, len(EDGES))
        `shares_of` each unit.
    rate : float
        Between 0 and 1: the share of a further quiet interferogram that may reach the threshold, on average.

    Returns
    -------
    RiskControl

    Examples
    --------
    >>> losses = np.stack([shares_of(count_values(np.array([0.1, 0.2, 0.3, 0.4])))] * 9)
    >>> found = control_risk(losses, 0.5)
    >>> round(found.threshold, 2), found.promised, found.share
    (0.3, 0.5, 0.25)
    >>> found = control_risk(losses, 0.01)
    >>> round(found.threshold, 2), found.promised, found.attained
    (0.4, 0.1, False)
    """
    count = len(losses)
    promised = max(rate, 1 / (count + 1))
    if not count:
        return RiskControl(DEFAULT, promised, False, float("nan"))
    mean = losses.mean(axis=0)
    allowed = (promised * (count + 1) - 1) / count
    chosen = int(np.flatnonzero(mean <= allowed + TOLERANCE)[0])
    return RiskControl(float(EDGES[chosen]), promised, promised == rate, float(mean[chosen]))
