from pathlib import Path

from fringeflow.detection.windows import gather_windows
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        gather_windows([Path(path) for path in job.input.windows], Path(job.output.quiet))
