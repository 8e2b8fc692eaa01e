from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        evaluate_run(
            Path(job.input.predictions),
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            out=Path(job.output.metrics),
            figure=Path(job.output.picture),
        )
