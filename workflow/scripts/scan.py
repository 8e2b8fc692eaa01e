from pathlib import Path

from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask
from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.detection.detector_choice import read_detector
from fringeflow.detection.scan_event import EventScan, scan_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        chosen = read_detector(Path(job.input.detector))
        dask = Dask.model_validate(job.config.get("dask", {}))
        scan = EventScan(
            job.wildcards.event,
            Path(job.input.interferograms).parent,
            tuple(job.params.interferograms),
            chosen.folder,
            Detect.model_validate(job.settings("settings")),
            chosen.size,
            Spectrogram.model_validate(job.settings("spectrogram")),
            job.params.code,
            Path("results/detections"),
        )
        with hire(dask, size=len(scan.left), least=dask.min_pairs, name=f"scan-{job.wildcards.event}") as crew:
            job.leaves(*scan_event(scan, Path(job.output.scanned), threads=job.threads, crew=crew))
