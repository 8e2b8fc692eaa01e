from pathlib import Path

from fringeflow.config.models import Config
from fringeflow.job import run
from fringeflow.licsar.fetch_event import fetch_event
from fringeflow.licsar.folder import mirrors_for

if __name__ == "__main__":
    with run(snakemake) as job:
        config = Config.model_validate(snakemake.config)
        source = "simulated" if job.input.archive else "portal"
        files = fetch_event(
            job.wildcards.event,
            [(frame, pair) for frame, pair in job.settings("interferograms")],
            lambda frame, pair: mirrors_for(config, source, frame, pair),
            config.download,
            raw=Path("results/raw"),
            out=Path(job.output.fetched),
        )
        job.leaves(*files)
