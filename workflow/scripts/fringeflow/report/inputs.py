"""What a report is made from: explicit lists of files, and what the configuration knows about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from fringeflow.errors import DatasetError, bullets, nearest
from fringeflow.files import read_json

Files = tuple[Path, ...]


@dataclass(frozen=True)
class ReportInputs:
    """The files of a report by what they are; any list may be empty, and what it would fill is left out.

    Attributes
    ----------
    datasets : `{dataset}/dataset.json`
    examples : `{dataset}/examples_{view}.png`
    comparisons : `{dataset}.tsv` that `compare_runs` wrote; what stands beside it is told in its summary
    tables : `{dataset}_{kind}.tsv`, kinds as in `comparison.KINDS`
    pictures : `{dataset}.png` and `{dataset}_{kind}.png`, kinds as in `captions.COMPARISON`
    galleries : `{dataset}/gallery_{view}.png`
    curves : `{dataset}/{view}/{model}/{strategy}/curve.png`, learning curves
    metrics : `{dataset}/{view}/{model}/{strategy}/metrics.json`
    runs : `{dataset}/{view}/{model}/{strategy}/run.json` of some or all of them
    run_pictures : `{dataset}/{view}/{model}/{strategy}/{kind}.png` of some or all of them, kinds as in `captions.RUN`
    scores : `{event}/tiles.png`, interferograms scored tile by tile
    detector : at most one `detector.json` that `detection.detector_choice.choose_detector` wrote
    detections : at most one `summary.tsv` that `detection.detections.summary` wrote
    quicklooks : `{frame}/{pair}/quicklook.png`
    pretrained : `{name}/transfer.tsv` of pretrained networks, with the rest of `packaged.NETWORK` beside it
    benchmarks : `benchmarks/{rule}/....tsv` that Snakemake wrote
    """

    datasets: Files = ()
    examples: Files = ()
    comparisons: Files = ()
    tables: Files = ()
    pictures: Files = ()
    galleries: Files = ()
    curves: Files = ()
    metrics: Files = ()
    runs: Files = ()
    run_pictures: Files = ()
    scores: Files = ()
    detector: Files = ()
    detections: Files = ()
    quicklooks: Files = ()
    pretrained: Files = ()
    benchmarks: Files = ()

    @classmethod
    def of(cls, lists: Mapping[str, str | Path | Sequence[str | Path]]) -> "ReportInputs":
        """Read named lists of paths, as a rule's inputs are; a single path counts as a list of one.

        Raises
        ------
        DatasetError
            If a list has a name that a report does not know, or a file is missing.
        """
        names = [one.name for one in fields(cls)]
        if unknown := sorted(set(lists) - set(names)):
            raise DatasetError(f"a report has no inputs called '{unknown[0]}'; {nearest(unknown[0], names)}")
        found = {name: (paths,) if isinstance(paths, str | Path) else tuple(paths) for name, paths in lists.items()}
        files = {name: tuple(sorted({Path(path) for path in paths})) for name, paths in found.items()}
        if missing := [str(path) for paths in files.values() for path in paths if not path.is_file()]:
            raise DatasetError(f"files of the report are missing:{bullets(missing, most=12)}\nrun the workflow to make them")
        return cls(**files)


@dataclass(frozen=True)
class About:
    """What is known of a run of the workflow besides its files.

    Attributes
    ----------
    config : mapping
        The whole configuration, for people.
    events : sequence of mappings
        Rows of the events table: `event`, and of `place`, `time`, `latitude`, `longitude`, `depth_km`, `magnitude` what is known.
    interferograms : sequence of mappings
        Rows of the table of interferograms: `event`, `frame`, `pair`.
    versions : mapping
        Versions of libraries by name.
    code : str
        Version of the package.
    """

    config: Mapping[str, Any] = field(default_factory=dict)
    events: Sequence[Mapping[str, Any]] = ()
    interferograms: Sequence[Mapping[str, Any]] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


def read_described(paths: Files) -> dict[str, dict[str, Any]]:
    """Read `dataset.json` of every dataset, by its name.

    Raises
    ------
    DatasetError
        If a file is something else.
    """
    return {str(found["name"]): found for found in (read_object(path, "name", "counts", "classes") for path in paths)}


def read_object(path: Path, *keys: str) -> dict[str, Any]:
    """Read a JSON object that has at least some keys.

    Raises
    ------
    DatasetError
        If the file holds none.
    """
    try:
        found = read_json(path)
        if not isinstance(found, dict):
            raise ValueError("not an object")
        if missing := [key for key in keys if key not in found]:
            raise ValueError(f"no key '{missing[0]}'")
    except (OSError, ValueError) as error:
        raise DatasetError(
            f"{path}: expected a JSON object with {', '.join(keys)}, found {error}; run the workflow to make it again"
        ) from error
    return found
