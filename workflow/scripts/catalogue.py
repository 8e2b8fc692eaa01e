from pathlib import Path

from fringeflow.config.models import Config
from fringeflow.config.tables import Event
from fringeflow.job import run
from fringeflow.licsar.catalogue import write_catalogue

if __name__ == "__main__":
    with run(snakemake) as job:
        config = Config.model_validate(snakemake.config)
        events = [Event.model_validate(row) for row in job.settings("events")]
        write_catalogue(events, config.mirrors, config.download, Path(job.params.table), config.catalogue)
