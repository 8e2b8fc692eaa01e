"""A job that is killed leaves nothing half-written, and a rerun gives what an undisturbed run gives."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest


def job_processes(process: psutil.Process, script: str) -> list[psutil.Process]:
    """Return the running processes of a script below a Snakemake."""
    found = []
    for child in process.children(recursive=True):
        try:
            words = child.cmdline()
        except psutil.Error:
            continue
        if any(word.endswith(f"{script}.py") for word in words) and "python" in Path(words[0]).name:
            found.append(child)
    return found


def kill_when(workspace, script: str, sign, arguments: list[str]) -> str:
    """Run Snakemake; kill -9 the first process of a script once `sign()` is true; return what Snakemake said."""
    process = subprocess.Popen(
        workspace.command(*arguments),
        cwd=workspace.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=workspace.environment(),
    )
    parent, killed = psutil.Process(process.pid), False
    deadline = time.monotonic() + 300
    while process.poll() is None and time.monotonic() < deadline and not killed:
        jobs = job_processes(parent, script)
        if jobs and sign():
            os.kill(jobs[0].pid, signal.SIGKILL)
            killed = True
        time.sleep(0.002)
    said, _ = process.communicate(timeout=300)
    assert killed, f"{script} never reached the moment to kill it:\n{said[-3000:]}"
    assert process.returncode != 0
    return said


def parts(folder: Path):
    """Return a test for a half-written output somewhere below a folder."""
    return lambda: any(name.startswith(".part-") or name.endswith(".part") for _, dirs, files in os.walk(folder) for name in dirs + files)


def test_a_folder_left_locked_is_unlocked_as_the_readme_says(copied):
    """`--unlock` is given no cores, and nothing in the rules may ask for them."""
    locks = copied.folder / ".snakemake/locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / "0.output.lock").write_text("results/comparison/fringes.tsv\n")
    assert "--unlock" in (locked := copied.snakemake("--cores", "1", "--forcerun", "compare", check=False)).stderr + locked.stdout
    copied.snakemake("--unlock")
    assert not list(locks.glob("*"))


STAGES = {"fetch": "raw", "prepare": "events", "tile": "events/*/standard", "train": "runs"}
"""Where each stage writes; Snakemake makes a missing file again only if something that follows is missing too."""


@pytest.mark.parametrize("script", STAGES)
def test_a_killed_job_is_made_good_by_a_plain_rerun(copied, finished, script):
    later = list(STAGES.values())[list(STAGES).index(script) :]
    for pattern in [*later, "datasets", "runs", "comparison"] if script != "train" else ["runs", "comparison"]:
        for path in copied.folder.glob(f"results/{pattern}"):
            shutil.rmtree(path)
    where = copied.folder / "results" / STAGES[script].split("/")[0]
    # Fetching and training write in an instant: they are killed as soon as they are there.
    moment = parts(where) if script in ("prepare", "tile") else lambda: True
    kill_when(copied, script, moment, ["--cores", "1", "--until", script])
    for path in (copied.folder / "results").rglob("*.parquet"):
        assert path.name.startswith(".part-") or path.read_bytes()[-4:] == b"PAR1", f"{path} is half-written"
    copied.snakemake("--cores", "2")
    assert copied.digests() == finished.digests()
    assert not parts(copied.folder / "results")()
    assert copied.planned() == []
