from pathlib import Path

from fringeflow.config.pretraining import Pretraining
from fringeflow.job import run
from fringeflow.pretraining.package import package_model
from fringeflow.pretraining.pairs import RealPair

if __name__ == "__main__":
    with run(snakemake) as job:
        package_model(
            {int(Path(path).parent.name): Path(path).parent for path in job.input.runs},
            [RealPair.from_dict(row) for row in job.settings("pairs")],
            Pretraining.model_validate(job.settings("settings")),
            Path(job.input.transfer),
            name=job.wildcards.name,
            folder=Path(job.output.card).parent,
            threads=job.threads,
        )
        job.leaves(Path(job.output.card).parent)
