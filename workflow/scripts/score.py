from pathlib import Path

from fringeflow.config.models import Score, Training
from fringeflow.detection.score import best_runs, score_event
from fringeflow.job import run

if __name__ == "__main__":
    with run(snakemake) as job:
        score = Score.model_validate(job.settings("settings"))
        names = best_runs([Path(path) for path in job.input.comparisons]) if score.runs == "best" else score.runs
        score_event(
            Path(job.input.index),
            Path(job.input.interferograms).parent,
            [Path("results/runs", name) for name in names],
            settings=Training.model_validate(snakemake.config.get("training", {})),
            cache=Path("results/cache/embeddings"),
            threads=job.threads,
            table=Path(job.output.table),
            picture=Path(job.output.picture),
        )
