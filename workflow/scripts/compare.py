from pathlib import Path

from fringeflow.evaluation.compare import compare_runs
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        compare_runs([Path(path).parent for path in job.input.metrics], out=Path(job.output.table), figure=Path(job.output.picture))
