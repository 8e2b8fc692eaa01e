"""Losses for imbalanced classes: this is their definition; every framework mirrors it and is tested against it."""

import numpy as np


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return log p of each class, shape (n, K), from logits of the same shape."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def cross_entropy(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Return the mean over samples of -w_y log(p_y).

    The mean is over the number of samples, not over the sum of their weights, so that a batch that
    happens to lack the rare class does not count as much as one that has it.

    Parameters
    ----------
    logits : ndarray of float, shape (n, K)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (K,)
        Of the classes.
    """
    return focal(logits, labels, weights, gamma=0.0)


def focal(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray, *, gamma: float) -> float:
    """Return the mean over samples of -w_y (1 - p_y)^gamma log(p_y), the focal loss over K classes by softmax.

    For two classes p is the sigmoid of the difference of the logits, and this is study A's
    FL(p) = -alpha (1-p)^gamma log(p) with alpha the weight of the sample's own class.

    Parameters
    ----------
    logits : ndarray of float, shape (n, K)
    labels : ndarray of int, shape (n,)
    weights : ndarray of float, shape (K,)
        Alpha of the classes (times other class weights, if any).
    gamma : float
        0 gives the weighted cross-entropy.

    References
    ----------
    Lin et al. (2017), arXiv:1708.02002, equation 5.
    """
    log_p = log_softmax(np.asarray(logits, dtype=np.float64))[np.arange(len(labels)), labels]
    return float(np.mean(-np.asarray(weights, dtype=np.float64)[labels] * (-np.expm1(log_p)) ** gamma * log_p))
