"""One run at a time holds a folder, the kernel frees it, and a job of an ended run puts nothing under a final name."""

import os
import socket
import subprocess
import sys

import pytest

from fringeflow.errors import RunError
from fringeflow.files import atomic, write_json
from fringeflow.lock import LOCK, VARIABLE, Run, check, hold, holder
from fringeflow.provenance import SCRIPTS

HOLD = (
    "import sys; from pathlib import Path; from fringeflow.lock import hold; print(hold(Path(sys.argv[1])), flush=True); sys.stdin.read()"
)


@pytest.fixture
def other(tmp_path):
    """Another process that holds the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=SCRIPTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline().strip() == "False", "nothing is known of who was here before"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Outside of any run; what `hold` sets is taken back."""
    monkeypatch.setenv(VARIABLE, "")


def test_the_second_is_told_who_is_there(tmp_path, other):
    with pytest.raises(
        RunError, match=rf"{tmp_path}: process {other.pid} on {socket.gethostname()} runs a workflow .*kill -INT {other.pid}"
    ):
        hold(tmp_path)
    assert holder(tmp_path).pid == other.pid


def test_a_killed_process_leaves_the_folder_free(tmp_path, other):
    other.kill()
    other.wait()
    assert holder(tmp_path) is None
    assert hold(tmp_path), "the last run was led from here and has ended, so Snakemake's own lock means nothing"
    assert holder(tmp_path).pid == os.getpid()


def test_children_do_not_keep_the_lock(tmp_path):
    """A child that outlives its run would lock everybody out."""
    code = HOLD.replace("sys.stdin.read()", "import subprocess; print(subprocess.Popen(['sleep', '30'], close_fds=False).pid, flush=True)")
    done = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=SCRIPTS, stdout=subprocess.PIPE, text=True)
    done.stdout.readline()
    child = int(done.stdout.readline())
    done.wait()
    try:
        assert holder(tmp_path) is None
    finally:
        os.kill(child, 9)


def test_of_a_run_from_another_machine_nothing_is_concluded(tmp_path):
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text("elsewhere 4711 123")
    assert not hold(tmp_path)


def test_a_job_whose_run_has_ended_writes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    write_json(path, "before")
    own = Run.own()
    monkeypatch.setenv(VARIABLE, str(own))
    with atomic(path) as part:
        part.write_text("during")
    assert path.read_text() == "during"
    for ended in (Run(own.host, own.pid, "1"), Run(own.host, 2**22 + 1, own.start)):
        monkeypatch.setenv(VARIABLE, str(ended))
        with pytest.raises(RunError, match=f"process {ended.pid} .* has ended"), atomic(path) as part:
            part.write_text("after")
    assert path.read_text() == "during"
    assert os.listdir(tmp_path) == ["result.json"]


def test_a_job_on_another_machine_stops_once_the_next_run_has_begun(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "login7 4711 123")
    check()  # nothing is known yet
    LOCK.parent.mkdir()
    LOCK.write_text("login7 4711 123")
    check()
    LOCK.write_text("login7 4712 456")
    with pytest.raises(RunError, match="4711 on login7"):
        check()
