"""A gallery of a run's test tiles, with where the network looked: the most confident hits, false alarms, misses and quiet ones.

Where no class is the positive one, each has its tiles that were called right and wrong.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.detection.gallery_figure import draw_gallery
from fringeflow.errors import ModelError
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.evaluation.words import Words
from fringeflow.files import read_json
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.store import open_samples
from fringeflow.training.cascade import CascadeFit
from fringeflow.training.embed import Embedder, store_path
from fringeflow.training.predict import Run, load_run


@dataclass(frozen=True)
class Kind:
    """One of the four ways in which a decision and the truth meet."""

    name: str
    called: bool
    actual: bool


ENDS = ("right", "wrong")
KINDS = (Kind("hits", True, True), Kind("false alarms", True, False), Kind("misses", False, True), Kind("rightly quiet", False, False))
FOUR = tuple(kind.name for kind in KINDS)


def best_of_view(comparison: str | Path, view: str) -> str:
    """Return the run of a view that validation chooses, as `dataset/view/model/strategy`.

    Parameters
    ----------
    comparison : path of a table that `compare_runs` wrote
    view : str

    Raises
    ------
    ModelError
        If the view has no run.
    """
    table = read_comparison(comparison)
    rows = table[table["view"] == view]
    if rows.empty:
        raise ModelError(f"{comparison}: no run of the view '{view}'; run the workflow again")
    return "/".join(chosen_run(rows)[list(NAMES)])


def make_gallery(folder: str | Path, samples: str | Path, dataset: str | Path, *, columns: int, out: str | Path) -> pd.DataFrame:
    """Picture what a run got right and wrong on the test part, at the threshold that validation chose.

    Parameters
    ----------
    folder : path of the run
        With run.json, ``model/``, predictions.parquet and metrics.json.
    samples, dataset : paths of `samples.parquet` and `dataset.json`
    columns : int
        Tiles of each kind.
    out : path of the PNG to write

    Returns
    -------
    DataFrame
        The tiles that are shown, from `choose_tiles`.

    Raises
    ------
    ModelError
        If the run is missing, or the weights of its frozen backbone are.
    """
    run = load_run(folder)
    described = read_json(dataset)
    test = read_predictions(Path(folder) / "predictions.parquet", described)["test"]
    if test.positive is None:
        judged = judge_classes(test)
        kinds, chosen, spoke = [f"{name}, {end}" for name in test.classes for end in ENDS], "", "for the called class"
    else:
        judged = judge(test, read_json(Path(folder) / "metrics.json")["splits"]["test"]["operating_points"]["validation"]["thresholds"])
        kinds, chosen = list(FOUR), "; limit: the threshold from validation, mean of seeds"
        spoke = f"for {test.classes[test.positive]}"
    shown = choose_tiles(judged, columns, kinds)
    places = pd.read_parquet(samples, columns=["sample", "store", "row"])
    shown = shown.merge(places, on="sample", how="left", validate="one_to_one")
    tiles = _tiles(shown, run.view)
    counts = judged.groupby("kind").size().to_dict()
    architecture = ARCHITECTURES[run.model.architecture]
    speaks = shown["called"].tolist() if test.positive is None else [test.classes[test.positive]] * len(shown)
    attention = _attention(run, tiles, architecture.attention, speaks)
    words = Words.of(described)
    note = f"Of each kind the test {words.samples} that the run was surest of, one of each {words.group} first{chosen}\n"
    if attention is None:
        note += f"without attention: {architecture.name} has no feature map to look at"
    else:
        way = importlib.import_module(architecture.attention).way(run.model)
        note += f"second row: dark where nothing spoke {spoke} ({way}, mean of seeds)"
    draw_gallery(
        shown,
        tiles,
        attention,
        out,
        kinds={kind: int(counts.get(kind, 0)) for kind in kinds},
        view=run.view,
        title="/".join(Path(folder).parts[-4:]),
        note=note,
        word=words.sample,
    )
    return shown


def judge(test: Predictions, thresholds: Sequence[float]) -> pd.DataFrame:
    """Say what became of every test tile.

    Parameters
    ----------
    test : Predictions
    thresholds : sequence of float
        One a seed.

    Returns
    -------
    DataFrame
        `sample`, `event`, `pair`, `label`, `score` (mean probability of the positive class over seeds), `threshold` (their mean),
        `margin` (mean over seeds of how far the score lies above the threshold), and `kind`: a tile is called deformation where
        the margin is not negative.
    """
    scores = test.probability[:, :, test.positive]
    margin = (scores - np.asarray(thresholds)[:, None]).mean(axis=0)
    names = {(kind.called, kind.actual): kind.name for kind in KINDS}
    kinds = [names[pair] for pair in zip((margin >= 0).tolist(), (test.truth == test.positive).tolist(), strict=True)]
    about = {"score": scores.mean(axis=0), "threshold": float(np.mean(thresholds)), "margin": margin, "kind": kinds}
    return test.samples[["sample", "event", "pair", "label"]].assign(**about)


def judge_classes(test: Predictions) -> pd.DataFrame:
    """Say what each test tile was called, where all classes matter alike.

    Parameters
    ----------
    test : Predictions

    Returns
    -------
    DataFrame
        `sample`, `event`, `pair`, `label`, `called` (the most probable class, by the mean over seeds), `score` (that class's mean
        probability), `margin` (the same: how sure the run was), and `kind`: the true class, right or wrong.
    """
    mean = test.probability.mean(axis=0)
    called = mean.argmax(axis=1)
    kinds = [f"{test.classes[truth]}, {ENDS[int(truth != number)]}" for truth, number in zip(test.truth, called, strict=True)]
    about = {"called": np.asarray(test.classes, object)[called], "score": mean.max(axis=1), "margin": mean.max(axis=1), "kind": kinds}
    return test.samples[["sample", "event", "pair", "label"]].assign(**about)


def choose_tiles(judged: pd.DataFrame, columns: int, kinds: Sequence[str] = FOUR) -> pd.DataFrame:
    """Choose the tiles of each kind that the run was most sure of, one of each event before a second of any.

    Parameters
    ----------
    judged : DataFrame
        From `judge` or `judge_classes`.
    columns : int
        Most tiles of a kind.
    kinds : sequence of str
        In the order to show.

    Returns
    -------
    DataFrame
        Some of its rows, kind by kind, the surest first.
    """
    parts = []
    for kind in kinds:
        rows = judged[judged["kind"] == kind]
        rows = rows.assign(sure=rows["margin"].abs()).sort_values(["sure", "sample"], ascending=[False, True], kind="stable")
        rows = rows.assign(turn=rows.groupby("event").cumcount())
        parts.append(rows.sort_values("turn", kind="stable").head(columns).drop(columns=["turn", "sure"]))
    return pd.concat(parts, ignore_index=True)


def _tiles(shown: pd.DataFrame, view: str) -> np.ndarray:
    """Read the tiles in their order, shape (n, rows, columns)."""
    stores = {store: open_samples(store_path(store, view)) for store in shown["store"].unique()}
    return np.concatenate([stores[row.store].read(np.array([row.row])) for row in shown.itertuples()])


def _attention(run: Run, tiles: np.ndarray, module: str, classes: Sequence[str]) -> np.ndarray | None:
    """Return where the network looked for a class of each tile's own, None for a model without a feature map."""
    if not module:
        return None
    look = importlib.import_module(module).attention
    images = Embedder(run.model.encoder_spec, run.view, Path()).images(tiles)
    fits = list({id(fit): fit for fit in run.fits.values()}.values())
    maps: dict[int, np.ndarray] = {}
    for name in dict.fromkeys(classes):
        mine = [number for number, own in enumerate(classes) if own == name]
        parts = [deciding(fit, name, run.task.classes) for fit in fits]
        found = look(run.model, [fit for fit, _ in parts], images[mine], parts[0][1])
        maps |= dict(zip(mine, np.asarray(found), strict=True))
    return np.stack([maps[number] for number in range(len(classes))])


def deciding(fit: Any, name: str, classes: Sequence[str]) -> tuple[Any, int]:
    """Return the fit that decides on a class at last, and the class's number there: of a cascade the stage that tells it apart.

    Parameters
    ----------
    fit : Fitted
    name : str
    classes : sequence of str
        The dataset's.
    """
    if not isinstance(fit, CascadeFit):
        return fit, classes.index(name)
    stage = next(number for number, level in enumerate(fit.levels) if name in level.classes)
    return fit.fits[stage], fit.levels[stage].classes.index(name)
