from pathlib import Path

from fringeflow.config.interferograms import Tiling
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.tiles import tile_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        tile_event(
            Event.model_validate(job.settings("event")),
            [Interferogram.model_validate(row) for row in job.settings("interferograms")],
            Path(job.input.interferograms).parent,
            Tiling.model_validate(job.settings("tiling")),
            Path(job.input.polygons[0]) if job.input.polygons else None,
            index=Path(job.output.index),
            wrapped=Path(job.output.wrapped).parent,
            unwrapped=Path(job.output.unwrapped).parent,
            threads=job.threads,
        )
