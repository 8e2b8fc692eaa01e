from pathlib import Path

from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask
from fringeflow.config.interferograms import Tiling
from fringeflow.config.tables import Event, Interferogram
from fringeflow.insar.tiles import tile_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        interferograms = [Interferogram.model_validate(row) for row in job.settings("interferograms")]
        dask = Dask.model_validate(job.config.get("dask", {}))
        with hire(dask, size=len(interferograms), least=dask.min_pairs, name=f"tile-{job.wildcards.event}") as crew:
            tile_event(
                Event.model_validate(job.settings("event")),
                interferograms,
                Path(job.input.interferograms).parent,
                Tiling.model_validate(job.settings("tiling")),
                {Path(path).stem: Path(path) for path in job.input.polygons},
                index=Path(job.output.index),
                wrapped=Path(job.output.wrapped).parent,
                unwrapped=Path(job.output.unwrapped).parent,
                others={key: [Event.model_validate(row) for row in rows] for key, rows in job.settings("others").items()},
                threads=job.threads,
                crew=crew,
            )
