"""A small copy of the workflow that runs for real, in an empty folder."""

import csv
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.workflow.mini import Mini

TINY = {
    "simulation": {"rows": 320, "columns": 384, "pixel_deg": 0.002},
    "tilings": {"standard": {"size": 128, "stride": 64}},
    "spectrogram": {"window": 128, "hop": 128, "max_wavenumber": 0.125, "bins": 64},
    "datasets": {
        "fringes": {
            "views": ["wrapped", "spectrogram"],
            "models": ["hog_svm"],
            "strategies": ["none", "class_weights"],
        }
    },
    "models": {"hog_svm": {"input_size": 64}},
    "training": {"seeds": [0], "epochs": 3},
    "evaluation": {"bootstrap": 100},
}
"""Settings of the small run: half the resolution, one fast model."""

WILDCARDS = (
    "event",
    "frame",
    "pair",
    "tiling",
    "collection",
    "dataset",
    "recipe",
    "view",
    "curate",
    "encoder",
    "model",
    "strategy",
    "worker",
    "name",
    "scenes",
)
VOLATILE = ("benchmarks/", "comparison/fringes.tsv", "provenance/", "report.html")
"""Results that hold durations or times of day."""


@dataclass
class Workspace:
    """A folder with its own copy of the workflow."""

    folder: Path

    def snakemake(self, *arguments: str, check: bool = True, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Run Snakemake with the overlay of this workspace."""
        command = self.command(*arguments)
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=timeout, env=self.environment())
        if check and done.returncode:
            raise AssertionError(f"snakemake {' '.join(arguments)} failed:\n{done.stdout[-4000:]}\n{done.stderr[-8000:]}")
        return done

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a run."""
        return [sys.executable, "-m", "snakemake", "--configfile", "config/tiny.yaml", *(arguments or ("--cores", "2"))]

    def environment(self) -> dict[str, str]:
        """Return an environment in which only this workspace's package is found."""
        return os.environ | {"PYTHONPATH": str(self.folder / "workflow/scripts"), "FRINGEFLOW_TEST": "1"}

    def planned(self, *arguments: str) -> list[str]:
        """Return what a dry-run would do: `rule wildcard=value, ...`, sorted, without `all`."""
        patterns = self._messages()
        jobs = set()
        for message in re.findall(r"^Job \d+: (.+)$", self.snakemake("-n", *arguments).stdout, re.MULTILINE):
            rule, found = next((rule, match) for rule, pattern in patterns.items() if (match := pattern.fullmatch(message)))
            wildcards = sorted(found.groupdict().items(), key=lambda item: WILDCARDS.index(item[0]))
            jobs.add(f"{rule} {', '.join(f'{name}={value}' for name, value in wildcards)}".strip())
        return sorted(jobs)

    def _messages(self) -> dict[str, re.Pattern[str]]:
        """Return what each rule says of its jobs (Snakemake tells the message instead of rule and wildcards)."""
        patterns = {}
        for path in (self.folder / "workflow/rules").glob("*.smk"):
            for text in path.read_text().split("\nrule ")[1:]:
                if "message:" not in text:
                    continue  # a target
                message = re.search(r'message:\s+"([^"]+)"', text)[1]
                pattern = re.sub(r"\\{wildcards\\.(\w+)\\}", r"(?P<\1>\\S+)", re.escape(message))
                patterns[text.split(":")[0]] = re.compile(pattern)
        return patterns

    def configure(self, **change) -> None:
        """Change the overlay: nested mappings are merged, anything else is replaced."""
        from snakemake.utils import update_config

        path = self.folder / "config/tiny.yaml"
        settings = yaml.safe_load(path.read_text())
        update_config(settings, change)
        path.write_text(yaml.safe_dump(settings))

    def rows(self, name: str) -> list[dict[str, str]]:
        """Read one of the catalogue's tables."""
        with open(self.folder / f"config/{name}.tsv") as handle:
            return list(csv.DictReader(handle, delimiter="\t"))

    def write_rows(self, name: str, rows: list[dict[str, str]]) -> None:
        """Write one of the catalogue's tables."""
        with open(self.folder / f"config/{name}.tsv", "w") as handle:
            writer = csv.DictWriter(handle, rows[0].keys(), delimiter="\t")
            writer.writeheader()
            writer.writerows(rows)

    def keep_events(self, events: list[str]) -> None:
        """Reduce both tables to some events."""
        for name in ("events", "interferograms"):
            self.write_rows(name, [row for row in self.rows(name) if row["event"] in events])

    def digests(self, below: str = "") -> dict[str, str]:
        """Return the digest of every result, apart from durations and from skops files, which hold memory addresses."""
        results = self.folder / "results"
        return {
            str(path.relative_to(results)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((results / below).rglob("*"))
            if path.is_file()
            and path.suffix != ".skops"
            and path.name != "timing.json"
            and not str(path.relative_to(results)).startswith(VOLATILE)
        }

    def copy(self, folder: Path) -> "Workspace":
        """Copy everything, time stamps included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)


@pytest.fixture(scope="session")
def fresh(root, tmp_path_factory):
    """Give a function that lays a copy of the workflow, as git would clone it, into an empty folder."""

    def make(name: str) -> Workspace:
        folder = tmp_path_factory.mktemp(name) / "clone"
        listing = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=root, capture_output=True, text=True, check=True
        )
        for file in listing.stdout.splitlines():
            if (root / file).is_file():
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / file, folder / file)
        (folder / "config/tiny.yaml").write_text(yaml.safe_dump(TINY))
        workspace = Workspace(folder)
        workspace.keep_events([row["event"] for row in workspace.rows("events")][:8])
        return workspace

    return make


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Give a function that makes a folder once for all processes of a session; the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def shared(name: str, make: Callable[[], Path]) -> Path:
        note = base / f"{name}.made"
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not note.exists():
                note.write_text(str(make()))
        return Path(note.read_text())

    return shared


@pytest.fixture(scope="session")
def finished(fresh, once) -> Workspace:
    """A finished small run; copy it before changing anything. $FRINGEFLOW_FINISHED names one that is there already."""

    def make() -> Path:
        workspace = fresh("finished")
        workspace.snakemake("--cores", "2")
        return workspace.folder

    return Workspace(Path(os.environ.get("FRINGEFLOW_FINISHED") or once("finished", make)))


@pytest.fixture
def copied(finished, tmp_path) -> Workspace:
    """A copy of the finished small run, to change."""
    return finished.copy(tmp_path / "copied")


@pytest.fixture(scope="session")
def made(root, tmp_path_factory, once) -> Mini:
    """The workflow of three quick jobs, finished."""

    def make() -> Path:
        mini = Mini.lay(tmp_path_factory.mktemp("made"), root)
        mini.run()
        return mini.folder

    return Mini(once("made", make))


@pytest.fixture
def mini(made, tmp_path) -> Mini:
    """A copy of it to change or damage; times are kept."""
    return Mini(shutil.copytree(made.folder, tmp_path / "copy"))
