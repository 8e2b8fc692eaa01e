"""A run that another machine takes over, while jobs of the first one still run on the nodes."""

import json
import os
import socket
from dataclasses import dataclass

import pytest

from tests.slurm.conftest import HERE, Cluster, SlurmWorkspace, own_hosts, until

pytestmark = own_hosts
OTHER = "login2"


@dataclass
class TakenOver:
    """What was said to whoever came second, and what became of the job that the first run had left behind."""

    workspace: SlurmWorkspace
    event: str
    first: int
    while_it_ran: tuple[int, str]
    after_its_end: tuple[int, str]
    left_over: dict[str, str]
    left_over_said: str


@pytest.fixture(scope="module")
def taken_over(cluster: Cluster, tiled, tmp_path_factory) -> TakenOver:
    """Kill the first run, which this machine leads, while its job stands in `prepare`; finish from another; then let that job go on."""
    workspace = SlurmWorkspace(tiled.copy(tmp_path_factory.mktemp("taken_over") / "clone").folder)
    event = workspace.rows("events")[0]["event"]
    target = f"results/events/{event}/interferograms.zarr/zarr.json"
    trouble = tmp_path_factory.mktemp("trouble")
    path = [str(HERE / "ballast"), str(workspace.folder / "workflow/scripts")]
    workspace.environ = {"FRINGEFLOW_TROUBLE": str(trouble), "PYTHONPATH": os.pathsep.join(path)}
    (workspace.folder / target).unlink()

    def end(*arguments: str) -> tuple[int, str]:
        code = workspace.submit(*arguments, host=OTHER).wait(timeout=300)
        return code, workspace.said

    before = cluster.last()
    first = workspace.submit(target)
    until(lambda: list(trouble.glob("*.here")) or first.poll() is not None, "the job stands in `prepare`")
    assert first.poll() is None, workspace.said[-4000:]
    while_it_ran = end(target)
    first.kill()
    first.wait()
    after_its_end = end(target)
    assert end("--unlock")[0] == 0, workspace.said[-4000:]
    workspace.environ = {}
    workspace.succeed(workspace.submit(target, host=OTHER))
    number = cluster.jobs(before)[0]["JobId"]
    assert cluster.job(number)["JobState"] == "RUNNING", "the first run's job stands there still"
    (trouble / "plan.json.part").write_text(json.dumps({}))
    (trouble / "plan.json.part").rename(trouble / "plan.json")
    until(lambda: cluster.job(number)["JobState"] not in ("RUNNING", "COMPLETING"), "the end of the job that was left behind", 120)
    log = next((workspace.folder / "logs/slurm").rglob(f"{number}.log"))
    return TakenOver(workspace, event, first.pid, while_it_ran, after_its_end, cluster.job(number), log.read_text())


def test_a_second_run_on_another_host_is_refused_and_told_where_the_first_one_is(taken_over):
    code, said = taken_over.while_it_ran
    assert code == 1
    assert f"process {taken_over.first} on {socket.gethostname()} runs a workflow in this folder" in said, said[-4000:]
    assert "Traceback" not in said


def test_after_the_first_was_killed_it_is_told_to_unlock(taken_over):
    """Nobody on another host can see whether that process lives."""
    code, said = taken_over.after_its_end
    assert code == 1
    assert f"process {taken_over.first} on {socket.gethostname()} runs a workflow in this folder, or was killed" in said, said[-4000:]
    assert "snakemake --unlock" in said


def test_a_job_that_the_first_run_left_behind_fails_and_disturbs_nothing(taken_over, tiled):
    """Neither it nor the Snakemakes around it may remove or replace what the second run has made."""
    assert taken_over.left_over["JobState"] == "FAILED"
    assert "has ended, so its results are not wanted" in taken_over.left_over_said
    below = f"events/{taken_over.event}"
    assert taken_over.workspace.digests(below) == tiled.digests(below)
    assert (taken_over.workspace.folder / ".snakemake/fringeflow.lock").read_text().startswith(f"{OTHER} ")
