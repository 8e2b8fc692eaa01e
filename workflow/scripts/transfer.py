from pathlib import Path

from fringeflow.config.pretraining import Pretraining
from fringeflow.job import run
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.transfer import compare_transfer

if __name__ == "__main__":
    with run(snakemake) as job:
        compare_transfer(
            {int(Path(path).parent.name): Path(path).parent for path in job.input.runs},
            [RealPair.from_dict(row) for row in job.settings("pairs")],
            Pretraining.model_validate(job.settings("settings")),
            table=Path(job.output.table),
            tiles=Path(job.output.tiles),
            picture=Path(job.output.picture),
            threads=job.threads,
        )
