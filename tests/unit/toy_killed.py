"""Processes that are killed while they write."""

import signal
import subprocess
import sys

from fringeflow.provenance import SCRIPTS


class Killed(BaseException):
    """The end of a process within a test's own: no handler of errors catches it."""


def kill_in(block: str, body: str) -> None:
    """Start a Python process; kill it within a `with` block, after what it does there."""
    code = f"{block}:\n    {body}\n    print('writing', flush=True)\n    time.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", f"import time\n{code}"], cwd=SCRIPTS, stdout=subprocess.PIPE)
    assert process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
