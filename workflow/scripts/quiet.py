from pathlib import Path

from fringeflow.detection.windows import gather_windows
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        gather_windows([Path("results/detections", key, "windows.parquet") for key in job.params.interferograms], Path(job.output.quiet))
