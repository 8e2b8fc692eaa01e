from pathlib import Path

from fringeflow.imbalance.extra import make_extra
from fringeflow.imbalance.recipes import Recipe
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        make_extra(
            Path(job.input.samples),
            Path(job.input.dataset),
            Recipe.from_dict(job.settings("recipe")),
            out=Path(job.output.samples),
            wrapped=Path(job.output.wrapped).parent,
            unwrapped=Path(job.output.unwrapped).parent,
            threads=job.threads,
        )
