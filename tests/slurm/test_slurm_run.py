"""A whole run through SLURM: interrupted, resumed, and the same bytes as on one machine."""

import re
import signal
import socket
from dataclasses import dataclass

import pytest

from tests.slurm.conftest import EVENTS, Cluster, SlurmWorkspace, interrupt, memory_mb, own_hosts, until

ENDED = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
EVENT, RUN = "rule_event_", "rule_run_"  # groups; their comments go on with the rules that were left to do


@dataclass
class Resumed:
    """A run that was interrupted and then finished."""

    workspace: SlurmWorkspace
    seconds_to_stop: float
    code: int
    interrupted: list[dict[str, str]]
    submitted: list[dict[str, str]]


@pytest.fixture(scope="module")
def resumed(cluster: Cluster, small) -> Resumed:
    """Ctrl-C while the first jobs run, then a plain rerun to the end."""
    workspace = small("resumed")
    before = cluster.last()
    process = workspace.submit()

    def running() -> bool:
        assert process.poll() is None, workspace.said[-4000:]
        states = [job["JobState"] for job in cluster.jobs(before)]
        return len(states) == EVENTS and states.count("RUNNING") >= 2

    until(running, "five jobs, two of them running")
    seconds = interrupt(process)
    until(lambda: all(job["JobState"] in ENDED for job in cluster.jobs(before)), "cancelled jobs have ended", 60)
    interrupted, second = cluster.jobs(before), cluster.last()
    workspace.succeed(workspace.submit())
    return Resumed(workspace, seconds, process.returncode, interrupted, cluster.jobs(second))


def of(resumed: Resumed, start: str) -> list[dict[str, str]]:
    """Return the jobs of the finished run whose comment, rule and wildcards, starts so."""
    return [job for job in resumed.submitted if job["Comment"].startswith(start)]


def test_ctrl_c_cancels_every_job(resumed):
    assert len(resumed.interrupted) == EVENTS
    assert {job["JobState"] for job in resumed.interrupted} <= {"CANCELLED", "COMPLETED"}
    assert sum(job["JobState"] == "CANCELLED" for job in resumed.interrupted) >= 2
    assert resumed.code not in (0, -signal.SIGKILL)
    assert resumed.seconds_to_stop < 60


def test_a_rerun_gives_the_bytes_of_a_run_on_one_machine(resumed, local):
    ours, theirs = resumed.workspace.digests(), local.digests()
    assert len(theirs) > 100
    assert ours.keys() == theirs.keys()
    assert [name for name in theirs if ours[name] != theirs[name]] == []


def test_after_a_run_through_slurm_nothing_is_left_to_do_without_it(resumed):
    assert resumed.workspace.planned() == []


def test_jobs_ran_on_several_nodes(resumed):
    assert {job["JobState"] for job in resumed.submitted} == {"COMPLETED"}
    assert len({job["NodeList"] for job in of(resumed, EVENT)}) >= 2


@own_hosts
def test_jobs_ran_under_the_host_names_of_their_nodes(resumed):
    """As on a real cluster, where no job sees the host name of the machine that leads the run: `lock` compares them."""
    for job in resumed.submitted:
        log = next((resumed.workspace.folder / "logs/slurm").rglob(f"{job['JobId']}.log"))
        assert set(re.findall(r"^  Host: (.+)$", log.read_text(), re.MULTILINE)) == {job["NodeList"]}
    assert socket.gethostname() not in {job["NodeList"] for job in resumed.submitted}


def test_jobs_got_the_memory_time_and_cores_of_their_rules(resumed):
    whole = of(resumed, EVENT + "prepare_tile")
    assert len(whole) >= 2, "at least those that Ctrl-C had cancelled"
    for job in whole:
        # 2000 MB and 20 for every MB of the largest interferogram as prepared: those are 2 MB here.
        assert 2020 < memory_mb(job) < 2200, job["TRES"]
        assert job["NumCPUs"] == "1"
        assert job["TimeLimit"] in ("00:52:00", "00:53:00"), (
            "half an hour for `prepare`, 20 min for `tile`, a little more each for the input"
        )
    (embedding,) = of(resumed, "rule_embed_wildcards_fringes_wrapped_hog")
    assert embedding["NumCPUs"] == "2", "max-threads of the profile"


def test_networks_are_embedded_on_the_gpu_partition_and_nothing_else_is(resumed):
    (network,) = of(resumed, "rule_embed_wildcards_fringes_wrapped_efficientnet")
    assert (network["Partition"], network["NodeList"], network["TresPerJob"]) == ("gpu", "n3", "gres:gpu:1")
    assert {job["Partition"] for job in resumed.submitted if job is not network} == {"batch"}
    assert not any("TresPerJob" in job for job in resumed.submitted if job is not network)


def test_short_rules_and_downloads_are_not_submitted(resumed):
    rest = [job for job in resumed.submitted if not job["Comment"].startswith(EVENT)]
    submitted = {job["Comment"].split("_wildcards")[0] for job in rest}
    assert submitted == {"rule_dataset", "rule_embed", RUN + "evaluate_train", "rule_strategies", "rule_best_gallery"}


def test_every_job_has_its_log_at_hand(resumed):
    logs = {path.stem: path.read_text() for path in (resumed.workspace.folder / "logs/slurm").rglob("*.log")}
    assert {job["JobId"] for job in resumed.submitted} <= set(logs)
    assert all("100%" in logs[job["JobId"]] for job in resumed.submitted)
