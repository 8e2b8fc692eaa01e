from pathlib import Path

from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask
from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.prepare import prepare_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        interferograms = [Interferogram.model_validate(row) for row in job.settings("interferograms")]
        dask = Dask.model_validate(job.config.get("dask", {}))
        with hire(dask, size=len(interferograms), least=dask.min_pairs, name=f"prepare-{job.wildcards.event}") as crew:
            prepare_event(
                Event.model_validate(job.settings("event")),
                interferograms,
                Path("results/raw"),
                Prepare.model_validate(job.settings("settings")),
                out=Path(job.output.interferograms).parent,
                threads=job.threads,
                crew=crew,
            )
