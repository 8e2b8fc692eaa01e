"""Temperature scaling: one number that makes a network's confidence honest, and changes no ranking of two classes.

Probabilities become softmax(log p / T): T above 1 softens, below 1 sharpens. T is fitted on the validation part
by log loss and reported on test before and after. Predictions stay as they are: thresholds, PR-AUC and all
that hangs on the order of scores are those of the unscaled ones, and a positive T leaves the order of the probabilities of
two classes alone.

References
----------
Guo, Pleiss, Sun and Weinberger (2017), ICML, arXiv:1706.04599 (section 4.2).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fringeflow.evaluation.metrics import LOG_FLOOR
from fringeflow.evaluation.predictions import Predictions

COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of T: classes that validation parts without an error would drive it to 0, misjudged certainty to infinity."""
TOLERANCE = 1e-6


def logits_of(probability: np.ndarray) -> np.ndarray:
    """Return logarithms of probabilities, shape (n, K): logits up to a constant a sample, which a softmax ignores."""
    return np.log(np.clip(probability, LOG_FLOOR, 1))


def fit_temperature(truth: np.ndarray, probability: np.ndarray) -> float:
    """Return the temperature with the least log loss.

    Only ever call it with validation samples: fitted on what is then scored, it would flatter.

    Parameters
    ----------
    truth : ndarray of int, shape (n,)
        Index of the true class.
    probability : ndarray, shape (n, K)

    Returns
    -------
    float
        Between `COLDEST` and `HOTTEST`; exactly one of them where the best lies beyond, and 1 where no temperature
        is better than none (all classes equally likely everywhere). The loss is convex in 1/T, so there is one minimum.
    """
    logits, index = logits_of(probability), np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits * np.exp(-log_temperature), axis=1)[index, truth].mean())

    bounds = (float(np.log(COLDEST)), float(np.log(HOTTEST)))
    found = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": TOLERANCE}).x)
    # The search never quite reaches a bound that the minimum lies beyond.
    best = min((0.0, found, *bounds), key=lambda value: (round(loss(value), 12), abs(value)))
    return float(np.exp(best))


def scaled(probability: np.ndarray, temperature: float) -> np.ndarray:
    """Return probabilities at a temperature.

    Parameters
    ----------
    probability : ndarray, shape (n, K)
    temperature : float
        Above 0; 1 changes nothing.

    Returns
    -------
    ndarray, shape (n, K)

    Examples
    --------
    >>> scaled(np.array([[0.9, 0.1]]), 2.0).round(3)
    array([[0.75, 0.25]])
    """
    return softmax(logits_of(probability) / temperature, axis=1)


def fit_temperatures(validation: Predictions) -> list[float]:
    """Return the temperature of each seed."""
    return [fit_temperature(validation.truth, values) for values in validation.probability]


def at_temperatures(predictions: Predictions, temperatures: Sequence[float]) -> Predictions:
    """Return predictions with each seed's probabilities at its temperature."""
    pairs = zip(predictions.probability, temperatures, strict=True)
    return replace(predictions, probability=np.stack([scaled(values, temperature) for values, temperature in pairs]))
