from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import Stage
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.history_figure import draw_history
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        evaluate_run(
            Path(job.input.predictions),
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            run=Path(job.input.run),
            stages=[Stage.from_dict(stage) for stage in job.settings("stages")],
            out=Path(job.output.metrics),
            figure=Path(job.output.picture),
        )
        draw_history(Path(job.input.history), Path(job.input.run), Path(job.output.training))
