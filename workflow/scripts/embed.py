from fringeflow.job import run
from fringeflow.training.embed_job import embed_job

if __name__ == "__main__":
    with run(snakemake) as job:
        embed_job(job)
