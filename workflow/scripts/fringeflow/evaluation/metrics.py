"""Metrics of a classifier under any number of weightings of its samples at once.

A bootstrap draw is a weighting: how often each sample's group was drawn. So every function takes `weights` of shape
(n,) or (draws, n) and returns one value or one per draw; samples are sorted once, whatever the number
of draws. For the weights that scikit-learn calls `sample_weight` the values are the same.

What is undefined is NaN, never 0: a score for finding a class in a draw that has no sample of it.
"""

from dataclasses import dataclass

import numpy as np

LOG_FLOOR = float(np.finfo(np.float64).eps)
"""Probability below which the log loss does not fall further (as in scikit-learn)."""


@dataclass(frozen=True)
class Ranking:
    """A binary problem with its samples in descending order of score.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        Sample indices, highest score first.
    positive : ndarray of bool, shape (n,)
        In that order.
    ends : ndarray of int, shape (m,)
        Position of the last sample of every run of equal scores: a threshold cannot part them.
    thresholds : ndarray, shape (m,)
        Those scores, descending.
    """

    order: np.ndarray
    positive: np.ndarray
    ends: np.ndarray
    thresholds: np.ndarray

    @classmethod
    def of(cls, positive: np.ndarray, score: np.ndarray) -> "Ranking":
        """Sort a problem.

        Parameters
        ----------
        positive : ndarray of bool, shape (n,)
        score : ndarray, shape (n,)
            Higher means more likely positive.

        Raises
        ------
        ValueError
            If a score is NaN, or there is none.
        """
        if len(score) == 0 or np.isnan(score).any():
            raise ValueError(f"{int(np.isnan(score).sum())} of {len(score)} scores are NaN; every sample needs one")
        order = np.argsort(-score, kind="stable")
        ranked = score[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        return cls(order, np.asarray(positive, dtype=bool)[order], ends, ranked[ends])

    def curves(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the weight of true and of false positives at each threshold.

        Parameters
        ----------
        weights : ndarray, shape (..., n)
            In the order of the samples, not of the ranking.

        Returns
        -------
        true, false : ndarray, shape (..., m)
        """
        ranked = np.asarray(weights, dtype=np.float64)[..., self.order]
        every = np.cumsum(ranked, axis=-1)[..., self.ends]
        ranked *= self.positive
        true = np.cumsum(ranked, axis=-1, out=ranked)[..., self.ends]
        every -= true
        return true, every


def divide(above: np.ndarray, below: np.ndarray, otherwise: float = np.nan) -> np.ndarray:
    """Divide, with a value of its own where the denominator is 0."""
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    return np.divide(above, below, out=np.full(above.shape, otherwise), where=below > 0)


def average_precision(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Return the area under the precision-recall curve as its step-wise sum.

    Parameters
    ----------
    true, false : ndarray, shape (..., m)
        From `Ranking.curves`.

    Returns
    -------
    ndarray, shape (...)
        sum_k (R_k - R_(k-1)) P_k, without interpolation, which would flatter. NaN without positives.
        A classifier that knows nothing gets the prevalence.
    """
    precision = true + false
    np.divide(true, precision, out=precision, where=precision > 0)
    steps = np.diff(true, axis=-1, prepend=0.0)
    return divide(np.einsum("...m,...m->...", steps, precision), true[..., -1])


def roc_auc(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Parameters
    ----------
    true, false : ndarray, shape (..., m)
        From `Ranking.curves`.

    Returns
    -------
    ndarray, shape (...)
        NaN where a class is absent.
    """
    steps = np.diff(false, axis=-1, prepend=0.0)
    before = np.concatenate([np.zeros((*true.shape[:-1], 1)), true[..., :-1]], axis=-1)
    before += true
    area = np.einsum("...m,...m->...", steps, before) / 2
    return divide(area, true[..., -1] * false[..., -1])


def recall_at_false_alarms(true: np.ndarray, false: np.ndarray, tolerated: np.ndarray | float) -> np.ndarray:
    """Return the largest recall of any threshold with at most `tolerated` false alarms.

    A false alarm is one negative tile at or above the threshold. The tolerance per frame is counted per
    interferogram, which is what a frame delivers at a time: at a rate of 1, a part of the split with 40
    interferograms may have 40. Overlapping tiles on one spurious fringe count each, so the figure is on the safe
    side.

    Parameters
    ----------
    true, false : ndarray, shape (..., m)
        From `Ranking.curves`.
    tolerated : ndarray, shape (...), or float
        Weight of false alarms: rate times the weight of the interferograms.

    Returns
    -------
    ndarray, shape (...)
        NaN without positives.
    """
    allowed = (false <= np.asarray(tolerated)[..., None] * (1 + 1e-12)).sum(-1)
    padded = np.concatenate([np.zeros((*true.shape[:-1], 1)), true], axis=-1)
    return divide(np.take_along_axis(padded, allowed[..., None], axis=-1)[..., 0], true[..., -1])


def confusion(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """Return confusion matrices.

    Parameters
    ----------
    truth, predicted : ndarray of int, shape (n,)
        Indices of classes.
    weights : ndarray, shape (..., n)
    classes : int

    Returns
    -------
    ndarray, shape (..., classes, classes)
        Weight by true class (rows) and predicted class (columns).
    """
    cells = np.zeros((len(truth), classes * classes))
    cells[np.arange(len(truth)), truth * classes + predicted] = 1
    flat = np.asarray(weights, dtype=np.float64) @ cells
    return flat.reshape(*flat.shape[:-1], classes, classes)


def accuracy(matrix: np.ndarray) -> np.ndarray:
    """Return the share of right predictions from confusion matrices, shape (..., K, K)."""
    return divide(np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1)))


def precision_recall_f1(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, recall and F1 of every class.

    Parameters
    ----------
    matrix : ndarray, shape (..., K, K)
        From `confusion`.

    Returns
    -------
    precision, recall, f1 : ndarray, shape (..., K)
        Precision is 0 where nothing was predicted; recall and F1 are NaN where the class is absent.
    """
    right = np.diagonal(matrix, axis1=-2, axis2=-1)
    predicted, actual = matrix.sum(-2), matrix.sum(-1)
    f1 = divide(2 * right, predicted + actual)
    return divide(right, predicted, 0.0), divide(right, actual), np.where(actual > 0, f1, np.nan)


def matthews(matrix: np.ndarray) -> np.ndarray:
    """Return Matthews' correlation coefficient, for K classes Gorodkin's R_K.

    Parameters
    ----------
    matrix : ndarray, shape (..., K, K)
        From `confusion`.

    Returns
    -------
    ndarray, shape (...)
        0 where all predictions are alike, NaN where all truth is.

    References
    ----------
    Gorodkin (2004), Computational Biology and Chemistry 28, 367-374.
    """
    right, total = np.trace(matrix, axis1=-2, axis2=-1), matrix.sum((-2, -1))
    predicted, actual = matrix.sum(-2), matrix.sum(-1)
    covariance = right * total - (predicted * actual).sum(-1)
    spread_predicted, spread_actual = total**2 - (predicted**2).sum(-1), total**2 - (actual**2).sum(-1)
    small = 1e-12 * total**2
    value = divide(covariance, np.sqrt(np.maximum(spread_predicted, 0) * np.maximum(spread_actual, 0)), 0.0)
    value = np.where(spread_predicted > small, value, 0.0)
    return np.where(spread_actual > small, value, np.nan)


def mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return weighted means of `values`, shape (n,), under `weights`, shape (..., n)."""
    weights = np.asarray(weights, dtype=np.float64)
    return divide(weights @ values, weights.sum(-1))


def brier(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each sample's Brier score: half its squared distance from the truth, 0 to 1.

    For two classes that is (p - y)^2, the usual form.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
    probability : ndarray, shape (n, K)

    Returns
    -------
    ndarray, shape (n,)
    """
    return ((probability - np.eye(probability.shape[1])[truth]) ** 2).sum(1) / 2


def log_loss(truth: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Return each sample's negative log probability of the true class, natural units, shape (n,)."""
    return -np.log(np.clip(probability[np.arange(len(truth)), truth], LOG_FLOOR, 1))


def calibration(outcome: np.ndarray, probability: np.ndarray, weights: np.ndarray, bins: int = 10) -> np.ndarray:
    """Hold probabilities against frequencies in equal bins of probability.

    Parameters
    ----------
    outcome : ndarray of bool, shape (n,)
        Whether what the probability speaks of is so.
    probability : ndarray, shape (n,)
    weights : ndarray, shape (..., n)
    bins : int

    Returns
    -------
    ndarray, shape (..., bins, 3)
        Weight, weighted sum of probabilities and weighted sum of outcomes in each bin; 1 falls into the last.
    """
    number = np.minimum((probability * bins).astype(int), bins - 1)
    columns = np.zeros((len(number), bins, 3))
    columns[np.arange(len(number)), number] = np.stack([np.ones(len(number)), probability, outcome], axis=1)
    flat = np.asarray(weights, dtype=np.float64) @ columns.reshape(len(number), -1)
    return flat.reshape(*flat.shape[:-1], bins, 3)


def expected_calibration_error(table: np.ndarray) -> np.ndarray:
    """Return the mean distance between probability and frequency over the bins of `calibration`, by weight.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), AAAI, 2901-2907.
    """
    return divide(np.abs(table[..., 1] - table[..., 2]).sum(-1), table[..., 0].sum(-1))
