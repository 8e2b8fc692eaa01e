from pathlib import Path

from fringeflow.detection.detections import Scanned, summary
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        files = zip(job.params.events, job.input.windows, job.input.points, job.input.detections, strict=True)
        summary([Scanned(event, *map(Path, paths)) for event, *paths in files], Path(job.output.summary))
