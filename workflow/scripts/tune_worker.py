from pathlib import Path

from fringeflow.config.learning import Training, Tune
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.job import run
from fringeflow.models.spec import ModelSpec
from fringeflow.training.tune import tune_worker

if __name__ == "__main__":
    with run(snakemake) as job:
        tune_worker(
            Path(job.input.samples),
            Path(job.input.dataset),
            Path(job.input.embeddings),
            Path(job.output.done),
            worker=int(job.wildcards.worker),
            model=ModelSpec.from_dict(job.settings("model")),
            strategy=StrategySpec.from_dict(job.settings("strategy")),
            settings=Training.model_validate(job.settings("settings")),
            tune=Tune.model_validate(job.settings("tune")),
            code=job.params.code,
            threads=job.threads,
            extra=(Path(job.input.extra[0]), Path(job.input.extra[1])) if job.input.extra else None,
            doubts=Path(job.input.doubts[0]) if job.input.doubts else None,
        )
