from fringeflow.config.collections import Pictures
from fringeflow.job import run
from fringeflow.seismic.picture_index import index_pictures

if __name__ == "__main__":
    with run(snakemake) as job:
        index_pictures(
            Pictures.model_validate(job.settings("pictures")),
            job.output.index,
            job.output.duplicates,
            threads=job.threads,
        )
