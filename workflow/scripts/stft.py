from pathlib import Path

from fringeflow.config.collections import Stft
from fringeflow.job import run
from fringeflow.seismic.stft import spectrogram_maker
from fringeflow.seismic.stores import write_view
from fringeflow.seismic.windows import Reading

if __name__ == "__main__":
    with run(snakemake) as job:
        write_view(
            Path(job.input.index),
            spectrogram_maker(Stft.model_validate(job.settings("settings")), Reading(**job.settings("reading"))),
            Path(job.output.spectrogram).parent,
            threads=job.threads,
        )
