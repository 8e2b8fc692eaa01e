"""Workflows that are started in their own session, watched and killed with `kill -9`."""

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.world import TARGETS
from tests.workflow.conftest import Workspace

SCRIPT = re.compile(r"/\.snakemake/scripts/tmp\w+\.(\w+)\.py$")
PATIENCE_S = 600
"""No run of the small workspace takes so long, on however busy a machine."""


@dataclass
class Running:
    """A workflow that runs.

    Attributes
    ----------
    workspace : Workspace
    said : Path
        What it and its jobs say.
    """

    workspace: Workspace
    said: Path
    process: subprocess.Popen = field(init=False)
    begun: float = field(default_factory=time.monotonic)

    def __post_init__(self):
        with open(self.said, "w") as out:
            self.process = subprocess.Popen(
                self.workspace.command("--cores", "2", *TARGETS),
                cwd=self.workspace.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self.workspace.environment(),
                start_new_session=True,
            )

    @property
    def ended(self) -> bool:
        """Whether the workflow itself has ended."""
        return self.process.poll() is not None

    def jobs(self) -> dict[int, str]:
        """Return the rules of this run's jobs by process, not those of one that was killed before."""
        return {pid: rule for pid, rule in jobs_in(self.workspace.folder).items() if _session(pid) == self.process.pid}

    def wait(self) -> int:
        """Wait for the end and return the exit status; what was said is told if it takes too long."""
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise AssertionError(f"still running after {PATIENCE_S} s:\n{self.tail()}") from None

    def wait_for_job(self) -> float:
        """Wait until the first job runs, or the run has ended; return the seconds since its start: two on an idle machine."""
        while not self.ended and not self.jobs():
            time.sleep(0.05)
        return time.monotonic() - self.begun

    def kill_workflow(self) -> None:
        """Kill -9 Snakemake alone."""
        self.process.kill()
        self.process.wait()

    def kill_all(self) -> None:
        """Kill -9 Snakemake and all jobs at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self, characters: int = 6000) -> str:
        """Return the end of what was said."""
        return self.said.read_text(errors="replace")[-characters:]


def jobs_in(folder: Path) -> dict[int, str]:
    """Return the rules of all jobs of a workspace by process, those whose workflow is gone included."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with suppress(OSError):
                words = Path(entry.path, "cmdline").read_bytes().decode(errors="replace").split("\0")
                for word in words[1:4]:
                    if word.startswith(str(folder)) and (match := SCRIPT.search(word)):
                        found[int(entry.name)] = match[1]
    return found


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return 0


def kill(pid: int) -> bool:
    """Kill -9 a process; tell whether it still was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
