from pathlib import Path

from fringeflow.config.models import Gallery
from fringeflow.detection.gallery import best_of_view, make_gallery
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        folder = Path("results/runs", best_of_view(Path(job.input.comparison), job.wildcards.view))
        job.rests_on(folder, job.input.samples, job.input.dataset, *job.input.stores)
        if not job.unchanged():
            make_gallery(
                folder,
                Path(job.input.samples),
                Path(job.input.dataset),
                columns=Gallery.model_validate(job.settings("settings")).columns,
                out=Path(job.output.picture),
            )
