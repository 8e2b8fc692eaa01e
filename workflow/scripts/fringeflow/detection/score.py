"""Score every tile of an event with trained runs, and picture the scores over the phase."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.config.models import Training
from fringeflow.detection.figures import picture_scores
from fringeflow.errors import ModelError
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.files import atomic
from fringeflow.training.predict import Run, load_run

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
    columns = {}
    for folder in runs:
        run = load_run(folder)
        columns["/".join(folder.parts[-4:])] = _positive(run, index.parent, settings, cache, threads)
    scores = pd.DataFrame(columns, index=tiles.index)
    result = pd.concat([tiles[["sample", *SHOWN]], scores.mean(axis=1).rename("score"), scores, tiles[TRUTH]], axis=1)
    with atomic(table) as part:
        result.to_csv(part, sep="\t", index=False, float_format="%.6g")
    with atomic(picture) as part:
        picture_scores(result, interferograms, part, title=", ".join(columns))


def _positive(run: Run, folder: Path, settings: Training, cache: Path, threads: int) -> np.ndarray:
    """Return the probability of the positive class for every tile of a folder's store, in its order."""
    if run.task.positive is None:
        raise ModelError(f"{run.folder}: has no positive class among {', '.join(run.task.classes)}; it cannot be used to score tiles")
    found = run.score([str(folder)], cache, batch=settings.embed_batch, threads=threads)
    return found.sort_values("row")[f"p_{run.task.positive}"].to_numpy()
