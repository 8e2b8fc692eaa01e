"""A gallery of a run's test tiles: the most confident hits, false alarms, misses and quiet ones, with where the network looked."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.detection.gallery_figure import draw_gallery
from fringeflow.errors import ModelError
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.files import read_json
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.store import open_samples
from fringeflow.training.embed import Embedder, store_path
from fringeflow.training.predict import Run, load_run


@dataclass(frozen=True)
class Kind:
    """One of the four ways in which a decision and the truth meet."""

    name: str
    called: bool
    actual: bool


KINDS = (Kind("hits", True, True), Kind("false alarms", True, False), Kind("misses", False, True), Kind("rightly quiet", False, False))


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
        If the run has no positive class, or is missing.
    """
    run = load_run(folder)
    described = read_json(dataset)
    test = read_predictions(Path(folder) / "predictions.parquet", described)["test"]
    if test.positive is None:
        raise ModelError(f"{folder}: has no positive class among {', '.join(test.classes)}; a gallery is of hits and misses of one")
    thresholds = read_json(Path(folder) / "metrics.json")["splits"]["test"]["operating_points"]["validation"]["thresholds"]
    judged = judge(test, thresholds)
    shown = choose_tiles(judged, columns)
    places = pd.read_parquet(samples, columns=["sample", "store", "row"])
    shown = shown.merge(places, on="sample", how="left", validate="one_to_one")
    tiles = _tiles(shown, run.view)
    counts = judged.groupby("kind").size().to_dict()
    architecture = ARCHITECTURES[run.model.architecture]
    draw_gallery(
        shown,
        tiles,
        _attention(run, tiles, architecture.attention, test.positive),
        out,
        kinds={kind.name: int(counts.get(kind.name, 0)) for kind in KINDS},
        view=run.view,
        title="/".join(Path(folder).parts[-4:]),
        architecture=architecture.name,
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


def choose_tiles(judged: pd.DataFrame, columns: int) -> pd.DataFrame:
    """Choose the tiles of each kind that the run was most sure of, one of each event before a second of any.

    Parameters
    ----------
    judged : DataFrame
        From `judge`.
    columns : int
        Most tiles of a kind.

    Returns
    -------
    DataFrame
        Some of its rows, kind by kind, the surest first.
    """
    parts = []
    for kind in KINDS:
        rows = judged[judged["kind"] == kind.name]
        rows = rows.assign(sure=rows["margin"].abs()).sort_values(["sure", "sample"], ascending=[False, True], kind="stable")
        rows = rows.assign(turn=rows.groupby("event").cumcount())
        parts.append(rows.sort_values("turn", kind="stable").head(columns).drop(columns=["turn", "sure"]))
    return pd.concat(parts, ignore_index=True)


def _tiles(shown: pd.DataFrame, view: str) -> np.ndarray:
    """Read the tiles in their order, shape (n, rows, columns)."""
    stores = {store: open_samples(store_path(store, view)) for store in shown["store"].unique()}
    return np.concatenate([stores[row.store].read(np.array([row.row])) for row in shown.itertuples()])


def _attention(run: Run, tiles: np.ndarray, module: str, positive: int) -> np.ndarray | None:
    """Return where the network looked, None for a model without a feature map."""
    if not module:
        return None
    images = Embedder(run.model.encoder_spec, run.view, Path()).images(tiles)
    fits = list({id(fit): fit for fit in run.fits.values()}.values())
    return np.asarray(importlib.import_module(module).attention(run.model, fits, images, positive))
