"""What a fit is given, and what it gives back: only training and validation samples have a place here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError, ModelError
from fringeflow.training.features import Features

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """Samples of one split.

    Attributes
    ----------
    features : Features
        An array, shape (n, ...), is wrapped.
    labels : ndarray of int64, shape (n,)
        Numbers of the classes.
    weights : ndarray of float32, shape (n,)
        Of the samples in a loss, besides those of their classes; all 1 unless some are doubted.
    """

    features: Features
    labels: np.ndarray
    weights: np.ndarray = field(default=None)  # type: ignore[arg-type]
    checked: bool = field(default=False, repr=False)
    """Whether the features are known to be finite: making sure reads all of them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", Features.of(self.features))
        if self.weights is None:
            object.__setattr__(self, "weights", np.ones(len(self.labels), np.float32))
        if not self.checked:
            self._check()

    def _check(self) -> None:
        """Refuse features that are not finite."""
        first, bad = 0, []
        for block in self.features.blocks():
            finite = np.isfinite(block.reshape(len(block), -1)).all(axis=1)
            bad += (first + np.flatnonzero(~finite)).tolist()
            first += len(block)
        if bad:
            found = f"{len(bad)} of {len(self.features)} samples have features that are NaN or infinite (first: number {bad[0]})"
            raise ModelError(f"{found}; embed the dataset again")

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self, classes: int) -> np.ndarray:
        """Return the number of samples of each class."""
        return np.bincount(self.labels, minlength=classes)

    def select(self, chosen: np.ndarray) -> "Fold":
        """Return some samples, by number, in any order and any number of times."""
        return Fold(self.features.select(chosen), self.labels[chosen], self.weights[chosen], checked=True)

    def joined(self, other: "Fold") -> "Fold":
        """Return these samples, then the other ones."""
        features = Features.join([self.features, other.features])
        labels, weights = (np.concatenate([getattr(fold, name) for fold in (self, other)]) for name in ("labels", "weights"))
        return Fold(features, labels, weights, checked=True)


@dataclass(frozen=True)
class Task:
    """The classes of a dataset.

    Attributes
    ----------
    classes : tuple of str
        In the order of the probabilities.
    positive : str or None
        The class that two-class scores are about; None asks for the mean over classes.
    """

    classes: tuple[str, ...]
    positive: str | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise DatasetError(f"a dataset with the classes {', '.join(self.classes) or 'none'} cannot be learnt; it needs at least two")
        if self.positive is not None and self.positive not in self.classes:
            raise DatasetError(f"the positive class '{self.positive}' is not among {', '.join(self.classes)}")

    def numbers(self, labels: pd.Series) -> np.ndarray:
        """Return class numbers of labels.

        Raises
        ------
        DatasetError
            If a label is not a class.
        """
        numbers = pd.Index(self.classes).get_indexer(pd.Index(labels))
        if (numbers < 0).any():
            found = labels[numbers < 0].iloc[0]
            raise DatasetError(f"label '{found}' is not one of the classes {', '.join(self.classes)}; build the dataset again")
        return numbers.astype(np.int64)

    def score(self, labels: np.ndarray, probabilities: np.ndarray) -> float:
        """Return the PR-AUC that training watches: of the positive class of two, else the mean over classes.

        Parameters
        ----------
        labels : ndarray of int, shape (n,)
        probabilities : ndarray of float, shape (n, K)
        """
        chosen: Sequence[int] = range(len(self.classes))
        if len(self.classes) == 2 and self.positive is not None:
            chosen = [self.classes.index(self.positive)]
        return float(np.mean([average_precision(labels == number, probabilities[:, number]) for number in chosen]))


class Fitted(Protocol):
    """What a fitter gives back."""

    history: list[dict[str, float]]

    def probabilities(self, features: Features) -> np.ndarray:
        """Return shape (n, K) of float64, rows adding up to 1."""

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write it into a folder; return what `load` of its module needs besides."""


def average_precision(positive: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the precision-recall curve as a sum of steps; equal scores are one step.

    Parameters
    ----------
    positive : ndarray of bool, shape (n,)
    scores : ndarray of float, shape (n,)

    Returns
    -------
    float
        NaN without a positive.

    Examples
    --------
    >>> average_precision(np.array([True, False, True]), np.array([0.9, 0.8, 0.7])).__round__(3)
    0.833
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    if not len(scores) or hits[-1] == 0:
        return float("nan")
    recall, precision = hits[last] / hits[-1], hits[last] / (last + 1)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def macro_f1(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean F1 over the classes, a sample being called what is most probable.

    Parameters
    ----------
    labels : ndarray of int, shape (n,)
    probabilities : ndarray of float, shape (n, K)

    Returns
    -------
    float
        Over the classes that occur; NaN if none does.

    Examples
    --------
    >>> macro_f1(np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]])).__round__(3)
    0.667
    """
    classes = probabilities.shape[1]
    called = probabilities.argmax(axis=1)
    right = np.bincount(labels[called == labels], minlength=classes)
    actual, predicted = (np.bincount(numbers, minlength=classes) for numbers in (labels, called))
    there = actual > 0
    return float(np.mean(2 * right[there] / (actual + predicted)[there])) if there.any() else float("nan")


def check_splits(samples: pd.DataFrame, task: Task, *, source: str) -> None:
    """Make sure that every split has samples of every class.

    Parameters
    ----------
    samples : DataFrame
        Columns `split` and `label`.
    task : Task
    source : str
        The file to name.

    Raises
    ------
    DatasetError
        With every class that is missing from a split, and what to do.
    """
    problems = []
    for split in SPLITS:
        part = samples[samples["split"] == split]
        missing = [name for name in task.classes if not (part["label"] == name).any()]
        if missing == list(task.classes):
            problems.append(f"the {split} split is empty")
        elif missing:
            names = ", ".join(f"'{name}'" for name in missing)
            problems.append(f"the {split} split has no sample of class {names}")
    if problems:
        remedy = "Give the split by hand (datasets.*.split, method given), change its seed, or add events that have that class"
        raise DatasetError(f"{source}: {'; '.join(problems)}. {remedy}")
