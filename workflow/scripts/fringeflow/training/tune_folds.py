"""Grouped, stratified folds of the training split: what a choice of hyper-parameters is scored on."""

import warnings

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from fringeflow.errors import DatasetError

ATTEMPTS = 20
"""Divisions that are drawn until one gives every fold samples of every class."""


def divide(
    groups: np.ndarray, labels: np.ndarray, classes: tuple[str, ...], folds: int, *, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide samples into folds that share no group and have about the same share of every class.

    Parameters
    ----------
    groups : ndarray of str, shape (n,)
        Earthquake, recording or source image of each sample.
    labels : ndarray of int, shape (n,)
    classes : tuple of str
    folds : int
        At least 2.
    seed : int

    Returns
    -------
    list of pairs of ndarray of int
        For every fold the numbers of the samples to train on, then those that are held out.

    Raises
    ------
    DatasetError
        If a class has fewer groups than there are folds, or no division was found in which every fold has every class.
    """
    owners = [len(np.unique(groups[labels == number])) for number in range(len(classes))]
    short = [f"class '{name}' has samples of {count} groups" for name, count in zip(classes, owners, strict=True) if count < folds]
    if short:
        raise DatasetError(
            f"{', '.join(short)} in the training split, too few for tune.folds: {folds}, of which each holds out groups of its own; "
            f"{_remedy(min(owners))}, or give the training split more of it (datasets.*.split)"
        )
    for attempt in range(ATTEMPTS):
        chance = int(np.random.SeedSequence([seed, attempt]).generate_state(1)[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a class with few samples: looked into below
            found = [*StratifiedGroupKFold(folds, shuffle=True, random_state=chance).split(labels, labels, groups)]
        if all(len(np.unique(labels[part])) == len(classes) for pair in found for part in pair):
            return found
    raise DatasetError(
        f"in none of {ATTEMPTS} divisions of the training split's {len(np.unique(groups))} groups into tune.folds: {folds} "
        f"does every fold have samples of every class; {_remedy(folds - 1)}"
    )


def _remedy(most: int) -> str:
    return (
        f"set tune.folds to {most} or fewer, or to 0 (scored on the validation split)"
        if most > 1
        else "set tune.folds to 0 (scored on the validation split)"
    )
