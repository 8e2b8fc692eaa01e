from pathlib import Path

from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask
from fringeflow.config.interferograms import Spectrogram
from fringeflow.insar.spectrum import spectrogram_event
from fringeflow.job import run
from fringeflow.store import open_samples

if __name__ == "__main__":
    with run(snakemake) as job:
        wrapped = Path(job.input.wrapped).parent
        dask = Dask.model_validate(job.config.get("dask", {}))
        with hire(dask, size=open_samples(wrapped).count, least=dask.min_tiles, name=f"spectrogram-{job.wildcards.event}") as crew:
            spectrogram_event(
                wrapped,
                Spectrogram.model_validate(job.settings("settings")),
                out=Path(job.output.spectrogram).parent,
                threads=job.threads,
                crew=crew,
            )
