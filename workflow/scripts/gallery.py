from pathlib import Path

from fringeflow.config.models import Gallery
from fringeflow.detection.gallery import make_gallery
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        make_gallery(
            Path(job.input.run).parent,
            Path(job.input.samples),
            Path(job.input.dataset),
            columns=Gallery.model_validate(job.settings("settings")).columns,
            out=Path(job.output.picture),
        )
