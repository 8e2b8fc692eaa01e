from pathlib import Path

from fringeflow.detection.detections import Scanned, summary
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        folders = [Path(point).parent for point in job.input.points]
        summary([Scanned(event, folder) for event, folder in zip(job.params.events, folders, strict=True)], Path(job.output.summary))
