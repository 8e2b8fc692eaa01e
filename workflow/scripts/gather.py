from pathlib import Path

from fringeflow.config.collections import Gather
from fringeflow.job import run
from fringeflow.seismic.gather import gather_maker
from fringeflow.seismic.stores import write_view
from fringeflow.seismic.windows import Reading

if __name__ == "__main__":
    with run(snakemake) as job:
        write_view(
            Path(job.input.index),
            gather_maker(Gather.model_validate(job.settings("settings")), Reading(**job.settings("reading"))),
            Path(job.output.gather).parent,
            threads=job.threads,
        )
