"""Snakemake, with every job replaced by one that writes its outputs as empty as can be: the real DAG, scheduler and metadata.

Usage: python benchmarks/stubs/stub_run.py [--records] --cores 2 [anything else that snakemake takes]

Jobs are planned, chosen and written down as in a real run (parameters, inputs and their checksums in .snakemake/metadata), so
that a later `snakemake -n` plans what it would plan after a real run. No script runs, and no result has any content: use an
empty folder. What Snakemake itself costs for many jobs is seen here without waiting for the jobs. With --records every job also
leaves as many files beside its outputs as a real one, and its record: what looks through them when a run begins is seen as well.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from snakemake.cli import main
from snakemake.executors.touch import Executor
from snakemake.workflow import Workflow
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow/scripts"))

from fringeflow.records import begin_record, left_by, now, store_of

RECORDS = "--records"
PRODUCTS = ("geo.cc.tif", "geo.diff_pha.tif", "geo.unw.tif")
ARRAYS = {"coherence": "c.0.0", "spatial_ref": "", "unwrapped": "c.0.0", "valid": "c.0.0", "wrapped": "c.0.0", "x": "c/0", "y": "c/0"}
"""Of a prepared interferogram: each has a description, and a chunk if it has data."""


def write_outputs(self: Executor, job: Any) -> None:
    """Write a job's outputs, each with its own name as content, and report that it is done."""
    done = SubmittedJobInfo(job=job)
    _write(job.output)
    self.report_job_submission(done)
    self.report_job_success(done)


def write_outputs_and_record(self: Executor, job: Any) -> None:
    """Write what a real job leaves beside its outputs, too, and its record."""
    done = SubmittedJobInfo(job=job)
    _write(job.output)
    _write(others := beside(job))
    if job.output:
        params = dict(job.params.items())
        begun = begin_record(job.rule.name, dict(job.wildcards.items()), job.input, params, code=params.get("code", ""), seed=0)
        outputs, left = left_by(map(str, job.output), others)
        replace(begun, outputs=outputs, beside=left, made=now()).write()
    self.report_job_submission(done)
    self.report_job_success(done)


def beside(job: Any) -> list[str]:
    """Return the files that a job leaves beside its outputs, as counted in a real run; one shard for the tiles of an earthquake."""
    match job.rule.name:
        case "simulate":
            return [f"results/archive/LiCSAR_products/{pair}/{name}" for pair in _pairs(job) for name in PRODUCTS]
        case "fetch":
            return [f"results/raw/{pair}/{name}" for pair in _pairs(job) for name in (*PRODUCTS, "manifest.json")]
        case "prepare":
            store = store_of(job.output[0])
            members = ["zarr.json", *(f"{array}/{name}" for array, chunk in ARRAYS.items() for name in ("zarr.json", chunk) if name)]
            frames = {pair.partition("/")[0] for pair in _pairs(job)}
            names = [*(f"{pair}/{name}" for pair in _pairs(job) for name in members), *(f"{frame}/zarr.json" for frame in frames)]
            return [f"{store}/{name}" for name in names]
        case "tile" | "spectrogram":
            stores = [store for path in job.output if (store := store_of(path))]
            return [f"{store}/samples/{name}" for store in stores for name in ("zarr.json", "c/0/0/0")]
        case "embed":
            events = {Path(path).parts[2] for path in job.input if path.startswith("results/events/")}
            return [f"results/cache/embeddings/{job.wildcards.encoder}/{job.wildcards.view}-{event}.npy" for event in sorted(events)]
        case "train":
            return [f"{Path(job.output[0]).parent}/model/seed0.bin"]
        case _:
            return []


def _pairs(job: Any) -> list[str]:
    """Return frame/pair of an event's interferograms from a job's parameters."""
    rows = json.loads(job.params.interferograms)
    return [f"{row['frame']}/{row['pair']}" if isinstance(row, dict) else "/".join(row) for row in rows]


def _write(paths: Any) -> None:
    for path in map(Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path}\n")


if __name__ == "__main__":
    # `--touch` runs all jobs in this process one after the other; it would only touch what is there already.
    Executor.run_job = write_outputs_and_record if RECORDS in sys.argv else write_outputs
    Workflow.onsuccess = lambda self, summary: None  # it would read the results
    main(["--touch", *(word for word in sys.argv[1:] if word != RECORDS)])
