from pathlib import Path

from fringeflow import __version__
from fringeflow.job import run
from fringeflow.provenance import versions
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.page import LIBRARIES, build_report

if __name__ == "__main__":
    with run(snakemake) as job:
        benchmarks = sorted(Path(job.params.benchmarks).rglob("*.tsv"))
        about = About(**job.settings("about"), versions=versions(LIBRARIES), code=__version__)
        build_report(ReportInputs.of({**dict(job.input.items()), "benchmarks": benchmarks}), about, out=Path(job.output.page))
