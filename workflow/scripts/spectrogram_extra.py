from pathlib import Path

from fringeflow.config.interferograms import Spectrogram
from fringeflow.insar.spectrum import spectrogram_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        spectrogram_event(
            Path(job.input.wrapped).parent,
            Spectrogram.model_validate(job.settings("settings")),
            out=Path(job.output.spectrogram).parent,
            threads=job.threads,
        )
