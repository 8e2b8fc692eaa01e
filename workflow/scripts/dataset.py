from pathlib import Path

from fringeflow.config.classes import CLASSES
from fringeflow.config.models import Dataset
from fringeflow.datasets.build import build_dataset
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        settings = job.settings("settings")
        build_dataset(
            job.wildcards.dataset,
            Dataset.model_validate({name: value for name, value in settings.items() if name != "event_names"}),
            dict(zip(settings["event_names"], job.input.indexes, strict=True)),
            CLASSES,
            samples=Path(job.output.samples),
            dataset=Path(job.output.dataset),
            summary=Path(job.output.summary),
        )
