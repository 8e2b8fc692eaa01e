from pathlib import Path

from fringeflow.config.models import Training
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.job import run
from fringeflow.models.spec import ModelSpec
from fringeflow.training.train import train_run

if __name__ == "__main__":
    with run(snakemake) as job:
        folder = Path(job.output.run).parent
        if not job.unchanged():
            train_run(
                Path(job.input.samples),
                Path(job.input.dataset),
                Path(job.input.embeddings),
                folder,
                view=job.wildcards.view,
                model=ModelSpec.from_dict(job.settings("model")),
                strategy=StrategySpec.from_dict(job.settings("strategy")),
                settings=Training.model_validate(job.settings("settings")),
                code=job.params.code,
                threads=job.threads,
                extra=(Path(job.input.extra[0]), Path(job.input.extra[1])) if job.input.extra else None,
                doubts=Path(job.input.doubts[0]) if job.input.doubts else None,
                tuned=Path(job.input.tuned[0]) if job.input.tuned else None,
            )
            job.leaves(folder / "model")
