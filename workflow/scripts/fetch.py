from pathlib import Path

from fringeflow.config.models import Config
from fringeflow.job import run
from fringeflow.licsar.fetch import fetch_interferogram
from fringeflow.licsar.folder import mirrors_for

if __name__ == "__main__":
    with run(snakemake) as job:
        config = Config.model_validate(snakemake.config)
        fetch_interferogram(
            job.wildcards.frame,
            job.wildcards.pair,
            mirrors_for(config, "simulated" if job.input.archive else "portal", job.wildcards.frame, job.wildcards.pair),
            config.download,
            out=Path(job.output.manifest),
        )
