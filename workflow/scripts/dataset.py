from pathlib import Path

from fringeflow.config.models import Dataset
from fringeflow.datasets.build import build_dataset
from fringeflow.datasets.collection import build_collection
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        about = job.settings("settings")
        settings = Dataset.model_validate(about["settings"])
        classes, positive = about["classes"], about["positive"]
        out = {name: Path(job.output[name]) for name in ("samples", "dataset", "summary")}
        if settings.collection is None:
            indexes = dict(zip(about["events"], job.input.indexes, strict=True))
            build_dataset(job.wildcards.dataset, settings, indexes, classes, positive=positive, **out)
        else:
            duplicates = Path(job.input.duplicates[0]) if job.input.duplicates else None
            index = Path(job.input.indexes[0])
            build_collection(job.wildcards.dataset, settings, index, classes, positive, about["kind"], duplicates=duplicates, **out)
