"""What the rules that embed have in common: those of a dataset's samples and of extra ones ask alike."""

from pathlib import Path

from fringeflow.config.learning import Training
from fringeflow.files import read_json
from fringeflow.job import Job
from fringeflow.models.number_format import in_bfloat16
from fringeflow.models.spec import EncoderSpec
from fringeflow.training.embed import embed_dataset


def embed_job(job: Job) -> None:
    """Embed the samples of a job in the view of its wildcards; the shards in the cache belong to its record.

    Whether bfloat16 gains is decided here, on the machine that computes, and listed with the shards. A job that is shown embeddings to
    be `like` takes their number format, whatever gains: on machines of two kinds extra samples would differ from the others by it.
    """
    encoder, like = EncoderSpec.from_dict(job.settings("encoder")), getattr(job.input, "like", None)
    embed_dataset(
        Path(job.input.samples),
        job.wildcards.view,
        encoder,
        Path("results/cache/embeddings"),
        out=Path(job.output.embeddings),
        batch=Training.model_validate(job.config.get("training", {})).embed_batch,
        bfloat16=bool(read_json(like)["bfloat16"]) if like else in_bfloat16(encoder, job.params.bfloat16),
        threads=job.threads,
    )
    job.leaves(*(shard["path"] for shard in read_json(job.output.embeddings)["shards"]))
