"""What happens with 100, 1,000 and 10,000 earthquakes: the numbers of docs/scale.md.

Usage: python benchmarks/scale.py [--earthquakes 100 1000] [--pairs 10] [--stub] [--run FOLDER]
       python benchmarks/scale.py --records [--earthquakes 100 1000] [--pairs 10]
       python benchmarks/scale.py --rebuild 200 [--run FOLDER]

Measured: a dry-run for each number of earthquakes, with everything that is registered (see dry_run.py); with --stub also a whole
run in which every job is replaced by one that writes empty results (see stubs/stub_run.py), and a dry-run after it. Computed, and
told to be: 10,000 earthquakes, by a straight line through the two largest numbers; what is submitted to SLURM; and, from the
benchmarks and the disk of a finished real run in FOLDER, CPU time and disk.
--records measures what looks through the files of a finished run when the next one begins, on files and records that stubs left.
--rebuild lists what a dry-run would do after each kind of change, by rule; the results before it are stubs.
"""

import argparse
import csv
import json
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from dry_run import ROOT, Cost, dry_run, job_counts, measure, overlay, snakemake, tables

FAR = 10_000
SBATCH_S, NESTED_S, AT_ONCE = 0.01, 6.5, 100
"""Of SLURM: one submission; two Snakemakes started on the node by every job; jobs at the same time (`jobs` of the profile)."""
PER_EVENT = ("prepare", "tile", "spectrogram")
"""One submission an event (`groups` of profiles/slurm)."""
PER_RUN = ("train", "evaluate")
LOCAL = ("simulate", "fetch", "dataset", "examples", "compare", "strategies", "report", "best_gallery", "all")
"""Run where Snakemake runs, or few: a job each at most."""


@dataclass(frozen=True)
class Seen:
    """What one number of earthquakes took."""

    jobs: dict[str, int]
    fresh: Cost
    stub: Cost | None = None
    again: Cost | None = None
    metadata_mb: float = 0.0
    files: int = 0


def look(earthquakes: int, pairs: int, *, stub: bool) -> Seen:
    """Measure one number of earthquakes in a folder of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        overlay(folder, earthquakes, pairs)
        fresh, jobs = dry_run(folder)
        if not stub:
            return Seen(jobs, fresh)
        whole = snakemake(folder, "--cores", "2", "--quiet", "all", stub=True)
        again, left = dry_run(folder)
        if left:
            sys.exit(f"after a whole run there is still something to do: {left}")
        kept = [path for path in (folder / ".snakemake").rglob("*") if path.is_file()]
        return Seen(jobs, fresh, whole, again, sum(path.stat().st_blocks * 512 for path in kept) / 1e6, len(kept))


def line(few: float, many: float, numbers: tuple[int, int], far: int = FAR) -> float:
    """Return where a straight line through two measurements ends."""
    return many + (many - few) / (numbers[1] - numbers[0]) * (far - numbers[1])


def submissions(jobs: Mapping[str, float]) -> float:
    """Return how many jobs SLURM is given: those of an event together, those of a run together."""
    alone = sum(count for rule, count in jobs.items() if rule not in (*PER_EVENT, *PER_RUN, *LOCAL, "total"))
    return jobs["prepare"] + jobs["train"] + alone


def rule_costs(run: Path) -> dict[str, float]:
    """Return the CPU seconds of a job of each rule, from the benchmarks of a finished run."""
    costs = {}
    for place in sorted((run / "results/benchmarks").iterdir()):
        files = [place] if place.is_file() else sorted(place.glob("*.tsv"))
        rows = [row for path in files for row in csv.DictReader(path.read_text().splitlines(), delimiter="\t")]
        values = [float(row["cpu_time"]) for row in rows if row["cpu_time"] not in ("NA", "-", "")]
        if values:
            costs[place.stem] = mean(values)
    return costs


def disk(run: Path) -> dict[str, float]:
    """Return the MB and the files of each part of the results that grows with the earthquakes, one earthquake's."""
    results = run / "results"
    events = len(list((results / "archive").glob("*.json")))
    amounts = {}
    for part in ("archive", "raw", "events", "cache", "provenance"):
        files = [path for path in (results / part).rglob("*") if path.is_file()]
        amounts[part] = sum(path.stat().st_size for path in files) / 1e6 / events
        amounts[f"{part} files"] = len(files) / events
    return amounts


def growth(numbers: list[int], pairs: int, *, stub: bool, run: Path | None) -> None:
    """Print what is measured for some numbers of earthquakes, and what follows for 10,000."""
    seen = {}
    for number in numbers:
        one = seen[number] = look(number, pairs, stub=stub)
        print(f"\n{number} earthquakes x {pairs} interferograms, {one.jobs['train']} runs (measured)")
        print(f"  dry-run: {one.jobs['total']} jobs, {one.fresh.seconds:.1f} s, {one.fresh.cpu:.1f} s of CPU, {one.fresh.megabytes:.0f} MB")
        if one.stub and one.again:
            each = one.stub.cpu / one.jobs["total"] * 1000
            print(f"  stub run: {one.stub.seconds:.0f} s, {one.stub.cpu:.0f} s of CPU ({each:.1f} ms a job), {one.stub.megabytes:.0f} MB")
            print(f"  .snakemake: {one.metadata_mb:.0f} MB in {one.files} files")
            print(f"  dry-run after it: {one.again.seconds:.1f} s, {one.again.cpu:.1f} s of CPU, {one.again.megabytes:.0f} MB")
    if len(numbers) < 2:
        return
    two = (numbers[-2], numbers[-1])
    few, many = (seen[number] for number in two)
    jobs = {rule: line(few.jobs[rule], count, two) for rule, count in many.jobs.items()}
    print(f"\n{two[1] / two[0]:.0f} times the earthquakes: {many.fresh.cpu / few.fresh.cpu:.1f} times the CPU time of a dry-run")
    print(f"{FAR} earthquakes (computed: a straight line)")
    print(
        f"  dry-run: {jobs['total']:.0f} jobs, {line(few.fresh.cpu, many.fresh.cpu, two):.0f} s of CPU, "
        f"{line(few.fresh.megabytes, many.fresh.megabytes, two):.0f} MB"
    )
    if few.stub and many.stub and few.again and many.again:
        print(f"  Snakemake's own work in a whole run: {line(few.stub.cpu, many.stub.cpu, two):.0f} s of CPU")
        print(f"  dry-run after it: {line(few.again.cpu, many.again.cpu, two):.0f} s of CPU")
        print(f"  .snakemake: {line(few.metadata_mb, many.metadata_mb, two):.0f} MB")
    print(f"\nOn SLURM, {AT_ONCE} jobs at once (computed: {SBATCH_S * 1000:.0f} ms a submission, {NESTED_S} s of nested Snakemakes a job)")
    for number, counted in [*((number, one.jobs) for number, one in seen.items()), (FAR, jobs)]:
        given = submissions(counted)
        print(
            f"  {number} earthquakes: {given:.0f} submissions, {given * SBATCH_S:.0f} s to submit, {given * NESTED_S / AT_ONCE / 60:.1f} min of overhead"
        )
    if run:
        costs, amounts = rule_costs(run), disk(run)
        print(f"\nFrom the run in {run} (measured an earthquake, computed for more): CPU hours of the data stages, GB of disk")
        for number, counted in [*((number, one.jobs) for number, one in seen.items()), (FAR, jobs)]:
            hours = {rule: counted[rule] * costs[rule] / 3600 for rule in ("simulate", "fetch", *PER_EVENT)}
            parts = ", ".join(f"{name} {amounts[name] * number / 1000:.1f}" for name in ("archive", "raw", "events", "cache", "provenance"))
            files = sum(value for name, value in amounts.items() if name.endswith("files")) * number
            print(f"  {number} earthquakes: {sum(hours.values()):.1f} h; {parts} GB; {files:.0f} files")


LOOKS = """
import sys, time
sys.path.insert(0, sys.argv[1])
from fringeflow.healing import update_index

for what in ("the first look, which notes sizes and times", "a look when nothing was touched"):
    cpu, wall = time.process_time(), time.monotonic()
    if update_index():
        raise SystemExit("damage in a fresh run")
    print(f"  {what}: {time.process_time() - cpu:.2f} s of CPU, {time.monotonic() - wall:.2f} s")
"""


def looks(numbers: list[int], pairs: int) -> None:
    """Print what finding damage takes when a run begins."""
    for number in numbers:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            overlay(folder, number, pairs)
            snakemake(folder, "--records", "--cores", "2", "--quiet", "all", stub=True)
            files = sum(path.is_file() for path in (folder / "results").rglob("*"))
            records = sum(1 for _ in (folder / "results/provenance").glob("*/*.json"))
            print(f"\n{number} earthquakes x {pairs} interferograms: {files} files, {records} records (measured)")
            print(measure([sys.executable, "-c", LOOKS, str(ROOT / "workflow/scripts")], folder).output, end="", flush=True)


SMALL = {
    "simulation": {"rows": 320, "columns": 384, "pixel_deg": 0.002},
    "tilings": {"standard": {"size": 128, "stride": 64}},
    "spectrogram": {"window": 128, "hop": 128, "max_wavenumber": 0.125, "bins": 64},
    "datasets": {"fringes": {"views": ["wrapped", "spectrogram"], "models": ["hog_svm"], "strategies": ["none", "class_weights"]}},
    "models": {"hog_svm": {"input_size": 64}},
    "training": {"seeds": [0], "epochs": 3},
}
OUTLINE = '{"type": "Polygon", "coordinates": [[[20, 10], [20.1, 10], [20, 10.1], [20, 10]]]}'
MODULE = "workflow/scripts/fringeflow/evaluation/bootstrap.py"


def _add_pair(folder: Path, settings: dict) -> None:
    with open(folder / "interferograms.tsv", "a") as table:
        table.write("e00000\t001A_00000_131313\t20210101_20210113\n")


def _draw(folder: Path, settings: dict) -> None:
    text = f'{{"type": "FeatureCollection", "features": [{{"type": "Feature", "properties": {{}}, "geometry": {OUTLINE}}}]}}'
    (folder / "outlines/e00007.geojson").write_text(text)


def _edit(folder: Path, settings: dict) -> None:
    with open(folder / MODULE, "a") as module:
        module.write("\nCHANGED = True\n")


CHANGES: dict[str, Callable[[Path, dict], object]] = {
    "nothing": lambda folder, settings: None,
    "a pair added to one earthquake": _add_pair,
    "a label polygon of one earthquake": _draw,
    "the threshold of labels (tilings.standard.label.min_area)": lambda _, settings: settings["tilings"]["standard"].update(
        label={"min_area": 0.2}
    ),
    "the threshold of scores (evaluation.threshold)": lambda _, settings: settings.update(evaluation={"threshold": "mcc"}),
    "a model added": lambda _, settings: (
        settings["models"].update(wide_svm={"architecture": "hog_svm", "input_size": 96}),
        settings["datasets"]["fringes"].update(models=["hog_svm", "wide_svm"]),
    ),
    "a strategy added": lambda _, settings: settings["datasets"]["fringes"].update(strategies=["none", "class_weights", "oversample"]),
    f"a module ({MODULE.removeprefix('workflow/scripts/fringeflow/')})": _edit,
}


def rebuild(earthquakes: int, pairs: int, run: Path | None) -> None:
    """Print what is made again after each kind of change."""
    costs = rule_costs(run) if run else {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("workflow", "config", "profiles", "envs", "benchmarks"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        shutil.copy2(ROOT / "Snakefile", folder)
        (folder / "outlines").mkdir()
        tables(folder, earthquakes, pairs)
        whole = SMALL | {"catalogue": {"events": ["events.tsv"], "interferograms": ["interferograms.tsv"], "polygons": "outlines"}}

        def ask(settings: dict, *arguments: str, stub: bool = False) -> Cost:
            (folder / "overlay.json").write_text(json.dumps(settings))
            return snakemake(folder, *arguments, stub=stub, root=folder)

        made = ask(whole, "--cores", "2", "--quiet", "all", stub=True)
        print(
            f"{earthquakes} earthquakes x {pairs} interferograms: results made by stubs in {made.seconds:.0f} s ({made.cpu:.0f} s of CPU)"
        )
        for what, change in CHANGES.items():
            kept = {path: path.read_text() for path in (folder / "interferograms.tsv", folder / MODULE)}
            settings = json.loads(json.dumps(whole))
            change(folder, settings)
            cost = ask(settings, "-n", "--quiet", "rules")
            jobs = Counter({rule: count for rule, count in job_counts(cost.output).items() if rule not in ("all", "total")})
            known = sum(costs.get(rule, 0.0) * count for rule, count in jobs.items())
            unknown = sorted(rule for rule in jobs if rule not in costs)
            print(f"\n{what}: {jobs.total()} jobs, asked in {cost.seconds:.1f} s ({cost.cpu:.1f} s of CPU)")
            print("  " + (", ".join(f"{count} {rule}" for rule, count in jobs.items()) or "nothing to do"))
            if run and jobs:
                print(f"  {known:.0f} s of CPU (computed" + (f"; not counted: {', '.join(unknown)})" if unknown else ")"))
            for path, text in kept.items():
                path.write_text(text)
            (folder / "outlines/e00007.geojson").unlink(missing_ok=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--earthquakes", nargs="+", type=int, default=[100, 1000])
    parser.add_argument("--pairs", type=int, default=None, help="interferograms of an earthquake: 10, or 3 with --rebuild")
    parser.add_argument("--stub", action="store_true", help="also run everything with stubs")
    parser.add_argument("--records", action="store_true", help="measure finding damage when a run begins")
    parser.add_argument("--run", type=Path, help="folder of a finished real run")
    parser.add_argument("--rebuild", type=int, metavar="EARTHQUAKES", help="list what is made again after each kind of change")
    arguments = parser.parse_args()
    if arguments.rebuild:
        rebuild(arguments.rebuild, arguments.pairs or 3, arguments.run)
    elif arguments.records:
        looks(sorted(arguments.earthquakes), arguments.pairs or 10)
    else:
        growth(sorted(arguments.earthquakes), arguments.pairs or 10, stub=arguments.stub, run=arguments.run)


if __name__ == "__main__":
    main()
