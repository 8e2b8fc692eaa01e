from pathlib import Path

from fringeflow.config.collections import SimulatedGathers
from fringeflow.job import run
from fringeflow.simulate.gathers import write_gathers

if __name__ == "__main__":
    with run(snakemake) as job:
        write_gathers(
            SimulatedGathers.model_validate(job.settings("settings")),
            job.params.seed,
            folder=Path(job.params.folder),
            labels=Path(job.output.labels),
            files=Path(job.output.files),
        )
        job.leaves(job.params.folder)
