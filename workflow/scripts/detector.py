from pathlib import Path

from fringeflow.detection.detector_choice import choose_detector
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        choose_detector(
            [Path(path) for path in job.input.comparisons],
            [Path(path).parent for path in job.input.runs],
            job.settings("sizes"),
            job.params.packaged,
            out=Path(job.output.detector),
        )
