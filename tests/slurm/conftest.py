"""A real SLURM cluster on this machine, for `make test-slurm`."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.workflow.conftest import Workspace, fresh  # noqa: F401

HERE = Path(__file__).parent
CALLED = "FRINGEFLOW_SLURM"
"""Set by `make test-slurm`: these tests install and start daemons."""
collect_ignore_glob = [] if os.environ.get(CALLED) else ["test_*.py"]
OTHERS = Path("/etc/slurm/slurm.conf")
EVENTS = 5
SITE = {
    "# slurm_partition: standard": "slurm_partition: batch",
    "# gpu_partition: gpu": "gpu_partition: gpu",
    "most_memory_mb: 64000": "most_memory_mb: 8000",
    "max-threads: 4": "max-threads: 2",
    "slurm-init-seconds-before-status-checks: 20": "slurm-init-seconds-before-status-checks: 2\nslurm-status-command: squeue",
    "latency-wait: 60": "latency-wait: 15",
}
"""What a user of this cluster changes in profiles/slurm/config.yaml."""
own_hosts = pytest.mark.skipif(
    os.system("unshare --uts true > /dev/null 2>&1") != 0, reason="this container allows no host names of one's own (unshare --uts)"
)


def until(sign: Callable[[], object], what: str, seconds: float = 900) -> object:
    """Wait for a sign, and return it."""
    deadline = time.monotonic() + seconds
    while not (seen := sign()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain: {what}"
        time.sleep(0.5)
    return seen


@dataclass(frozen=True)
class Cluster:
    """The nodes n1, n2 and n3, and SLURM's own records."""

    script: Path = HERE / "cluster.sh"

    def __call__(self, *words: str) -> None:
        """Run the cluster's script."""
        subprocess.run([str(self.script), *words], check=True, timeout=600)

    def jobs(self, since: int = 0) -> list[dict[str, str]]:
        """Return SLURM's record of every job after one, in the words of `scontrol show job`."""
        done = subprocess.run(["scontrol", "show", "job", "--oneliner"], capture_output=True, text=True, check=True)
        found = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in done.stdout.splitlines() if line.startswith("JobId=")]
        return [job for job in found if int(job["JobId"]) > since]

    def job(self, number: str) -> dict[str, str]:
        """Return the record of one job."""
        return next(job for job in self.jobs() if job["JobId"] == number)

    def last(self) -> int:
        """Return the number of the youngest job."""
        return max((int(job["JobId"]) for job in self.jobs()), default=0)

    def scontrol(self, *words: str) -> None:
        """Change something, as an administrator does."""
        subprocess.run(["scontrol", *words], check=True)


@dataclass
class SlurmWorkspace(Workspace):
    """A copy of the workflow whose profile is that of this cluster."""

    environ: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen] = field(default_factory=list)

    def submit(self, *arguments: str, host: str = "") -> subprocess.Popen:
        """Start a run through SLURM, on this machine or as on one of another name; what it says goes to a log of its own."""
        command = [sys.executable, str(HERE / "fast_snakemake.py"), "--configfile", "config/tiny.yaml"]
        command += ["--workflow-profile", "profiles/slurm", *arguments]
        if host:
            command = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', host, *command]
        return self.start(command)

    def start(self, command: list[str]) -> subprocess.Popen:
        """Start a command in the folder of the workspace; what it says goes to a log of its own."""
        with open(self.folder / f"run{len(self.started)}.log", "w") as log:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment() | self.environ,
                process_group=0,  # as a terminal does
                # What is started in the background of a script ignores Ctrl-C, and so would this, if the tests were.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            )
        self.started.append(process)
        return self.started[-1]

    def tiles(self) -> list[str]:
        """Return the tiles of every event, as targets."""
        return [f"results/events/{row['event']}/standard/tiles.parquet" for row in self.rows("events")]

    def is_here(self) -> None:
        """Fill in the profile, as a user of this cluster does."""
        profile = self.folder / "profiles/slurm/config.yaml"
        text = profile.read_text()
        for general, here in SITE.items():
            assert general in text, f"{profile} no longer has '{general}'"
            text = text.replace(general, here)
        profile.write_text(text)

    @property
    def said(self) -> str:
        """What the last run said."""
        return (self.folder / f"run{len(self.started) - 1}.log").read_text()

    def succeed(self, process: subprocess.Popen, seconds: float = 2400) -> str:
        """Wait for a run to end well; return what it said."""
        code = process.wait(timeout=seconds)
        assert code == 0, self.said[-8000:]
        return self.said


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A started cluster; tests are skipped, saying so, where none can be."""
    if os.geteuid() != 0:
        pytest.skip("a SLURM cluster is started by root only")
    if not all(map(shutil.which, ("slurmctld", "slurmd", "munged"))):
        pytest.skip("SLURM is not installed: `tests/slurm/cluster.sh install` (Debian, Ubuntu)")
    if OTHERS.exists() and "Fringeflow" not in OTHERS.read_text():
        pytest.skip(f"{OTHERS} is there: this machine belongs to another cluster")
    found = Cluster()
    with open("/tmp/fringeflow-slurm.lock", "w") as one_at_a_time:
        fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
        found("up")
        try:
            yield found
        finally:
            found("down")


@pytest.fixture(scope="session")
def lay(fresh, root, tmp_path_factory) -> Iterator[Callable[..., SlurmWorkspace]]:  # noqa: F811
    """Give a function that lays a workflow for this cluster into an empty folder: few earthquakes and pixels, or the embedded default."""
    made: list[SlurmWorkspace] = []
    base = fresh("base").folder  # all from one copy, though somebody may be writing the tree
    tables = {name: (root / f"config/{name}.tsv").read_bytes() for name in ("events", "interferograms")}

    def make(name: str, *, default: bool = False) -> SlurmWorkspace:
        workspace = SlurmWorkspace(tmp_path_factory.mktemp(name) / "clone")
        shutil.copytree(base, workspace.folder)
        if default:
            (workspace.folder / "config/tiny.yaml").write_text("{}\n")
            for table, content in tables.items():
                (workspace.folder / f"config/{table}.tsv").write_bytes(content)
        else:
            workspace.keep_events([row["event"] for row in workspace.rows("events")][:EVENTS])
        workspace.is_here()
        made.append(workspace)
        return workspace

    yield make
    for process in (process for workspace in made for process in workspace.started if process.poll() is None):
        process.kill()


@pytest.fixture(scope="session")
def tiled(lay) -> SlurmWorkspace:
    """The small workflow as far as its tiles, run on this machine without SLURM."""
    workspace = lay("tiled")
    workspace.snakemake("--cores", "2", *workspace.tiles(), timeout=2400)
    return workspace


def memory_mb(job: dict[str, str]) -> float:
    """Return what a job asked for; SLURM says 2091M or 4G."""
    text = job["TRES"].split("mem=")[1].split(",")[0]
    return float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]


def interrupt(process: subprocess.Popen) -> float:
    """Press Ctrl-C, which every process of the terminal hears; return the seconds until the run has ended."""
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=300)
    return time.monotonic() - begin
