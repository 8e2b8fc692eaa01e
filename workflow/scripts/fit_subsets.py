from pathlib import Path

from fringeflow.config.models import Training
from fringeflow.config.studies import LearningCurve
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.job import run
from fringeflow.models.spec import ModelSpec
from fringeflow.training.subsets import fit_subsets

if __name__ == "__main__":
    with run(snakemake) as job:
        if not job.unchanged():
            fit_subsets(
                Path(job.input.samples),
                Path(job.input.dataset),
                Path(job.input.embeddings),
                Path(job.output.predictions),
                model=ModelSpec.from_dict(job.settings("model")),
                strategy=StrategySpec.from_dict(job.settings("strategy")),
                settings=Training.model_validate(job.settings("settings")),
                curve=LearningCurve.model_validate(job.settings("curve")),
                threads=job.threads,
                tuned=Path(job.input.tuned[0]) if job.input.tuned else None,
            )
