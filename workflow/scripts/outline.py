from pathlib import Path

from fringeflow.config.studies import Detect
from fringeflow.config.tables import Event
from fringeflow.detection.outline import outline
from fringeflow.detection.quicklook import draw_quicklook
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        events = [Event.model_validate(row) for row in job.settings("events")]
        probability, detections = Path(job.input.probability), Path(job.output.detections)
        outline(probability, Path(job.input.point), events, Detect.model_validate(job.settings("settings")), detections)
        draw_quicklook(Path(job.input.interferograms).parent, probability, detections, events, Path(job.output.quicklook))
