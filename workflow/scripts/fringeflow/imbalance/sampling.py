"""Samplers: which training samples are seen, as indices, so that they work on pictures and on features."""

from math import ceil, floor

import numpy as np

from fringeflow.errors import DatasetError
from fringeflow.imbalance.weights import class_counts

NEIGHBOURS = 5
"""Of a sample, from which SMOTE draws the other end of a line; fewer in a class that is smaller."""


def resample(sampler: str, labels: np.ndarray, *, ratio: float, seed: int) -> np.ndarray:
    """Return the indices to train on under a strategy's `sampler`: ``none``, ``oversample`` or ``undersample``.

    Raises
    ------
    ValueError
        If the sampler is unknown.
    """
    if sampler == "none":
        return np.arange(len(labels))
    if sampler == "oversample":
        return oversample(labels, ratio=ratio, seed=seed)
    if sampler == "undersample":
        return undersample(labels, ratio=ratio, seed=seed)
    raise ValueError(f"unknown sampler '{sampler}'; valid: none, oversample, undersample")


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
    wanted = _wanted(counts, ratio)
    extra = [rng.choice(np.flatnonzero(labels == name), size=wanted - count) for name, count in enumerate(counts) if 0 < count < wanted]
    return np.concatenate([np.arange(len(labels)), *extra])


def undersample(labels: np.ndarray, *, ratio: float, seed: int) -> np.ndarray:
    """Leave samples of the larger classes out at random until the rarest reaches `ratio` of each.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    ratio : float, 0 to 1
        A class that is small enough already stays whole.
    seed : int

    Returns
    -------
    ndarray of int
        Increasing, each once.

    Examples
    --------
    >>> undersample(np.array([0, 0, 0, 0, 1]), ratio=0.5, seed=0)
    array([0, 2, 4])
    """
    rng = np.random.default_rng(seed)
    names, counts = np.unique(labels, return_counts=True)
    most = floor(counts.min() / ratio + 1e-9)
    kept = [rng.permutation(np.flatnonzero(labels == name))[:most] for name in names]
    return np.sort(np.concatenate(kept))


def smote(features: np.ndarray, labels: np.ndarray, *, ratio: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make features on lines between neighbours of a rarer class until it reaches `ratio` of the largest.

    Parameters
    ----------
    features : ndarray of float32, shape (n, dim)
    labels : ndarray of int, shape (n,)
    ratio : float, 0 to 1
    seed : int

    Returns
    -------
    features : ndarray of float32, shape (m, dim)
        The new samples alone.
    labels : ndarray of int, shape (m,)

    Raises
    ------
    DatasetError
        If a class that must grow has one sample: there is no line to draw.

    References
    ----------
    Chawla et al. (2002), JAIR 16; the neighbours are five, or all others of a class that has fewer.
    """
    from imblearn.over_sampling import SMOTE  # a second's import that other strategies need not wait for

    names, counts = np.unique(labels, return_counts=True)
    wanted = _wanted(counts, ratio)
    parts = [(features[:0], labels[:0])]
    for name, count in zip(names, counts, strict=True):
        if count >= wanted:
            continue
        if count == 1:
            raise DatasetError(f"SMOTE: class number {name} has one training sample and needs two to draw between; use oversample instead")
        maker = SMOTE(sampling_strategy={name: wanted}, k_neighbors=min(NEIGHBOURS, count - 1), random_state=seed)
        grown, grown_labels = maker.fit_resample(features, labels)
        parts.append((grown[len(labels) :], grown_labels[len(labels) :]))
    return np.concatenate([part for part, _ in parts]), np.concatenate([part for _, part in parts])


def stratified_batches(labels: np.ndarray, batch: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Deal all samples into batches, so that each has its share of every class.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    batch : int
        Smallest size, unless there are fewer samples; sizes differ by one at most. None is a batch of one, whose
        statistics could not be normalised by.
    rng : Generator

    Returns
    -------
    list of ndarray of int
        Every index once. A class of n_k samples has n_k / (number of batches) in each, rounded up or down.

    Examples
    --------
    >>> batches = stratified_batches(np.array([0] * 9 + [1] * 3), 4, np.random.default_rng(0))
    >>> [int((rows >= 9).sum()) for rows in batches]
    [1, 1, 1]
    """
    count = max(1, len(labels) // batch)
    order = np.concatenate([rng.permutation(np.flatnonzero(labels == name)) for name in np.unique(labels)])
    return [order[start::count] for start in rng.permutation(count)]


def _wanted(counts: np.ndarray, ratio: float) -> int:
    """Return the size of a class that is `ratio` of the largest; a hair of rounding does not ask for one more."""
    return ceil(ratio * counts.max() - 1e-9)
