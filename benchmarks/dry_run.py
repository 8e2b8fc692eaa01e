"""Time and memory of a dry-run for many earthquakes with everything that is registered, and how they grow.

Usage: python benchmarks/dry_run.py [EARTHQUAKES [PAIRS]] [--finished]

Every earthquake has its own frame and PAIRS interferograms; 3 views, 7 models and every strategy of the registry, in all pairs
that are possible. Bars, of an idle machine: 30 s and 1 GB for 1,000 x 10; ten times the earthquakes take at most ten
times as long. `--finished` asks again once all results are there (made by stubs), as everyone does who adds a pair.
"""

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "workflow/scripts"))

VIEWS = ("wrapped", "unwrapped", "spectrogram")


def tables(folder: Path, earthquakes: int, pairs: int) -> None:
    """Write tables of earthquakes, each with its own frame and pairs, one of them coseismic, and a configuration that reads them."""
    events = ["event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude\tstrike_deg\tdip_deg\trake_deg"]
    rows = ["event\tframe\tpair"]
    day = dt.date(2020, 1, 1)
    for number in range(earthquakes):
        name = f"e{number:05d}"
        events.append(f"{name}\tsimulated\t2020-01-07T00:00:00\t10\t20\t8\t6\t10\t45\t90")
        for index in range(pairs):
            first = day + dt.timedelta(days=12 * index)
            rows.append(f"{name}\t{number % 175 + 1:03d}A_{number:05d}_131313\t{first:%Y%m%d}_{first + dt.timedelta(days=12):%Y%m%d}")
    (folder / "events.tsv").write_text("\n".join(events) + "\n")
    (folder / "interferograms.tsv").write_text("\n".join(rows) + "\n")


def everything() -> dict[str, object]:
    """Return a configuration of every model of the registry under every strategy that is possible with it, on all views."""
    from fringeflow.config.models import Model, Strategy
    from fringeflow.imbalance.strategies import STRATEGIES, resolve_strategy
    from fringeflow.models.registry import ARCHITECTURES, check, resolve_model

    strategies = {name: resolve_strategy(name, Strategy()) for name in STRATEGIES}
    specs = {name: {view: resolve_model(name, Model(), view) for view in VIEWS} for name in ARCHITECTURES}
    possible = {
        name: [kind for kind, spec in strategies.items() if not any(check(seen, spec, view) for view, seen in views.items())]
        for name, views in specs.items()
    }
    return {
        "datasets": {"fringes": {"events": "simulated", "views": list(VIEWS), "models": list(specs), "strategies": list(strategies)}},
        "models": {name: {"strategies": kinds} for name, kinds in possible.items()},
        "strategies": {name: {"alpha": None} if name == "focal" else {} for name in strategies},
    }


def overlay(folder: Path, earthquakes: int, pairs: int) -> Path:
    """Write tables and a configuration with all there is, and return the configuration."""
    tables(folder, earthquakes, pairs)
    settings = everything() | {
        "catalogue": {"events": [f"{folder}/events.tsv"], "interferograms": [f"{folder}/interferograms.tsv"]},
    }
    path = folder / "overlay.json"
    path.write_text(json.dumps(settings))  # which is YAML as well
    return path


@dataclass(frozen=True)
class Cost:
    """What a command took, and what it said."""

    seconds: float
    cpu: float
    megabytes: float
    output: str


def measure(command: list[str], folder: Path) -> Cost:
    """Run a command in a folder, alone; stop if it fails."""
    with tempfile.TemporaryFile("w+") as told:
        begin = time.monotonic()
        process = subprocess.Popen(command, cwd=folder, stdout=told, stderr=subprocess.STDOUT, text=True)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        output = told.read()
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{output[-4000:]}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, output)


def snakemake(folder: Path, *arguments: str, stub: bool = False, root: Path = ROOT) -> Cost:
    """Run Snakemake, or its stubs, in a folder with an `overlay.json`; the workflow is that in `root`."""
    begin = [sys.executable, str(root / "benchmarks/stubs/stub_run.py")] if stub else [sys.executable, "-m", "snakemake"]
    end = ["--snakefile", str(root / "Snakefile"), "--configfile", str(folder / "overlay.json"), "--directory", str(folder)]
    return measure([*begin, *arguments, *end, "--workflow-profile", str(root / "profiles/default")], folder)


def job_counts(output: str) -> dict[str, int]:
    """Return the number of jobs by rule from Snakemake's last table of jobs, `total` included."""
    table = output.rpartition("\nJob stats:\n")[2].split("\n\n")[0]
    lines = [line.split() for line in table.splitlines()[2:]]
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[1].isdigit()}


def dry_run(folder: Path) -> tuple[Cost, dict[str, int]]:
    """Return what a dry-run takes, and its jobs by rule."""
    cost = snakemake(folder, "-n", "--quiet", "rules")
    return cost, job_counts(cost.output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("earthquakes", nargs="?", type=int, default=1000)
    parser.add_argument("pairs", nargs="?", type=int, default=10)
    parser.add_argument("--finished", action="store_true", help="ask again with all results there")
    arguments = parser.parse_args()
    seconds = {}
    for earthquakes in (max(1, arguments.earthquakes // 10), arguments.earthquakes):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            overlay(folder, earthquakes, arguments.pairs)
            cost, jobs = dry_run(folder)
            seconds[earthquakes] = cost.cpu
            print(
                f"{earthquakes} earthquakes x {arguments.pairs} pairs, {jobs['train']} runs: {jobs['total']} jobs, {cost.seconds:.1f} s, "
                f"{cost.cpu:.1f} s of CPU, {cost.megabytes:.0f} MB",
                flush=True,
            )
            if arguments.finished:
                snakemake(folder, "--cores", "2", "--quiet", "all", stub=True)
                again, left = dry_run(folder)
                print(f"  with all results there: {left.get('total', 0)} jobs, {again.seconds:.1f} s, {again.cpu:.1f} s of CPU", flush=True)
    few, many = seconds
    print(f"{many / few:.0f} times the earthquakes: {seconds[many] / seconds[few]:.1f} times the CPU time (bar {many / few:.0f})")
    print("bars of an idle machine for 1000 x 10: 30 s, 1000 MB")


if __name__ == "__main__":
    main()
