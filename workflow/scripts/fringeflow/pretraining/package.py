"""The best pretrained network as a model to give away: a folder with its weights, what quiet ground looks like to it, and a card."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.pretraining import Pretraining
from fringeflow.config.studies import Detect
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import gather_windows, read_windows, write_windows
from fringeflow.files import atomic, read_json, write_json
from fringeflow.models.base import CARD, QUIET, run_digest
from fringeflow.pretraining.card import card
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.prevalence import at_prevalence


def package_model(
    runs: Mapping[int, Path], pairs: Sequence[RealPair], settings: Pretraining, transfer: Path, *, name: str, folder: Path, threads: int = 1
) -> None:
    """Package the network that did best on held-out simulated tiles; no real one has a say.

    Parameters
    ----------
    runs : mapping of int to Path
        Folders of runs by the number of scenes.
    pairs : sequence of RealPair
        Those that hold no deformation are scanned, for thresholds of interferograms that have no quiet ones beside them.
    settings : Pretraining
    transfer : Path
        The table of `compare_transfer`, for the card.
    name : str
    folder : Path
        Gets backbone.safetensors, model/, metrics.json, run.json, quiet.parquet and, last, card.md.
    threads : int
    """
    chosen = max(runs, key=lambda scenes: float(read_json(runs[scenes] / "metrics.json")["held_out"]["pr_auc"]))
    source = runs[chosen]
    folder.mkdir(parents=True, exist_ok=True)
    for path in ("backbone.safetensors", "metrics.json"):
        with atomic(folder / path) as part:
            shutil.copyfile(source / path, part)
    with atomic(folder / "model") as part:
        shutil.copytree(source / "model", part, copy_function=shutil.copyfile)
    about = at_prevalence(read_json(source / "run.json"), settings.prevalence)
    about["model"]["encoder"]["weights"] = "backbone.safetensors"  # beside run.json: the folder can be moved
    write_json(folder / "run.json", {**about, "name": name})
    quiet = [pair for pair in pairs if pair.is_quiet]
    keep_quiet(quiet, folder, settings, threads)
    scores = pd.read_csv(transfer, sep="\t")
    with atomic(folder / CARD) as part:
        text = card(name, chosen, read_json(folder / "run.json"), read_json(folder / "metrics.json"), scores, pairs, quiet)
        part.write_text(text, encoding="utf-8")


def keep_quiet(quiet: Sequence[RealPair], folder: Path, settings: Pretraining, threads: int) -> None:
    """Scan quiet interferograms, and write what was seen in all of them as one table of windows."""
    with tempfile.TemporaryDirectory() as scratch:
        tables = [Path(scratch, f"{number}.parquet") for number in range(len(quiet))]
        for pair, table in zip(quiet, tables, strict=True):
            scan_interferogram(
                pair.path,
                pair.interferogram.key,
                folder,
                Detect(),
                size=settings.tile,
                spectrogram=Spectrogram(),
                out=Path(scratch, "probability.tif"),
                windows=table,
                threads=threads,
            )
        if tables:
            gather_windows(tables, folder / QUIET)
        else:
            (folder / QUIET).unlink(missing_ok=True)


def renamed(folder: Path, weights: str, digest: str) -> dict[str, Any]:
    """Return a packaged model's run.json with other words for where its weights lie, and adapt its quiet windows to that.

    They hold the digest of run.json, so that windows of one model are not taken for those of another.
    """
    about = read_json(folder / "run.json")
    about["model"]["encoder"] |= {"weights": weights, "weights_digest": digest}
    write_json(folder / "run.json", about)
    if (folder / QUIET).is_file():
        table, seen = read_windows(folder / QUIET)
        write_windows(folder / QUIET, table, {**seen, "run_digest": run_digest(folder)})
    return about
