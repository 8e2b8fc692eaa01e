from pathlib import Path

from fringeflow.config.models import Training
from fringeflow.files import read_json
from fringeflow.job import run
from fringeflow.models.spec import EncoderSpec
from fringeflow.training.embed import embed_dataset

if __name__ == "__main__":
    with run(snakemake) as job:
        training = Training.model_validate(snakemake.config.get("training", {}))
        embed_dataset(
            Path(job.input.samples),
            job.wildcards.view,
            EncoderSpec.from_dict(job.settings("encoder")),
            Path("results/cache/embeddings"),
            out=Path(job.output.embeddings),
            batch=training.embed_batch,
            bfloat16=job.params.bfloat16,
            threads=job.threads,
        )
        job.leaves(*(shard["path"] for shard in read_json(job.output.embeddings)["shards"]))
