from pathlib import Path

from fringeflow.job import run
from fringeflow.verification import verify

if __name__ == "__main__":
    with run(snakemake) as job:
        verify(job.settings("now"), Path(job.params.table), seed=job.config.get("seed"), threads=job.threads)
