"""One run in which everything goes wrong that goes wrong on clusters; it ends with the bytes of an undisturbed one."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.conftest import EVENTS, HERE, Cluster, SlurmWorkspace, memory_mb, until


@dataclass
class Ordeal:
    """What was done to which event's job, and what SLURM and Snakemake said of it."""

    workspace: SlurmWorkspace
    said: str
    jobs: dict[str, list[dict[str, str]]]  # by trouble, the jobs of its event, in their order


def announced(folder: Path) -> list[dict[str, str]]:
    """Return who stands in `prepare` or stood there."""
    return sorted((json.loads(path.read_text()) for path in folder.glob("*.here")), key=lambda job: int(job["job"]))


@pytest.fixture(scope="module")
def ordeal(cluster: Cluster, lay, tmp_path_factory) -> Ordeal:
    """Memory, time, a node set down and a slurmd killed, all while the same five jobs run."""
    workspace, folder = lay("ordeal"), tmp_path_factory.mktemp("trouble")
    path = [str(HERE / "ballast"), str(workspace.folder / "workflow/scripts")]
    workspace.environ = {"FRINGEFLOW_TROUBLE": str(folder), "PYTHONPATH": os.pathsep.join(path)}
    process = workspace.submit(*workspace.tiles())

    def standing() -> list[dict[str, str]]:
        assert process.poll() is None, workspace.said[-4000:]
        return found if len(found := announced(folder)) == EVENTS else []

    places: dict[str, list[dict[str, str]]] = {}
    for job in until(standing, "all five jobs stand in `prepare`"):
        places.setdefault(job["node"], []).append(job)
    assert {node: len(jobs) for node, jobs in places.items()} == {"n1": 2, "n2": 2, "n3": 1}
    struck = {"memory": places["n1"][0], "time": places["n1"][1], "down": places["n3"][0]}
    # Both jobs of n2 hang: one that went on would be killed with a part open, which stays until the next run.
    struck |= {"crash": places["n2"][0], "crash beside": places["n2"][1]}
    cluster.scontrol("update", f"JobId={struck['time']['job']}", "TimeLimit=1")
    plan = {job["event"]: "memory" if trouble == "memory" else "hang" for trouble, job in struck.items()}
    (folder / "plan.json.part").write_text(json.dumps(plan))
    (folder / "plan.json.part").rename(folder / "plan.json")
    cluster.scontrol("update", "NodeName=n3", "State=DOWN", "Reason=test")
    cluster("kill", "n2")
    until(lambda: cluster.job(struck["down"]["job"])["JobState"] == "NODE_FAIL", "the job of the node set down is given up")
    cluster.scontrol("update", "NodeName=n3", "State=RESUME")
    for trouble in ("crash", "crash beside"):
        until(lambda job=struck[trouble]["job"]: cluster.job(job)["JobState"] == "NODE_FAIL", "the jobs of the dead slurmd are given up")
    cluster("revive", "n2")
    said = workspace.succeed(process)
    tries = {trouble: [at for at in announced(folder) if at["event"] == job["event"]] for trouble, job in struck.items()}
    return Ordeal(workspace, said, {trouble: [cluster.job(at["job"]) for at in found] for trouble, found in tries.items()})


def told(ordeal: Ordeal, job: dict[str, str]) -> str:
    """Return what the run said of a job that failed: where its log is, and all that stands in it."""
    log = next((ordeal.workspace.folder / "logs/slurm").rglob(f"{job['JobId']}.log"))
    assert f"log: {log} (check log file(s)" in ordeal.said
    return ordeal.said.split(f"log: {log} (check")[1].split("message: Error in group")[0]


def test_a_job_over_its_memory_comes_back_with_more_and_succeeds(ordeal):
    killed, *_, done = ordeal.jobs["memory"]
    assert killed["JobState"] in ("OUT_OF_MEMORY", "FAILED", "CANCELLED")
    assert done["JobState"] == "COMPLETED"
    assert memory_mb(done) >= 1.9 * memory_mb(killed)
    assert "exceeded memory limit" in told(ordeal, killed)


def test_a_job_over_its_time_is_reported_with_its_log_and_comes_back(ordeal):
    late, *_, done = ordeal.jobs["time"]
    assert (late["JobState"], done["JobState"]) == ("TIMEOUT", "COMPLETED")
    assert f"JOB {late['JobId']} ON {late['NodeList']}" in told(ordeal, late)
    assert "DUE TO TIME LIMIT" in told(ordeal, late)
    assert done["TimeLimit"] > "01:40:00", "twice the 51 minutes of the first attempt"


def test_a_node_set_down_and_a_dead_slurmd_cost_one_attempt(ordeal):
    for trouble in ("down", "crash", "crash beside"):
        lost, *_, done = ordeal.jobs[trouble]
        assert (lost["JobState"], done["JobState"]) == ("NODE_FAIL", "COMPLETED"), trouble
        assert lost["Requeue"] == "0", "SLURM must not bring back what Snakemake brings back"
        assert f"Node failure on {lost['NodeList']}" in told(ordeal, lost)


def test_what_survived_has_the_bytes_of_an_undisturbed_run(ordeal, tiled):
    ours, theirs = ordeal.workspace.digests("events"), tiled.digests("events")
    assert {name for name in theirs if "tiles.parquet" in name} and ours.keys() == theirs.keys()
    assert [name for name in theirs if ours[name] != theirs[name]] == []
    assert not list((ordeal.workspace.folder / "results").rglob(".part-*"))
