from fringeflow.job import run
from fringeflow.seismic.index import index_recordings

if __name__ == "__main__":
    with run(snakemake) as job:
        index_recordings(
            job.params.folder,
            job.input.labels,
            job.settings("classes"),
            job.output.index,
            **job.settings("reading"),
            threads=job.threads,
        )
