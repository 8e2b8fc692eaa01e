from pathlib import Path

from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.prepare import prepare_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        prepare_event(
            Event.model_validate(job.settings("event")),
            [Interferogram.model_validate(row) for row in job.settings("interferograms")],
            Path("results/raw"),
            Prepare.model_validate(job.settings("settings")),
            out=Path(job.output.interferograms).parent,
            threads=job.threads,
        )
