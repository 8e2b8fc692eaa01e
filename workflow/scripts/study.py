from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.claims import StudyRuns
from fringeflow.evaluation.study import make_study
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        make_study(
            [Path(path) for path in job.input.predictions],
            Path(job.input.comparison),
            Path(job.input.dataset),
            StudyRuns.from_dict(job.settings("runs")),
            Evaluation.model_validate(job.settings("settings")),
            out=Path(job.output.table),
            claims=Path(job.output.claims),
            text=Path(job.output.text),
            figure=Path(job.output.picture),
        )
