"""Doubtful training tiles: scored by models that have not seen their earthquake, and held against the tiles around them.

Only the training split is judged, by models fitted on the rest of it; the validation split stops these fits as it stops
all others, and the test split has no part in this.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fringeflow.config.models import Training
from fringeflow.config.studies import Curation
from fringeflow.datasets.doubts_figure import draw_doubts
from fringeflow.datasets.overlaps import disagreement, errs_more, find_overlaps, most_doubtful, tile_places
from fringeflow.errors import DatasetError
from fringeflow.files import atomic, read_json
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec
from fringeflow.training.train import Data, fit_seeds

LOGGER = logging.getLogger(__name__)
PLAIN = StrategySpec(name="none", kind="none")
LISTED = [
    "sample",
    "event",
    "frame",
    "pair",
    "label",
    "score",
    "neighbours_score",
    "neighbours_label",
    "neighbours",
    "disagreement",
    "weight",
]


def find_doubts(
    samples: Path,
    dataset: Path,
    embeddings: Path,
    *,
    view: str,
    model: ModelSpec,
    training: Training,
    curation: Curation,
    size: int,
    how: str,
    out: Path,
    table: Path,
    figure: Path,
    threads: int = 1,
) -> None:
    """Judge the training tiles of a dataset in one view.

    Parameters
    ----------
    samples, dataset, embeddings : Path
        samples.parquet and dataset.json of a dataset, and its embeddings in the view for `model`.
    view : str
        To name in the picture.
    model : ModelSpec
    training : Training
    curation : Curation
    size : int
        Side of a tile, in pixels.
    how : {"drop", "downweight"}
    out : Path
        The parquet table to write, for training: `sample` and `weight` (0 for ``drop``) of the tiles that are doubted.
    table : Path
        The list for people to write, tab-separated, the worst first: all tiles whose disagreement reaches the threshold.
        Those that are spared have the weight 1: their own score is right and their neighbours err, or their class has
        given its share. `score` is the probability of the positive class (without one, of the label), `neighbours_score`
        that of the `neighbours` tiles that overlap it and `neighbours_label` the share of them labelled so, both weighted
        by area.
    figure : Path
        The gallery to write.
    threads : int

    Raises
    ------
    DatasetError
        If no tiles overlap, or the training split has too few groups with each class.
    """
    data = Data.read(samples, dataset, embeddings, threads=threads)
    rows = data.rows("train")
    overlaps = find_overlaps(rows, tile_places(rows), size)
    if not len(overlaps.tile):
        raise DatasetError(f"{samples}: no two training tiles overlap, so none can be doubted; use a tiling whose stride is below its size")
    labels = data.task.numbers(rows["label"])
    assigned = grouped_folds(rows["group"].to_numpy(), labels, curation.folds, data.task.classes, source=str(samples))
    probabilities = out_of_fold(data, assigned, model, training, threads=threads)
    amounts = disagreement(labels, probabilities, overlaps)
    weights = np.ones(len(rows))
    own = np.where(errs_more(labels, probabilities, overlaps), amounts, 0.0)
    weights[most_doubtful(own, labels, threshold=curation.threshold, share=curation.share)] = 0.0 if how == "drop" else curation.weight
    column = np.full(len(rows), data.task.classes.index(data.task.positive)) if data.task.positive else labels
    each = np.arange(len(rows))
    ranked = rows.rename(columns={"row": "place"}).assign(
        score=probabilities[each, column],
        neighbours_score=overlaps.mean(probabilities)[each, column],
        neighbours_label=overlaps.mean(np.eye(len(data.task.classes))[labels])[each, column],
        neighbours=overlaps.neighbours,
        disagreement=amounts,
        weight=weights,
    )
    ranked = ranked[ranked["disagreement"] >= curation.threshold].sort_values("disagreement", ascending=False, kind="stable")
    doubted = ranked[ranked["weight"] < 1]
    LOGGER.info("%s: %d of %d training tiles stand out, %d are doubted (%s)", view, len(ranked), len(rows), len(doubted), how)
    with atomic(out) as part:
        doubted[["sample", "weight"]].to_parquet(part, index=False)
    with atomic(table) as part:
        ranked[LISTED].to_csv(part, sep="\t", index=False, float_format="%.4f", lineterminator="\n")
    name = read_json(dataset)["name"]
    subject = f"the probability of {data.task.positive}" if data.task.positive else "the probability of the label"
    draw_doubts(
        ranked,
        figure,
        title=f"{name}, {view}: {len(ranked)} of {len(rows)} training tiles stand out from those that overlap them; "
        f"{len(doubted)} are {'left out' if how == 'drop' else 'weighed down'}",
        note=f"score: {subject} by {model.name}, fitted on other earthquakes; around: of the tiles that overlap it; "
        "shown is the wrapped phase\ndisagreement: how far score less label is from that of the tiles around it, 0 to 2; "
        f"kept: its own score is right and the others' are not, or {100 * curation.share:g} % of its class are doubted already",
    )


def out_of_fold(data: Data, assigned: np.ndarray, model: ModelSpec, training: Training, *, threads: int) -> np.ndarray:
    """Score every training tile by models that were fitted without its fold.

    Parameters
    ----------
    data : Data
    assigned : ndarray of int, shape (n,)
        Fold of each training sample, in the order of the dataset.
    model : ModelSpec
    training : Training
    threads : int

    Returns
    -------
    ndarray of float64, shape (n, K)
        Mean probabilities over the seeds.
    """
    train, validation = data.fold("train"), data.fold("validation")
    scores = np.full((len(train), len(data.task.classes)), np.nan)
    for number in range(int(assigned.max()) + 1):
        held, rest = np.flatnonzero(assigned == number), np.flatnonzero(assigned != number)
        fits = fit_seeds(train.select(rest), validation, data.task, model, PLAIN, training, threads=threads)
        distinct = {id(fit): fit for fit in fits}.values()
        scores[held] = np.mean([fit.probabilities(train.features.select(held)) for fit in distinct], axis=0)
    return scores


def grouped_folds(groups: np.ndarray, labels: np.ndarray, folds: int, classes: Sequence[str], *, source: str) -> np.ndarray:
    """Divide groups into folds with about as many samples of the rarest class, and of all, in each.

    Parameters
    ----------
    groups : ndarray of str, shape (n,)
    labels : ndarray of int, shape (n,)
    folds : int
        At most; there are no more than groups.
    classes : sequence of str
    source : str
        The file to name.

    Returns
    -------
    ndarray of int, shape (n,)
        The same for the same groups and class counts, whatever the order of the samples.

    Raises
    ------
    DatasetError
        If what is left without some fold lacks a class.
    """
    names, number = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), len(classes)), dtype=int)
    np.add.at(counts, (number, labels), 1)
    rare, every = counts[:, counts.sum(axis=0).argmin()], counts.sum(axis=1)
    folds = min(folds, len(names))
    fold_of = np.zeros(len(names), dtype=int)
    held = np.zeros((folds, 2), dtype=int)
    for group in np.lexsort((names, -every, -rare)):
        keys = held if rare[group] else held[:, ::-1]
        fold = min(range(folds), key=lambda fold: (*keys[fold], fold))
        fold_of[group] = fold
        held[fold] += (rare[group], every[group])
    for label, name in enumerate(classes):
        if any(counts[fold_of != fold, label].sum() == 0 for fold in range(folds)):
            holders = ", ".join(names[counts[:, label] > 0])
            raise DatasetError(
                f"{source}: training tiles cannot be scored by models that have not seen their earthquake: class '{name}' is in "
                f"{holders or 'no group'} alone, expected at least two groups of the training split; add events or give them more of the split"
            )
    return fold_of[number]
