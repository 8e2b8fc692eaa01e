"""Fits on fewer and fewer training groups (events, recordings or originals): what a learning curve is made of."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.models import Training
from fringeflow.config.studies import LearningCurve
from fringeflow.errors import DatasetError
from fringeflow.files import atomic
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec
from fringeflow.training.cascade import shift_of
from fringeflow.training.predict import adjusted
from fringeflow.training.train import KEPT, Data, fit_seeds
from fringeflow.training.tuned import as_tuned

LOGGER = logging.getLogger(__name__)


def fit_subsets(
    samples: Path,
    dataset: Path,
    embeddings: Path,
    out: Path,
    *,
    model: ModelSpec,
    strategy: StrategySpec,
    settings: Training,
    curve: LearningCurve,
    threads: int = 1,
    tuned: Path | None = None,
) -> None:
    """Fit a model on nested subsets of the training groups and predict the test samples with each fit.

    Parameters
    ----------
    samples, dataset, embeddings : Path
        samples.parquet and dataset.json of a dataset, and its embeddings in a view.
    out : Path
        The parquet table to write: the test samples with `groups` (of training), `repeat`, `training_tiles`,
        `training_positives` (of the rarest class), `seed`, and ``p_{class}``.
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
        Every fit is stopped on the whole validation split, as in any run.
    curve : LearningCurve
    threads : int
    tuned : Path, optional
        As in `train_run`: every subset is fitted with the hyper-parameters that were chosen for all training groups.

    Raises
    ------
    DatasetError
        If a class is missing from a split.
    ModelError
        If features are not finite, `tuned` is of another model, or a loss diverges.
    """
    if tuned is not None:
        model, strategy, settings = as_tuned(tuned, model, strategy, settings)
    data = Data.read(samples, dataset, embeddings, threads=threads)
    rows, validation, test = data.rows("train"), data.fold("validation"), data.rows("test")
    train = data.fold("train")
    groups = rows["group"].to_numpy()
    classes = len(data.task.classes)
    rarest = int(train.counts(classes).argmin())
    orders = nested_orders(groups, train.labels, classes, repeats=curve.repeats, seed=curve.seed)
    sizes = subset_sizes(orders, groups, train.labels, classes, curve.fractions)
    kept = test[[name for name in KEPT if name in test]]
    unseen = data.fold("test").features
    parts = []
    for size in sizes:
        for repeat, order in enumerate(orders[:1] if size == len(orders[0]) else orders):  # there is one subset of all
            subset = train.select(np.flatnonzero(np.isin(groups, order[:size])))
            LOGGER.info("%d of %d groups, repeat %d: %s samples by class", size, len(order), repeat, subset.counts(classes).tolist())
            fits = fit_seeds(subset, validation, data.task, model, strategy, settings, threads=threads)
            shift = shift_of(model, strategy, subset, validation, classes)
            done: dict[int, np.ndarray] = {}
            for seed, fit in zip(settings.seeds, fits, strict=True):
                if id(fit) not in done:
                    done[id(fit)] = adjusted(fit.probabilities(unseen), shift)
                columns = {f"p_{name}": done[id(fit)][:, number] for number, name in enumerate(data.task.classes)}
                counts = {"training_tiles": len(subset), "training_positives": int(subset.counts(classes)[rarest])}
                parts.append(kept.assign(groups=size, repeat=repeat, **counts, seed=seed, **columns))
    with atomic(out) as part:
        pd.concat(parts, ignore_index=True).to_parquet(part, index=False)


def nested_orders(groups: np.ndarray, labels: np.ndarray, classes: int, *, repeats: int, seed: int) -> list[list[str]]:
    """Put groups in random orders whose every beginning has about the whole's share of groups with the rarer classes.

    Parameters
    ----------
    groups : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,)
    classes, repeats, seed : int

    Returns
    -------
    list of list of str
        One order a repeat. The first groups of it are a subset; a longer beginning holds the shorter ones. A group with
        the rarest class comes first.
    """
    names, number = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), classes), dtype=int)
    np.add.at(counts, (number, labels), 1)
    by_rarity = np.argsort(counts.sum(axis=0), kind="stable")
    stratum = (counts[:, by_rarity] > 0).argmax(axis=1)  # of the classes it holds, the rarest
    orders = []
    for repeat in range(repeats):
        rng = np.random.default_rng([seed, repeat])
        place = np.zeros(len(names))
        for kind in np.unique(stratum):
            members = rng.permutation(np.flatnonzero(stratum == kind))
            place[members] = (np.arange(len(members)) + (0.5 if kind else 0.0)) / len(members)
        orders.append([str(name) for name in names[np.lexsort((stratum, place))]])
    return orders


def subset_sizes(orders: list[list[str]], groups: np.ndarray, labels: np.ndarray, classes: int, fractions: Sequence[float]) -> list[int]:
    """Return how many groups the subsets have: the fractions of all, each raised until every subset holds every class.

    Parameters
    ----------
    orders : list of list of str
        From `nested_orders`.
    groups : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,)
    classes : int
    fractions : sequence of float

    Returns
    -------
    list of int
        Ascending, each once.

    Raises
    ------
    DatasetError
        If the groups lack a class altogether.
    """
    held: dict[str, set[int]] = {}
    for group, label in zip(groups, labels, strict=True):
        held.setdefault(str(group), set()).add(int(label))
    smallest = 1
    for order in orders:
        seen: set[int] = set()
        for size, group in enumerate(order, 1):
            seen |= held[group]
            if len(seen) == classes:
                smallest = max(smallest, size)
                break
        else:
            raise DatasetError(f"the training split has samples of {len(seen)} of {classes} classes; every class needs some")
    return sorted({max(smallest, int(fraction * len(orders[0]) + 0.5)) for fraction in fractions})
