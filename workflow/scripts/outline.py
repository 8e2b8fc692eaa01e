from pathlib import Path

from fringeflow.config.studies import Detect
from fringeflow.config.tables import Event
from fringeflow.detection.detector_choice import read_detector
from fringeflow.detection.operating_point import operating_point
from fringeflow.detection.outline import outline
from fringeflow.detection.quicklook import draw_quicklook
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        settings = Detect.model_validate(job.settings("settings"))
        events = [Event.model_validate(row) for row in job.settings("events")]
        chosen = read_detector(Path(job.input.detector))
        point, detections = Path(job.output.point), Path(job.output.detections)
        probability = point.with_name("probability.tif")
        operating_point(
            f"{job.wildcards.frame}/{job.wildcards.pair}",
            [*chosen.quiet, *(Path(path) for path in job.input.quiet)],
            settings.false_alarm_rate,
            chosen.folder,
            point,
            fitted=chosen.fitted_keys([Path(path) for path in job.input.samples]),
            like=settings,
        )
        outline(probability, point, events, settings, detections)
        draw_quicklook(Path(job.input.interferograms).parent, probability, detections, events, Path(job.output.quicklook))
