from pathlib import Path

from fringeflow import __version__
from fringeflow.job import run
from fringeflow.provenance import versions
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.packaged import NETWORK, told_digest
from fringeflow.report.page import LIBRARIES, build_report

if __name__ == "__main__":
    with run(snakemake) as job:
        more = {
            "benchmarks": sorted(Path(job.params.benchmarks).rglob("*.tsv")),
            # Of those that were there when the job was planned: another job may be making some again.
            "pretrained": [Path(folder, NETWORK[0]) for folder in job.settings("pretrained") if told_digest(Path(folder), NETWORK)],
        }
        about = About(**job.settings("about"), versions=versions(LIBRARIES), code=__version__)
        inputs = ReportInputs.of({**dict(job.input.items()), **more})
        build_report(inputs, about, out=Path(job.output.page), kept=Path("results/cache/pictures"))
