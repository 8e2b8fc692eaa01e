"""The embedded default as it stands, through SLURM: interrupted, resumed, and the same bytes as on one machine."""

import re
import signal
import socket
import sys
import time
from dataclasses import dataclass

import pytest

from tests.slurm.conftest import Cluster, SlurmWorkspace, interrupt, memory_mb, own_hosts, until
from tests.workflow.conftest import Workspace

ENDED = {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY"}
EVENT, RUN = "rule_event_", "rule_run_"  # groups; their comments go on with the rules that were left to do
FIRST = 5
"""Jobs that have been submitted when Ctrl-C is pressed."""


@dataclass
class Resumed:
    """A run that was interrupted and then finished, and one on this machine alone, at the same time, to compare it with."""

    workspace: SlurmWorkspace
    local: Workspace
    seconds_to_stop: float
    code: int
    interrupted: list[dict[str, str]]
    submitted: list[dict[str, str]]


@pytest.fixture(scope="module")
def resumed(cluster: Cluster, lay) -> Resumed:
    """Ctrl-C while the first jobs run, then a plain rerun to the end."""
    workspace, local = lay("resumed", default=True), lay("local", default=True)
    alone = local.start([sys.executable, "-m", "snakemake", "--cores", "2"])
    before, begin = cluster.last(), time.monotonic()
    process = workspace.submit()

    def running() -> bool:
        assert process.poll() is None, workspace.said[-4000:]
        states = [job["JobState"] for job in cluster.jobs(before)]
        return len(states) >= FIRST and states.count("RUNNING") >= 2

    until(running, "five jobs, two of them running")
    seconds = interrupt(process)
    until(lambda: all(job["JobState"] in ENDED for job in cluster.jobs(before)), "cancelled jobs have ended", 60)
    interrupted, second = cluster.jobs(before), cluster.last()
    workspace.succeed(workspace.submit())
    submitted = cluster.jobs(second)
    print(f"\n{len(submitted)} jobs submitted; {time.monotonic() - begin:.0f} s through SLURM, beside the same run without it")
    local.succeed(alone)
    return Resumed(workspace, local, seconds, process.returncode, interrupted, submitted)


def of(resumed: Resumed, start: str) -> list[dict[str, str]]:
    """Return the jobs of the finished run whose comment, rule and wildcards, starts so."""
    return [job for job in resumed.submitted if job["Comment"].startswith(start)]


def test_ctrl_c_cancels_every_job(resumed):
    assert len(resumed.interrupted) >= FIRST
    assert {job["JobState"] for job in resumed.interrupted} <= {"CANCELLED", "COMPLETED"}
    assert sum(job["JobState"] == "CANCELLED" for job in resumed.interrupted) >= 2
    assert resumed.code not in (0, -signal.SIGKILL)
    assert resumed.seconds_to_stop < 60


def test_a_rerun_gives_the_bytes_of_a_run_on_one_machine(resumed):
    ours, theirs = resumed.workspace.digests(), resumed.local.digests()
    assert len(theirs) > 1000
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
    whole = of(resumed, EVENT + "prepare_spectrogram_tile")
    assert len(whole) >= 2, "at least those that Ctrl-C had cancelled"
    for job in whole:
        # 2000 MB and 20 for every MB of the largest interferogram as prepared: 640 x 768 pixels of 16 bytes.
        assert 2157 <= memory_mb(job) < 2340, job["TRES"]
        assert job["NumCPUs"] == "1"
        assert "00:50:00" < job["TimeLimit"] < "01:30:00", "half an hour for `prepare`, 20 min for `tile` and for `spectrogram`"
    for embedding in of(resumed, "rule_embed_wildcards"):
        assert embedding["NumCPUs"] == "2", "max-threads of the profile"


def test_networks_are_embedded_on_the_gpu_partition_and_nothing_else_is(resumed):
    networks = [job for job in of(resumed, "rule_embed_wildcards") if "efficientnet" in job["Comment"]]
    assert len(networks) == 3, "one for each view"
    for job in networks:
        assert (job["Partition"], job["NodeList"], job["TresPerJob"]) == ("gpu", "n3", "gres:gpu:1")
    rest = [job for job in resumed.submitted if job not in networks]
    assert {job["Partition"] for job in rest} == {"batch"}
    assert not any("TresPerJob" in job for job in rest)


def test_short_rules_and_downloads_are_not_submitted(resumed):
    rest = [job for job in resumed.submitted if not job["Comment"].startswith(EVENT)]
    submitted = {job["Comment"].split("_wildcards")[0] for job in rest}
    assert submitted == {"rule_dataset", "rule_embed", RUN + "evaluate_train", "rule_strategies", "rule_best_gallery"}


def test_every_job_has_its_log_at_hand(resumed):
    logs = {path.stem: path.read_text() for path in (resumed.workspace.folder / "logs/slurm").rglob("*.log")}
    assert {job["JobId"] for job in resumed.submitted} <= set(logs)
    assert all("100%" in logs[job["JobId"]] for job in resumed.submitted)
