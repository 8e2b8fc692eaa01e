"""What the rules that embed have in common: those of a dataset's samples and of extra ones ask alike."""

from pathlib import Path

from fringeflow.config.learning import Training
from fringeflow.files import read_json
from fringeflow.job import Job
from fringeflow.models.spec import EncoderSpec
from fringeflow.training.embed import embed_dataset


def embed_job(job: Job) -> None:
    """Embed the samples of a job in the view of its wildcards; the shards in the cache belong to its record."""
    embed_dataset(
        Path(job.input.samples),
        job.wildcards.view,
        EncoderSpec.from_dict(job.settings("encoder")),
        Path("results/cache/embeddings"),
        out=Path(job.output.embeddings),
        batch=Training.model_validate(job.config.get("training", {})).embed_batch,
        bfloat16=job.params.bfloat16,
        threads=job.threads,
    )
    job.leaves(*(shard["path"] for shard in read_json(job.output.embeddings)["shards"]))
