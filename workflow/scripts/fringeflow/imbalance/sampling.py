"""Samplers: which training samples are seen, as indices, so that they work on pictures and on features."""

from math import ceil

import numpy as np

from fringeflow.imbalance.weights import class_counts


def resample(sampler: str, labels: np.ndarray, *, ratio: float | None, seed: int) -> np.ndarray:
    """Return the indices to train on under a strategy's `sampler`.

    Raises
    ------
    ValueError
        If the sampler is unknown.
    """
    if sampler == "none":
        return np.arange(len(labels))
    if sampler == "oversample":
        return oversample(labels, ratio=1.0 if ratio is None else ratio, seed=seed)
    raise ValueError(f"unknown sampler '{sampler}'; valid: none, oversample")


def oversample(labels: np.ndarray, *, ratio: float, seed: int) -> np.ndarray:
    """Repeat samples of the rarer classes at random until each reaches `ratio` of the largest.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    ratio : float, 0 to 1
        A class that is larger already stays as it is.
    seed : int

    Returns
    -------
    ndarray of int
        Every index once, then the repetitions.

    Examples
    --------
    >>> oversample(np.array([0, 0, 0, 0, 1]), ratio=0.5, seed=0)
    array([0, 1, 2, 3, 4, 4])
    """
    rng = np.random.default_rng(seed)
    counts = class_counts(labels, int(labels.max()) + 1)
    wanted = ceil(ratio * counts.max() - 1e-9)
    extra = [rng.choice(np.flatnonzero(labels == name), size=wanted - count) for name, count in enumerate(counts) if 0 < count < wanted]
    return np.concatenate([np.arange(len(labels)), *extra])
