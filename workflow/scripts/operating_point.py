from pathlib import Path

from fringeflow.config.studies import Detect
from fringeflow.detection.detector_choice import read_detector
from fringeflow.detection.operating_point import operating_point
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        chosen = read_detector(Path(job.input.detector))
        operating_point(
            f"{job.wildcards.frame}/{job.wildcards.pair}",
            [*chosen.quiet, *(Path(path) for path in job.input.quiet)],
            job.params.rate,
            chosen.folder,
            Path(job.output.point),
            fitted=chosen.fitted_keys([Path(path) for path in job.input.samples]),
            like=Detect.model_validate(job.settings("scanned")),
        )
