"""What a job asks a cluster for: memory and time that grow with its input and with every attempt, and where it runs.

A store is declared to Snakemake by its small `zarr.json`, so the size of that file says nothing: what the store holds
is told by the attributes in it, and what was fetched by the list of it. Rules that a profile runs in one job with what makes
their input are sized by what is there when the job is submitted (`fetched_of`, `samples_of`).
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from fringeflow.errors import ConfigError, nearest

MEGABYTE = 1_000_000
PHASE_BYTES = 16
"""Of one pixel of a prepared interferogram: wrapped, unwrapped, coherence, and room for validity."""
PACKED = 5
"""Times that products as downloaded are smaller than prepared, at most but for rasters without data."""
LOOKED_AT = 64
"""Inputs that are opened at most; more are judged by as many, evenly chosen: a dataset may have thousands."""
Sized = Callable[[Any], list[str]]
"""From wildcards to files, by whose content a job is sized."""
GPU = {"gpu_partition": "slurm_partition", "gpu_account": "slurm_account", "gpu_qos": "qos"}
"""What a profile says of jobs on a GPU, and what it stands in for."""
SAID_OF_A_SITE = (*GPU, "download_partition", "most_memory_mb", "most_minutes")


def held_mb(path: str | Path) -> list[float]:
    """Return the size of what an input holds, in MB, item by item.

    Parameters
    ----------
    path : str or Path
        A list of what was fetched of an event (an item: an interferogram as it will be prepared, guessed from its files if the
        list is of a version that did not tell its rows and columns), the `zarr.json` of prepared
        interferograms (each an item, uncompressed) or of a sample store (one item, uncompressed), or any other file (one
        item: its size).

    Returns
    -------
    list of float
        Empty if the file is not there yet, or cannot be read: the job that reads it will say so in its own words.
    """
    path = Path(path)
    try:
        if path.parent.name == "raw":
            return [_fetched_bytes(entry) / MEGABYTE for entry in json.loads(path.read_bytes())["interferograms"]]
        if path.name == "zarr.json":
            about = json.loads(path.read_bytes())["attributes"]
            if "interferograms" in about:
                return [entry["rows"] * entry["columns"] * PHASE_BYTES / MEGABYTE for entry in about["interferograms"]]
            rows, columns = about["shape"]
            return [about["count"] * rows * columns * 4 / MEGABYTE]
        return [path.stat().st_size / MEGABYTE]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _fetched_bytes(entry: dict[str, Any]) -> float:
    """Return the size of an interferogram: of its pixels, since a file of some kilobytes can hold a whole frame without data."""
    if "rows" in entry:
        return float(entry["rows"] * entry["columns"] * PHASE_BYTES)
    return float(PACKED * sum(product["bytes"] for product in entry["products"].values()))


def fetched_of(wildcards: Any) -> list[str]:
    """Return the list of what was fetched of an event: rules in one job with `prepare` are sized by it."""
    return [f"results/raw/{wildcards.event}.json"]


def fetched_grids(wildcards: Any) -> list[tuple[int, int]] | None:
    """Return rows and columns of every interferogram that was fetched of an event; None if they are not known (yet)."""
    try:
        listed = json.loads(Path(*fetched_of(wildcards)).read_bytes())["interferograms"]
        return [(int(entry["rows"]), int(entry["columns"])) for entry in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def samples_of(wildcards: Any) -> list[str]:
    """Return the index of a dataset: rules in one job with `train` are sized by it."""
    return [f"results/datasets/{wildcards.dataset}/samples.parquet"]


def largest_and_total(paths: Iterable[str | Path]) -> tuple[float, float]:
    """Return the size of the largest item that some inputs hold, and of all together, in MB."""
    paths = list(paths)
    looked_at = paths[:: max(1, ceil(len(paths) / LOOKED_AT))]
    items = [size for path in looked_at for size in held_mb(path)]
    return max(items, default=0.0), sum(items) * len(paths) / max(1, len(looked_at))


def growing(
    base: float, *, per_largest_mb: float = 0.0, per_mb: float = 0.0, of: Sized | None = None, at_most: float | None = None
) -> Callable[..., int]:
    """Make a resource of a rule: a base, more with the input, twice as much with every further attempt.

    Parameters
    ----------
    base : float
        MB of memory, or minutes of time, of a job with little input.
    per_largest_mb, per_mb : float
        What an MB of the largest input item adds, and an MB of all input; see `held_mb`.
    of : function of wildcards, optional
        Gives the files that count instead of the rule's input.
    at_most : float, optional
        The largest that may be asked for.

    Returns
    -------
    function
        Of `wildcards`, `attempt` (1, 2, …) and, where the input counts, `input`.
    """

    def limited(amount: float) -> int:
        return ceil(amount if at_most is None else min(amount, at_most))

    # Snakemake looks at the names of the arguments of every function for every job: what needs no input does not name it.
    def grown(paths: Iterable[str], attempt: int) -> int:
        largest, total = largest_and_total(paths)
        return limited((base + per_largest_mb * largest + per_mb * total) * 2 ** (attempt - 1))

    if of is not None:
        return lambda wildcards, attempt: grown(of(wildcards), attempt)

    if per_largest_mb or per_mb:

        def by_input(wildcards: Any, input: Iterable[str], attempt: int) -> int:
            return grown(input, attempt)

        return by_input

    def by_attempt(wildcards: Any, attempt: int) -> int:
        return limited(base * 2 ** (attempt - 1))

    return by_attempt


@dataclass(frozen=True)
class Site:
    """A cluster, as the `default-resources` of its profile describe it; nothing is said of it on a workstation.

    Attributes
    ----------
    gpu : dict
        Partition, account and QoS of jobs on a GPU, under SLURM's resource names; empty if the site has no GPU.
    usual : dict
        The same resources of all other jobs, None where the profile does not name them.
    download_partition : str or None
        Where downloads run; None: where Snakemake itself runs.
    most_memory_mb, most_minutes : float or None
        The largest that a job may ask for: SLURM lets one that asks for more than its partition gives wait forever.
    """

    gpu: dict[str, str] = field(default_factory=dict)
    usual: dict[str, str | None] = field(default_factory=dict)
    download_partition: str | None = None
    most_memory_mb: float | None = None
    most_minutes: float | None = None

    @classmethod
    def described(cls, defaults: Mapping[str, Any]) -> "Site":
        """Read the default resources of a profile, as text.

        Raises
        ------
        ConfigError
            If a limit is no number, if a GPU is described without its partition, or a name is misspelt.
        """
        said = {name: str(value).strip("'\"") for name, value in defaults.items() if value is not None}
        problems = [
            f"default-resources of the profile: unknown '{name}'; {nearest(name, SAID_OF_A_SITE)}"
            for name in said
            if name.startswith(("gpu_", "download_", "most_")) and name not in (*SAID_OF_A_SITE, "gpu_model")
        ]
        limits: dict[str, float] = {}
        for name in ("most_memory_mb", "most_minutes"):
            try:
                limits |= {name: float(said[name])} if name in said else {}
            except ValueError:
                problems.append(f"default-resources of the profile: {name} is '{said[name]}', expected a number")
        gpu = {resource: said[name] for name, resource in GPU.items() if name in said}
        if gpu and "slurm_partition" not in gpu:
            problems.append("default-resources of the profile: there is an account or a QoS for GPUs, but no gpu_partition; name it")
        if problems:
            raise ConfigError(problems)
        usual = {resource: said.get(resource) for resource in gpu}
        return cls(gpu, usual, said.get("download_partition"), limits.get("most_memory_mb"), limits.get("most_minutes"))

    def memory(self, base: float, *, per_largest_mb: float = 0.0, per_mb: float = 0.0, of: Sized | None = None) -> Callable[..., int]:
        """Return a rule's `mem_mb`, see `growing`."""
        return growing(base, per_largest_mb=per_largest_mb, per_mb=per_mb, of=of, at_most=self.most_memory_mb)

    def minutes(self, base: float, *, per_mb: float = 0.0, share: float = 1.0, of: Sized | None = None) -> Callable[..., int]:
        """Return a rule's `runtime`, see `growing`.

        Parameters
        ----------
        share : float
            Of the longest job, for rules that a profile runs one after the other in one job: their minutes add up.
        """
        return growing(base, per_mb=per_mb, of=of, at_most=self.most_minutes and self.most_minutes * share)

    def on_gpu(self, wanted: Callable[[Any], bool]) -> dict[str, Callable[..., Any]]:
        """Return the resources of a rule of which some jobs want a GPU: none at a site without, so that they cost nothing.

        Parameters
        ----------
        wanted : function of wildcards
        """
        if not self.gpu:
            return {}

        def choose(there: Any, here: Any) -> Callable[..., Any]:
            return lambda wildcards: there if wanted(wildcards) else here

        return {"gpu": choose(1, 0)} | {name: choose(value, self.usual[name]) for name, value in self.gpu.items()}

    @property
    def downloads(self) -> dict[str, str]:
        """Resources of a rule that downloads."""
        return {"slurm_partition": self.download_partition} if self.download_partition else {}
