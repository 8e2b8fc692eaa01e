"""Which trained run scans interferograms: written down once, so that scans follow it and not the table it was chosen from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fringeflow.errors import ModelError
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.files import read_json, sha256_file, write_json


@dataclass(frozen=True)
class Chosen:
    """A run to scan with.

    Attributes
    ----------
    folder : Path
    size : int
        Side of the tiles it was trained on, pixels.
    dataset : str
    """

    folder: Path
    size: int
    dataset: str


def choose_detector(comparisons: Sequence[Path], runs: Sequence[Path], sizes: Mapping[str, int], *, out: Path) -> None:
    """Write which run scans: the one given, or the one that validation chooses in a comparison.

    Parameters
    ----------
    comparisons : sequence of Path
        One comparison.tsv, or none if the run is given.
    runs : sequence of Path
        Folders of trained runs: those of the comparison, or the one given.
    sizes : mapping of str to int
        Side of the tiles of each dataset, pixels.
    out : Path
        JSON to write: `folder`, `run`, `size`, and what a scan depends on: the digest of its run.json, and its temperatures.

    Raises
    ------
    ModelError
        If the run has no class to be found.
    """
    name = "/".join(chosen_run(read_comparison(comparisons[0]))[list(NAMES)]) if comparisons else "/".join(runs[0].parts[-4:])
    folder = next(path for path in runs if "/".join(path.parts[-4:]) == name)
    about = read_json(folder / "run.json")
    if about["positive"] is None:
        raise ModelError(f"{folder}: has no positive class among {', '.join(about['classes'])}; it cannot look for one")
    temperature = read_json(folder / "metrics.json").get("temperature")
    digest, size = sha256_file(folder / "run.json"), sizes[name.split("/")[0]]
    write_json(out, {"folder": folder.as_posix(), "run": name, "digest": digest, "temperature": temperature, "size": size})


def read_detector(path: Path) -> Chosen:
    """Read what `choose_detector` wrote."""
    found = read_json(path)
    return Chosen(Path(found["folder"]), int(found["size"]), found["run"].split("/")[0])


def fitted_keys(samples: Sequence[Path], dataset: str) -> set[str]:
    """Return the interferograms, `frame/pair`, that the runs of a dataset were fitted or chosen on: those of train and validation."""
    path = next(path for path in samples if path.parent.name == dataset)
    table = pd.read_parquet(path, columns=["frame", "pair", "split"])
    return set((table["frame"] + "/" + table["pair"])[table["split"] != "test"])
