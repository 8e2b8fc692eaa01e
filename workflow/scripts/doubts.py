from pathlib import Path

from fringeflow.config.models import Training
from fringeflow.config.studies import Curation
from fringeflow.job import run
from fringeflow.models.spec import ModelSpec
from fringeflow.training.doubts import find_doubts

if __name__ == "__main__":
    with run(snakemake) as job:
        find_doubts(
            Path(job.input.samples),
            Path(job.input.dataset),
            Path(job.input.embeddings),
            view=job.wildcards.view,
            model=ModelSpec.from_dict(job.settings("model")),
            training=Training.model_validate(job.settings("training")),
            curation=Curation.model_validate(job.settings("curation")),
            size=job.params.size,
            how=job.wildcards.curate,
            out=Path(job.output.doubts),
            table=Path(job.output.table),
            figure=Path(job.output.picture),
            threads=job.threads,
        )
