"""Which trained run scans interferograms: written down once, so that scans follow it and not the table it was chosen from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from fringeflow.errors import ModelError
from fringeflow.evaluation.summary import NAMES, chosen_run, read_comparison
from fringeflow.files import read_json, write_json
from fringeflow.models.base import QUIET, packaged_folder, run_digest


@dataclass(frozen=True)
class Chosen:
    """A run to scan with.

    Attributes
    ----------
    folder : Path
    size : int
        Side of the tiles it was trained on, pixels.
    dataset : str
        Empty for a packaged model.
    """

    folder: Path
    size: int
    dataset: str

    @property
    def quiet(self) -> list[Path]:
        """What a packaged model brings: the windows of quiet interferograms that it has scanned."""
        path = self.folder / QUIET
        return [path] if not self.dataset and path.is_file() else []

    def fitted_keys(self, samples: Sequence[Path]) -> set[str]:
        """Return the interferograms, `frame/pair`, that the run was fitted or chosen on, or its pretrained backbone before.

        Parameters
        ----------
        samples : sequence of Path
            samples.parquet of the datasets: of the run's own, those of train and validation count.
        """
        if not self.dataset:
            return set(read_json(self.folder / "run.json").get("trained_on", []))
        path = next(path for path in samples if path.parent.name == self.dataset)
        table = pd.read_parquet(path, columns=["frame", "pair", "split"])
        before = read_json(self.folder / "run.json").get("pretrained_on", [])
        return {*(table["frame"] + "/" + table["pair"])[table["split"] != "test"], *before}


def choose_detector(comparisons: Sequence[Path], runs: Sequence[Path], sizes: Mapping[str, int], packaged: str, *, out: Path) -> None:
    """Write which run scans: the one given, the one that validation chooses in a comparison, or a packaged model.

    Parameters
    ----------
    comparisons : sequence of Path
        One comparison.tsv, or none if the run is given.
    runs : sequence of Path
        Folders of trained runs: those of the comparison, or the one given; none for a packaged model.
    sizes : mapping of str to int
        Side of the tiles of each dataset, pixels.
    packaged : str
        `fringeflow-base`, the folder of another packaged model, or empty.
    out : Path
        JSON to write: `folder`, `run`, `size`, and what a scan depends on: the digest of all that it scores with, and its temperatures.

    Raises
    ------
    ModelError
        If the run has no class to be found.
    """
    if packaged:
        folder, name = packaged_folder(packaged), packaged
    else:
        name = "/".join(chosen_run(read_comparison(comparisons[0]))[list(NAMES)]) if comparisons else "/".join(runs[0].parts[-4:])
        folder = next(path for path in runs if "/".join(path.parts[-4:]) == name)
    about = read_json(folder / "run.json")
    if about["positive"] is None:
        raise ModelError(f"{folder}: has no positive class among {', '.join(about['classes'])}; it cannot look for one")
    temperature = read_json(folder / "metrics.json").get("temperature")
    size = int(about["size"]) if packaged else sizes[name.split("/")[0]]
    found = {"run": name, "digest": run_digest(folder), "temperature": temperature, "size": size}
    # No path of an installation: what it scanned would look like the work of another model.
    write_json(out, {**found, "folder": name if packaged else folder.as_posix(), "packaged": bool(packaged)})


def read_detector(path: Path) -> Chosen:
    """Read what `choose_detector` wrote."""
    found = read_json(path)
    if found["packaged"]:
        return Chosen(packaged_folder(found["folder"]), int(found["size"]), "")
    return Chosen(Path(found["folder"]), int(found["size"]), found["run"].split("/")[0])
