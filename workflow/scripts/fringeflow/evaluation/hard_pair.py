"""The two classes that are taken for each other most."""

import numpy as np

from fringeflow.evaluation.metrics import divide


def mutual_confusion(matrix: np.ndarray) -> np.ndarray:
    """Return how much any two classes are taken for each other.

    Parameters
    ----------
    matrix : ndarray, shape (K, K)
        Weight by true class (rows) and called class (columns).

    Returns
    -------
    ndarray, shape (K, K)
        Symmetric, 0 to 1: the mean of the share of each that is called the other, so that a rare class counts as much as a frequent
        one; 0 on the diagonal.
    """
    share = divide(matrix, matrix.sum(1, keepdims=True), 0.0)
    mutual = (share + share.T) / 2
    np.fill_diagonal(mutual, 0.0)
    return mutual


def hard_pair(matrix: np.ndarray) -> tuple[int, int] | None:
    """Return the pair of classes with the largest mutual confusion; None if none is ever taken for another.

    Parameters
    ----------
    matrix : ndarray, shape (K, K)

    Examples
    --------
    >>> hard_pair(np.array([[90, 9, 1], [0, 5, 5], [0, 2, 8]]))
    (1, 2)
    """
    mutual = np.round(mutual_confusion(np.asarray(matrix, dtype=float)), 12)
    if not mutual.any():
        return None
    first, second = np.unravel_index(int(np.argmax(np.triu(mutual))), mutual.shape)
    return int(first), int(second)
