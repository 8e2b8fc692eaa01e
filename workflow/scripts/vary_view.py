from pathlib import Path

from fringeflow.config.collections import Gather, Pictures, Stft
from fringeflow.imbalance.vary_extra import write_variants_view
from fringeflow.job import run
from fringeflow.seismic.gather import gather_maker
from fringeflow.seismic.images import image_maker
from fringeflow.seismic.stft import spectrogram_maker
from fringeflow.seismic.windows import Reading

MAKERS = {
    "gather": lambda settings, reading: gather_maker(Gather.model_validate(settings), reading),
    "spectrogram": lambda settings, reading: spectrogram_maker(Stft.model_validate(settings), reading),
    "images": lambda settings, reading: image_maker(Pictures.model_validate(settings)),
}

if __name__ == "__main__":
    with run(snakemake) as job:
        write_variants_view(
            Path(job.input.samples),
            Path(job.input.index),
            MAKERS[job.wildcards.view](job.settings("settings"), Reading(**job.settings("reading"))),
            Path(job.output.store).parent,
            threads=job.threads,
        )
