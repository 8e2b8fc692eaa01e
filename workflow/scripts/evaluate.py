from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.history_figure import draw_history
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        draw_history(Path(job.input.history), Path(job.input.run), Path(job.output.training))
        evaluate_run(
            Path(job.input.predictions),
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            out=Path(job.output.metrics),
            figure=Path(job.output.picture),
        )
