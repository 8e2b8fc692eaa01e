from pathlib import Path

from fringeflow.config.models import Simulation
from fringeflow.config.tables import Event, Interferogram
from fringeflow.job import run
from fringeflow.simulate.archive import simulate_event

if __name__ == "__main__":
    with run(snakemake) as job:
        root = Path(job.params.root)
        written = simulate_event(
            Event.model_validate(job.settings("event")),
            [Interferogram.model_validate(row) for row in job.settings("interferograms")],
            Simulation.model_validate(job.settings("settings")),
            job.params.seed,
            root=root,
            out=Path(job.output.files),
        )
        job.leaves(*(root / entry["path"] for entry in written))
