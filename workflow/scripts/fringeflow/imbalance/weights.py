"""Weights of the classes in a loss, from how many samples each has."""

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


def full_counts(labels: np.ndarray, classes: int) -> np.ndarray:
    """Count the samples of each class, where each must have one.

    Raises
    ------
    DatasetError
        If a class has no sample.
    """
    counts = class_counts(labels, classes)
    if not counts.all():
        raise DatasetError(f"class number {int(np.argmin(counts))} has no sample to weigh; every class needs one in the training split")
    return counts


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
    return (len(labels) / (classes * full_counts(labels, classes))).astype(np.float32)


def effective_weights(labels: np.ndarray, classes: int, *, beta: float) -> np.ndarray:
    """Return weights by the inverse effective number of samples, scaled so that the mean weight of a sample is 1.

    The effective number of n samples is (1 - beta^n) / (1 - beta): samples of a large class overlap, and each new one
    says less. It is 1 for beta = 0 (all classes weigh the same a sample) and n for beta towards 1 (balanced weights).

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    classes : int
    beta : float, 0 to below 1

    Returns
    -------
    ndarray of float32, shape (classes,)

    Raises
    ------
    DatasetError
        If a class has no sample.

    References
    ----------
    Cui et al. (2019), arXiv:1901.05555, equations 2 and 7; there the weights add up to K instead.

    Examples
    --------
    >>> effective_weights(np.array([0, 0, 0, 1]), 2, beta=0.5)
    array([0.84210527, 1.4736842 ], dtype=float32)
    """
    counts = full_counts(labels, classes)
    inverse = (1 - beta) / (1 - np.float64(beta) ** counts)
    return (inverse * len(labels) / np.sum(counts * inverse)).astype(np.float32)


def weights_of(kind: str, labels: np.ndarray, classes: int, *, beta: float | None = None) -> np.ndarray:
    """Return the weight of each class under a strategy's `weights`: ``none``, ``balanced`` or ``effective``.

    Parameters
    ----------
    kind : str
    labels : ndarray of int, shape (n,)
    classes : int
    beta : float, optional
        Of ``effective``.

    Raises
    ------
    ValueError
        If the kind is unknown, or lacks its beta.
    """
    if kind == "none":
        return np.ones(classes, np.float32)
    if kind == "balanced":
        return balanced_weights(labels, classes)
    if kind == "effective" and beta is not None:
        return effective_weights(labels, classes, beta=beta)
    raise ValueError(f"unknown kind of weights '{kind}' (beta {beta}); valid: balanced, effective with beta, none")
