"""Time and memory of a dry-run for many earthquakes, against the bars of the project: 60 s and 1 GB for 1,000 x 10.

Usage: python benchmarks/dry_run.py [EARTHQUAKES [PAIRS]]
"""

import argparse
import datetime as dt
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tables(folder: Path, earthquakes: int, pairs: int) -> None:
    """Write tables of earthquakes, each with its own frame and pairs, one of them coseismic."""
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
    (folder / "overlay.yaml").write_text(f"catalogue: {{events: [{folder}/events.tsv], interferograms: [{folder}/interferograms.tsv]}}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("earthquakes", nargs="?", type=int, default=1000)
    parser.add_argument("pairs", nargs="?", type=int, default=10)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables(folder, arguments.earthquakes, arguments.pairs)
        command = [sys.executable, "-m", "snakemake", "-n", "--quiet", "rules", "--snakefile", str(ROOT / "Snakefile")]
        command += ["--configfile", str(folder / "overlay.yaml"), "--directory", str(folder)]
        begin = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        seconds = time.monotonic() - begin
        if done.returncode:
            sys.exit(done.stdout[-2000:] + done.stderr[-2000:])
        total = next((line.split()[-1] for line in done.stdout.splitlines() if line.startswith("total")), "?")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{arguments.earthquakes} earthquakes x {arguments.pairs} pairs: {total} jobs, {seconds:.1f} s (bar 60 s), {peak:.0f} MB (bar 1000 MB)"
    )


if __name__ == "__main__":
    main()
