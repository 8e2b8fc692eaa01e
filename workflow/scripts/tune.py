from pathlib import Path

from fringeflow.job import run
from fringeflow.training.tune_result import gather

if __name__ == "__main__":
    with run(snakemake) as job:
        names = job.wildcards
        gather(
            [Path(path) for path in job.input.workers],
            trials=int(job.params.trials),
            best=Path(job.output.best),
            table=Path(job.output.trials),
            picture=Path(job.output.picture),
            title=f"{names.model}, {names.strategy}, {names.dataset} {names.view}",
        )
