from pathlib import Path

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.detection.detector_choice import read_detector
from fringeflow.detection.scan import scan_interferogram
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        chosen = read_detector(Path(job.input.detector))
        scan_interferogram(
            Path(job.input.interferograms).parent,
            f"{job.wildcards.frame}/{job.wildcards.pair}",
            chosen.folder,
            Detect.model_validate(job.settings("settings")),
            size=chosen.size,
            spectrogram=Spectrogram.model_validate(job.settings("spectrogram")),
            out=Path(job.output.probability),
            windows=Path(job.output.windows),
            threads=job.threads,
        )
