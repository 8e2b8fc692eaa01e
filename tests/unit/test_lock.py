"""One run at a time holds a folder, the kernel frees it, and a job of an ended run puts nothing under a final name."""

import errno
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from fringeflow import lock
from fringeflow.errors import RunError
from fringeflow.files import atomic, write_json
from fringeflow.lock import LOCK, VARIABLE, Run, began, check, hold, holder, sign
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
    assert began(tmp_path) is None, "that is for the run itself to know"


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


def test_a_run_on_another_machine_keeps_its_name_until_snakemake_gave_way(tmp_path):
    """Where flock holds on one machine only, that run may live: its jobs look for this name, and a second try must not trust a first."""
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text("elsewhere 4711 123")
    for _ in range(2):
        assert not hold(tmp_path)
        assert (tmp_path / LOCK).read_text() == "elsewhere 4711 123"
        assert not os.environ[VARIABLE]
    sign(tmp_path)
    assert (tmp_path / LOCK).read_text() == os.environ[VARIABLE] == str(Run.own())


def test_a_run_on_another_machine_that_has_snakemakes_lock_is_not_disturbed(tmp_path):
    """Not by other targets either, which Snakemake itself would let in; `--unlock` removes that lock."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (tmp_path / LOCK).write_text("elsewhere 4711 123")
    (locks / "0.output.lock").write_text("results/other.tsv\n")
    for _ in range(2):
        with pytest.raises(RunError, match=r"4711 on elsewhere .* or elsewhere is down, run `snakemake --unlock`"):
            hold(tmp_path)
    assert (tmp_path / LOCK).read_text() == "elsewhere 4711 123"
    (locks / "0.output.lock").unlink()
    assert not hold(tmp_path)


def test_the_name_is_on_the_disk_before_any_job_starts(tmp_path, monkeypatch):
    """Or a node would read what was there before, and refuse to write."""
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.pread(handle, 1000, 0).decode()))
    before = time.time() - 10  # clocks of disks are coarse
    hold(tmp_path)
    assert synced == [str(Run.own())]
    assert before < began(tmp_path) <= time.time()


def test_on_a_full_disk_the_name_of_the_last_run_stays(tmp_path, monkeypatch):
    """With it, the next run knows that a lock which Snakemake left means nothing; without any name it would have to respect that."""
    last = f"{socket.gethostname()} {2**22 + 1} 123"
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text(last)

    def refuse(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(RunError, match=rf"{tmp_path}/{LOCK}: No space left on device, so no run can begin"):
        hold(tmp_path)
    assert (tmp_path / LOCK).read_text() == last


def test_a_shorter_name_leaves_nothing_of_a_longer_one(tmp_path):
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text(f"{socket.gethostname()} {2**22 + 1} {10**30}")
    hold(tmp_path)
    assert (tmp_path / LOCK).read_text() == str(Run.own())


@pytest.fixture(params=[errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def lockless(request, monkeypatch):
    """A file system without locks; ENOSYS is what Lustre says that is mounted without `flock`."""

    def refuse(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refuse)


@pytest.mark.parametrize("before", ["", "elsewhere 4711 123", f"{socket.gethostname()} {2**22 + 1} 123"])
def test_without_locks_a_run_is_named_once_snakemake_gave_way(tmp_path, lockless, monkeypatch, before):
    """Its jobs look for that name: one that is left over from a killed run must not write. Snakemake's own lock is respected."""
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text(before)
    for _ in range(2):
        assert not hold(tmp_path)
        assert (tmp_path / LOCK).read_text() == before
        assert not os.environ[VARIABLE]
    sign(tmp_path)
    assert (tmp_path / LOCK).read_text() == os.environ[VARIABLE] == str(Run.own())
    assert not hold(tmp_path), "a later lock of Snakemake's may be of another process"
    monkeypatch.chdir(tmp_path)
    check()
    if before:
        monkeypatch.setenv(VARIABLE, before)
        with pytest.raises(RunError, match="has ended"):
            check()


def test_without_locks_a_run_that_has_snakemakes_lock_keeps_its_name(tmp_path, lockless):
    """Snakemake lets in who wants other files. One without a name, as of an earlier version, is Snakemake's to judge."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text("results/other.tsv\n")
    (tmp_path / LOCK).write_text(f"{socket.gethostname()} {os.getppid()} 123")
    opened = len(os.listdir("/proc/self/fd"))
    for _ in range(2):
        with pytest.raises(RunError, match=rf"process {os.getppid()} on .* run `snakemake --unlock`"):
            hold(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == opened, "the file is closed"
    (tmp_path / LOCK).write_text("")
    assert not hold(tmp_path)


def test_the_folder_of_somebody_else_is_told(tmp_path, monkeypatch):
    """Root may write anywhere, so the system's answer is played."""

    def refuse(path, *_):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(lock.os, "open", refuse)
    with pytest.raises(RunError, match=rf"{tmp_path}/{LOCK}: no permission .* a folder of your own"):
        hold(tmp_path)


def shared(folder):
    """Open the lock as a dry-run does, and take it."""
    (folder / LOCK).parent.mkdir()
    (folder / LOCK).write_text(f"{socket.gethostname()} {2**22 + 1} 123")
    handle = os.open(folder / LOCK, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


def test_a_dry_run_that_looks_does_not_turn_a_run_away(tmp_path):
    handle = shared(tmp_path)
    looking = threading.Timer(0.3, os.close, [handle])
    looking.start()
    assert hold(tmp_path)
    looking.join()


def test_a_dead_process_is_not_told_to_run(tmp_path):
    handle = shared(tmp_path)
    with pytest.raises(RunError, match="another process runs a workflow"):
        hold(tmp_path)
    os.close(handle)


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
    LOCK.write_text("")
    check()  # a run signs at this moment
    LOCK.write_text("login7 4712 456")
    with pytest.raises(RunError, match="4711 on login7"):
        check()


@pytest.mark.parametrize("text", ["login7 ² 123", f"login7 {'9' * 5000} 123", "login7 0 123", "login7 -1 123", b"login7 \xff 123"])
def test_what_is_no_process_id_names_no_run(tmp_path, monkeypatch, text):
    """A file that was damaged, or a variable that somebody set: neither ends a job, nor with a traceback."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, "login7 4711 123")
    LOCK.parent.mkdir()
    LOCK.write_bytes(text if isinstance(text, bytes) else text.encode())
    check()
    if isinstance(text, str):
        monkeypatch.setenv(VARIABLE, text)
        check()


@pytest.mark.skipif(sys.platform != "linux", reason="only there threads are numbered like processes")
def test_a_thread_is_no_process():
    """One may have got the number of a job that was killed, or of a run that has ended, and live for weeks."""
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        start = lock.Path(f"/proc/{thread.native_id}/stat").read_text().rpartition(")")[2].split()[19]
        assert not lock.is_running(thread.native_id)
        assert not Run(socket.gethostname(), thread.native_id, start).lives
        assert lock.is_running(os.getpid()) and Run.own().lives
    finally:
        done.set()
        thread.join()


def answer(monkeypatch, error):
    """Let /proc answer so for every process."""

    def refuse(path):
        raise error(str(path))

    monkeypatch.setattr(lock.Path, "read_bytes", refuse)


def test_a_process_that_ends_while_it_is_looked_at_has_ended(monkeypatch):
    """The kernel says "No such process" to a read of /proc/PID/stat that was opened before."""
    answer(monkeypatch, ProcessLookupError)
    assert not Run.own().lives
    assert not lock.is_running(os.getpid())


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError])
def test_a_process_that_proc_hides_runs_until_it_ends(tmp_path, monkeypatch, other, error):
    """`hidepid` hides those of other users: its levels 1 and 2 refuse, and deny that there is anything."""
    answer(monkeypatch, error)
    assert Run(socket.gethostname(), other.pid, "123").lives
    other.kill()
    other.wait()
    assert not Run(socket.gethostname(), other.pid, "123").lives
    assert not lock.is_running(10**17)
