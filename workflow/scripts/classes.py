from pathlib import Path

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.cascade_pairs import pair_cascades
from fringeflow.evaluation.classes import tabulate_classes
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        pair_cascades(
            [Path(path).parent for path in job.input.predictions],
            Path(job.input.dataset),
            Evaluation.model_validate(job.settings("settings")),
            out=Path(job.output.cascades),
        )
        tabulate_classes([Path(path) for path in job.input.metrics], out=Path(job.output.table), figure=Path(job.output.picture))
