from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.strategies import compare_strategies
from fringeflow.job import run

PICTURES = ("differences", "heatmap", "curves", "reliability", "confusion")

if __name__ == "__main__":
    with run(snakemake) as job:
        compare_strategies(
            [Path(path) for path in job.input.predictions],
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            out=Path(job.output.table),
            events=Path(job.output.events),
            pictures={name: Path(getattr(job.output, name)) for name in PICTURES},
        )
