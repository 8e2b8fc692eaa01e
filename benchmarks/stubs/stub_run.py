"""Snakemake, with every job replaced by one that writes its outputs as empty as can be: the real DAG, scheduler and metadata.

Usage: python benchmarks/stubs/stub_run.py --cores 2 [anything else that snakemake takes]

Jobs are planned, chosen and written down as in a real run (parameters, inputs and their checksums in .snakemake/metadata), so
that a later `snakemake -n` plans what it would plan after a real run. No script runs, and no result has any content: use an
empty folder. What Snakemake itself costs for many jobs is seen here without waiting for the jobs.
"""

import sys
from pathlib import Path
from typing import Any

from snakemake.cli import main
from snakemake.executors.touch import Executor
from snakemake.workflow import Workflow
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo


def write_outputs(self: Executor, job: Any) -> None:
    """Write a job's outputs, each with its own name as content, and report that it is done."""
    done = SubmittedJobInfo(job=job)
    for output in map(Path, job.output):
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(f"{output}\n")
    self.report_job_submission(done)
    self.report_job_success(done)


if __name__ == "__main__":
    # `--touch` runs all jobs in this process one after the other; it would only touch what is there already.
    Executor.run_job = write_outputs
    Workflow.onsuccess = lambda self, summary: None  # it would read the results
    main(["--touch", *sys.argv[1:]])
