"""The threshold of decision: chosen on validation, applied to test, reported beside the default."""

import numpy as np

from fringeflow.evaluation.metrics import Ranking, divide
from fringeflow.evaluation.predictions import Predictions

DEFAULT = 0.5


def choose_threshold(positive: np.ndarray, score: np.ndarray, objective: str = "f1") -> float:
    """Return the threshold that serves an objective best on these samples.

    Only ever call it with validation samples: chosen on what is then scored, it would flatter.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    score : ndarray, shape (n,)
    objective : {"f1", "mcc"}
        What to maximise: F1 of the positive class, or Matthews' correlation.

    Returns
    -------
    float
        Half-way between the last score that should be accepted and the next one below it, so that new samples
        find room on both sides. Of equally good thresholds the highest: fewer alarms.

    Raises
    ------
    ValueError
        If a class is absent, or the objective is unknown.
    """
    positive = np.asarray(positive, dtype=bool)
    if not positive.any() or positive.all():
        raise ValueError(f"{int(positive.sum())} of {len(positive)} samples are positive; a threshold needs both kinds")
    ranking = Ranking.of(positive, score)
    true, false = ranking.curves(np.ones(len(score)))
    actual, other = true[-1], false[-1]
    if objective == "f1":
        value = 2 * true / (true + false + actual)
    elif objective == "mcc":
        predicted = true + false
        value = divide(true * other - false * actual, np.sqrt(actual * other * predicted * (actual + other - predicted)), 0.0)
    else:
        raise ValueError(f"unknown objective {objective!r}; expected 'f1' or 'mcc'")
    best = int(np.argmax(np.round(value, 12)))
    last = float(ranking.thresholds[best])
    following = float(ranking.thresholds[best + 1]) if best + 1 < len(ranking.thresholds) else last
    middle = (last + following) / 2
    return middle if middle > following else last


def operating_points(validation: Predictions, objective: str) -> dict[str, list[float]]:
    """Return the thresholds of each operating point, one a seed.

    Parameters
    ----------
    validation : Predictions
        Of the validation part.
    objective : {"f1", "mcc"}

    Returns
    -------
    dict
        `default`; with a positive class also `validation`, chosen there.
    """
    points = {"default": [DEFAULT] * len(validation.seeds)}
    positive = validation.positive
    if positive is not None:
        actual = validation.truth == positive
        points["validation"] = [choose_threshold(actual, values[:, positive], objective) for values in validation.probability]
    return points


def decide(probability: np.ndarray, positive: int | None, threshold: float) -> np.ndarray:
    """Turn probabilities into classes.

    Parameters
    ----------
    probability : ndarray, shape (n, K)
    positive : int or None
        The class that is taken wherever its probability reaches the threshold; None: the most probable class, no threshold.
    threshold : float

    Returns
    -------
    ndarray of int, shape (n,)
        The positive class, or else the most probable one of the others.

    Examples
    --------
    >>> decide(np.array([[0.7, 0.3], [0.2, 0.8]]), positive=1, threshold=0.25)
    array([1, 1])
    """
    if positive is None:
        return probability.argmax(1)
    others = probability.copy()
    others[:, positive] = -1
    return np.where(probability[:, positive] >= threshold, positive, others.argmax(1))
