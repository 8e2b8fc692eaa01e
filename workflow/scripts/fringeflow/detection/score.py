"""Score every tile of an event with trained runs, and picture the scores over the phase."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.models import Training
from fringeflow.detection.figures import picture_scores
from fringeflow.errors import ModelError
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.files import atomic
from fringeflow.training.predict import load_run

SHOWN = ["event", "frame", "pair", "row", "column", "west", "south", "east", "north"]
TRUTH = ["valid_fraction", "mean_coherence", "coseismic", "fringes", "deformed_fraction", "label"]


def best_runs(comparisons: Sequence[Path]) -> list[str]:
    """Return the run that validation chooses in each comparison, as `dataset/view/model/strategy`."""
    return ["/".join(chosen_run(read_comparison(path))[list(NAMES)]) for path in comparisons]


def score_event(
    index: Path,
    interferograms: Path,
    runs: Sequence[Path],
    *,
    settings: Training,
    cache: Path,
    threads: int,
    table: Path,
    picture: Path,
) -> None:
    """Score every tile of an event with every run, and write a table and a picture.

    Parameters
    ----------
    index : Path
        tiles.parquet of the event; the stores of the views lie beside it.
    interferograms : Path
        interferograms.zarr of the event, for the picture.
    runs : sequence of Path
        Folders of trained runs. With several, `score` is their mean.
    settings : Training
        Batch size of a backbone.
    cache : Path
        Folder of cached embeddings.
    threads : int
    table : Path
        Tab-separated, one row a tile: where it lies, its label if any, `score` (probability of the positive
        class, 0 to 1, mean over seeds) and one column a run.
    picture : Path

    Raises
    ------
    ModelError
        If a run has no positive class.
    """
    tiles = pd.read_parquet(index)
    columns = score_tiles(runs, index.parent, settings=settings, cache=cache, threads=threads)
    scores = pd.DataFrame(columns, index=tiles.index)
    result = pd.concat([tiles[["sample", *SHOWN]], scores.mean(axis=1).rename("score"), scores, tiles[TRUTH]], axis=1)
    with atomic(table) as part:
        result.to_csv(part, sep="\t", index=False, float_format="%.6g")
    with atomic(picture) as part:
        picture_scores(result, interferograms, part, title=", ".join(columns))


def score_tiles(runs: Sequence[Path], stores: Path, *, settings: Training, cache: Path, threads: int) -> dict[str, np.ndarray]:
    """Apply runs to every tile of an event, those of another framework than the first in a process of their own.

    TensorFlow and PyTorch crash in one process.

    Parameters
    ----------
    runs : sequence of Path
        Folders of trained runs.
    stores : Path
        Folder of the views' stores.
    settings : Training
    cache : Path
    threads : int

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        By `dataset/view/model/strategy`, the probability of the positive class, mean over seeds.

    Raises
    ------
    ModelError
        If a run has no positive class.
    """
    fitters = {folder: load_run(folder).model.fitter for folder in runs}
    found: dict[Path, np.ndarray] = {}
    for number, fitter in enumerate(dict.fromkeys(fitters.values())):
        mine = [folder for folder in runs if fitters[folder] == fitter]
        if number == 0:
            found |= {folder: _positive(folder, stores, settings, cache, threads) for folder in mine}
            continue
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            waiting = [process.submit(_positive, folder, stores, settings, cache, threads) for folder in mine]
            found |= {folder: future.result() for folder, future in zip(mine, waiting, strict=True)}
    return {"/".join(folder.parts[-4:]): found[folder] for folder in runs}


def _positive(folder: Path, tiles: Path, settings: Training, cache: Path, threads: int) -> np.ndarray:
    """Return the probability of the positive class for every tile of a folder of stores, in its order."""
    run = load_run(folder)
    if run.task.positive is None:
        raise ModelError(f"{run.folder}: has no positive class among {', '.join(run.task.classes)}; it cannot be used to score tiles")
    found = run.score([str(tiles)], cache, batch=settings.embed_batch, threads=threads)
    return found.sort_values("row")[f"p_{run.task.positive}"].to_numpy()
