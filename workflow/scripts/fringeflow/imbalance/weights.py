"""Weights of classes and samples."""

import numpy as np

from fringeflow.errors import DatasetError


def class_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count the samples of each class.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    classes : int

    Returns
    -------
    ndarray of int, shape (classes,)
    """
    return np.bincount(labels, minlength=classes)


def balanced_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """Return w_i = N / (K n_i): every class weighs the same, and the mean weight of a sample is 1.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    classes : int
        K.

    Returns
    -------
    ndarray of float32, shape (classes,)

    Raises
    ------
    DatasetError
        If a class has no sample.

    Examples
    --------
    >>> balanced_weights(np.array([0, 0, 0, 1]), 2)
    array([0.6666667, 2.       ], dtype=float32)
    """
    counts = class_counts(labels, classes)
    if not counts.all():
        raise DatasetError(f"class number {int(np.argmin(counts))} has no sample to weigh; every class needs one in the training split")
    return (len(labels) / (classes * counts)).astype(np.float32)


def weights_of(kind: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Return the weight of each class under a strategy's `weights`: ``none`` or ``balanced``.

    Raises
    ------
    ValueError
        If the kind is unknown.
    """
    if kind == "none":
        return np.ones(classes, np.float32)
    if kind == "balanced":
        return balanced_weights(labels, classes)
    raise ValueError(f"unknown kind of weights '{kind}'; valid: balanced, none")
