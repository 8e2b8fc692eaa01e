"""Dask workers on several nodes make the bytes that one process makes, and go home afterwards."""

import os
import shutil
import signal
import subprocess
import sys
import threading

import pytest

from fringeflow.cluster import LOGS, hire
from fringeflow.config.cluster import Dask
from fringeflow.errors import ClusterError
from fringeflow.provenance import SCRIPTS
from tests.slurm.conftest import Cluster, SlurmWorkspace, until
from tests.unit.test_cluster import make, raw  # noqa: F401
from tests.unit.toy_cluster import files_of

SETTINGS = {"cluster": "slurm", "workers": 2, "cores": 1, "memory_gb": 2.0, "partition": "batch", "interface": "lo", "walltime_min": 30}


def workers(cluster: Cluster, name: str, *states: str) -> list[dict[str, str]]:
    """Return SLURM's records of the workers of a name, in some states or in any."""
    return [job for job in cluster.jobs() if job["JobName"] == name and (not states or job["JobState"] in states)]


def over(cluster: Cluster, name: str) -> bool:
    return not workers(cluster, name, "RUNNING", "PENDING", "COMPLETING")


def test_two_workers_make_the_same_bytes_though_one_is_lost(cluster, raw, tmp_path, monkeypatch):  # noqa: F811
    alone = make(raw, tmp_path / "alone")
    monkeypatch.chdir(tmp_path)
    cancelled = []

    def lose_one() -> None:
        """Cancel a worker as soon as another is there to go on."""
        until(lambda: len(workers(cluster, "quake", "RUNNING")) == 2, "two workers")
        until(lambda: any("c.0.0" in names for _, _, names in os.walk(tmp_path / "shared")), "the first interferogram")
        cancelled.append(workers(cluster, "quake", "RUNNING")[0]["JobId"])
        subprocess.run(["scancel", cancelled[0]], check=True)

    with hire(Dask(**SETTINGS), size=4, least=1, name="quake") as crew:
        loss = threading.Thread(target=lose_one, daemon=True)
        loss.start()
        assert make(raw, tmp_path / "shared", crew) == alone
        loss.join(60)
        names = sorted(path.name for path in LOGS.iterdir())
        assert all("PRIVATE KEY" not in path.read_text() for path in LOGS.glob("quake-*")), names
    assert cancelled
    jobs = workers(cluster, "quake")
    assert len(jobs) >= 2
    for job in jobs:
        assert (job["JobName"], job["Partition"], job["NumCPUs"], job["TimeLimit"]) == ("quake", "batch", "1", "00:30:00")
        assert job["MinMemoryNode"] == "2G"
    until(lambda: over(cluster, "quake"), "workers that went home", 60)
    assert {path.suffix for path in LOGS.iterdir()} == {".err", ".out"}, "the keys are gone"


def test_a_worker_that_ends_is_replaced(cluster, tmp_path, monkeypatch):
    """One worker only: without another in its place nothing would ever be done."""
    monkeypatch.chdir(tmp_path)
    with hire(Dask(**SETTINGS | {"workers": 1}), size=1, least=1, name="replaced") as crew:
        until(lambda: workers(cluster, "replaced", "RUNNING"), "a worker")
        assert crew.each(divmod, [(7, 2)], desc="first", unit="sum") == [(3, 1)]
        subprocess.run(["scancel", workers(cluster, "replaced", "RUNNING")[0]["JobId"]], check=True)
        until(lambda: over(cluster, "replaced"), "its end", 60)
        assert crew.each(divmod, [(9, 2)], desc="second", unit="sum") == [(4, 1)]
    assert len(workers(cluster, "replaced")) == 2


def test_what_slurm_does_not_start_is_told_with_its_reason(cluster, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(ClusterError, match=r"(?s)SLURM refuses.*invalid partition specified: nope.*#SBATCH -p nope"),
        hire(Dask(**SETTINGS | {"partition": "nope"}), size=1, least=1, name="refused"),
    ):
        pass
    held = {"workers": 1, "sbatch": ["--hold"], "wait_min": 0.1}
    with (
        pytest.raises(
            ClusterError, match=r"(?s)draw: no worker in 0\.1 minutes.*squeue --name held.*PENDING \(JobHeldUser\).*raise dask\.wait_min"
        ),
        hire(Dask(**SETTINGS | held), size=1, least=1, name="held") as crew,
    ):
        crew.each(divmod, [(7, 2)], desc="draw", unit="sum")


def test_the_workflow_hires_workers_for_large_events(cluster, lay):
    """And makes nothing again when it is told to, or no longer to."""
    workspace: SlurmWorkspace = lay("dask", default=True)
    event = workspace.rows("events")[0]["event"]
    workspace.keep_events([event])
    workspace.configure(detect={"events": [event], "run": "fringeflow-base"})
    frame = workspace.rows("interferograms")[0]["frame"]
    folders = [workspace.folder / "results" / part for part in (f"events/{event}", f"detections/{frame}", "detections/scans")]
    targets = [f"results/events/{event}/standard/{name}" for name in ("spectrogram.zarr/zarr.json", "tiles.parquet")]
    targets.append(f"results/detections/scans/{event}.json")
    workspace.snakemake("--cores", "2", *targets)
    alone = [files_of(folder) for folder in folders]
    assert all(alone)
    for folder in folders:
        shutil.rmtree(folder)
    workspace.configure(dask={**SETTINGS, "min_pairs": 1, "min_tiles": 1})
    workspace.snakemake("--cores", "1", *targets)
    for stage in ("prepare", "tile", "spectrogram", "scan"):
        assert len(workers(cluster, f"{stage}-{event}")) >= 2, stage
    assert [files_of(folder) for folder in folders] == alone
    workspace.configure(dask={"cluster": "local", "workers": 9})
    assert workspace.planned(*targets) == []


def test_a_submitted_job_hires_workers_of_its_own(cluster, lay):
    """`sbatch` is called inside a SLURM job here, whose environment speaks of that job."""
    workspace: SlurmWorkspace = lay("dask_in_slurm")
    event = workspace.rows("events")[0]["event"]
    workspace.keep_events([event])
    folder = workspace.folder / "results/events" / event
    target = f"results/events/{event}/interferograms.zarr/zarr.json"
    workspace.snakemake("--cores", "2", target)
    alone = files_of(folder)
    shutil.rmtree(folder)
    workspace.configure(dask={**SETTINGS, "min_pairs": 1})
    before = cluster.last()
    workspace.succeed(workspace.submit(target))
    names = [job["JobName"] for job in cluster.jobs(before)]
    assert names.count(f"prepare-{event}") >= 2 and len(set(names)) > 1, names
    assert files_of(folder) == alone


ORPHANS = f"""
import os, signal
from fringeflow.cluster import hire
from fringeflow.config.cluster import Dask

with hire(Dask(**{SETTINGS}), size=1, least=1, name="orphans") as crew:
    crew.each(divmod, [(7, 2)], desc="draw", unit="sum")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_job_end_by_themselves(cluster, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ORPHANS], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(SCRIPTS)}, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert workers(cluster, "orphans")
    until(lambda: over(cluster, "orphans"), "workers that ended", 120)
