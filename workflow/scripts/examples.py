from pathlib import Path

from fringeflow.datasets.figures import draw_examples
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        draw_examples(Path(job.input.samples), Path(job.input.dataset), job.wildcards.view, out=Path(job.output.picture))
