from pathlib import Path

from fringeflow.config.collections import Pictures
from fringeflow.job import run
from fringeflow.seismic.images import image_maker
from fringeflow.seismic.stores import write_view

if __name__ == "__main__":
    with run(snakemake) as job:
        write_view(
            Path(job.input.index),
            image_maker(Pictures.model_validate(job.settings("settings"))),
            Path(job.output.images).parent,
            threads=job.threads,
        )
