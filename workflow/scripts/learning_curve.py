from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.learning_curve import evaluate_curve
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        evaluate_curve(
            Path(job.input.predictions),
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            title=f"{job.wildcards.model} with {job.wildcards.strategy} on {job.wildcards.view}",
            out=Path(job.output.table),
            figure=Path(job.output.picture),
        )
