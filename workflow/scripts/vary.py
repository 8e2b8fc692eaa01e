from pathlib import Path

from fringeflow.imbalance.recipes import Recipe
from fringeflow.imbalance.vary_extra import make_variants
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        make_variants(
            Path(job.input.samples),
            Path(job.input.dataset),
            Recipe.from_dict(job.settings("recipe")),
            out=Path(job.output.samples),
        )
