"""One workflow at a time in a folder, and jobs that do not outlive theirs.

The kernel frees this lock when its process ends, however it ends: after `kill -9` a plain rerun just works, where
Snakemake's own lock stays behind. Every job carries the name of its run. A job that is left over dies with its run
where the kernel can see to it, and in any case puts nothing under a final name (`files.atomic` asks `check`):
a later run may have other settings.
"""

import ctypes
import errno
import fcntl
import os
import re
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from fringeflow.errors import RunError

LOCK = Path(".snakemake/fringeflow.lock")
VARIABLE = "FRINGEFLOW_RUN"
"""In the environment of jobs, on this machine and on others: the run that they belong to."""
PR_SET_PDEATHSIG = 1
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
"""What file systems without locks say; ENOSYS is Lustre's word."""
PATIENCE = 1.0
"""Seconds to try: a dry-run that asks who is here (`holder`) has the lock for a moment."""
RUNNING = "running"
"""In place of when a process began, where only is told that it runs."""
_held: dict[Path, int] = {}
_unlocked: set[Path] = set()
"""Those of `_held` where the file system has no locks: they only carry the name of the run."""


@dataclass(frozen=True)
class Run:
    """A run of the workflow: the process that leads it.

    Attributes
    ----------
    host : str
    pid : int
    start : str
        When the process began, as the kernel counts: process ids are used again.
    """

    host: str
    pid: int
    start: str

    @classmethod
    def own(cls) -> "Run":
        """Return the run that this process leads."""
        return cls(socket.gethostname(), os.getpid(), _start(os.getpid()) or "")

    @classmethod
    def parse(cls, text: str) -> "Run | None":
        """Read what `str` gives; None for anything else.

        >>> Run.parse("node7 4711 123") == Run("node7", 4711, "123"), Run.parse("half")
        (True, None)
        """
        words = text.split()
        return cls(words[0], int(words[1]), words[2]) if len(words) == 3 and re.fullmatch("[1-9][0-9]{0,17}", words[1]) else None

    def __str__(self) -> str:
        return f"{self.host} {self.pid} {self.start}"

    @property
    def is_here(self) -> bool:
        """Whether it is led from this machine."""
        return self.host == socket.gethostname()

    @property
    def lives(self) -> bool:
        """Whether its process runs. Only this machine's can be asked."""
        return _start(self.pid) in (self.start, RUNNING)


def hold(folder: Path) -> bool:
    """Take the lock of a folder for this process; it is free again when the process ends.

    Parameters
    ----------
    folder : Path
        Where the workflow runs.

    Returns
    -------
    bool
        Whether a lock that Snakemake has left in the folder must be of a run that has ended.

    Raises
    ------
    RunError
        If another run holds it, or it cannot be written.
    """
    path = folder.absolute() / LOCK
    if path in _held:
        return path not in _unlocked and _name(_held[path]) == Run.own()
    try:
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except PermissionError as error:
        raise RunError(
            f"{error.filename}: no permission to write there, as every run must. Is it somebody else's? "
            "Run in a folder of your own, or let its owner give you write access"
        ) from None
    try:
        taken = _take(handle)
    except OSError as error:
        before = _name(handle)
        os.close(handle)
        if isinstance(error, BlockingIOError):
            raise RunError(_refusal(folder, before)) from None
        raise
    before = _name(handle)
    if taken and (before is None or before.is_here):
        _held[path] = handle
        sign(folder)
        return before is not None
    # Where a lock holds on its own machine only, or there are none, that run may live: it keeps its name until Snakemake's lock is ours.
    if before and any((path.parent / "locks").glob("*.lock")):
        os.close(handle)
        raise RunError(
            f"{folder.absolute()}: process {before.pid} on {before.host} runs a workflow in this folder, or was killed. Wait until it is done, "
            f"or stop it (kill -INT {before.pid} on {before.host}). If it has ended or {before.host} is down, "
            "run `snakemake --unlock` and start again; a dry-run (-n) is possible meanwhile."
        )
    _held[path] = handle
    if not taken:
        _unlocked.add(path)
    return False


def sign(folder: Path) -> None:
    """Put the name of this run into the lock that it holds, and into the environment of its jobs.

    `hold` does so by itself, unless the last run was led from another machine or the file system has no locks: then only
    once Snakemake's own lock is taken. A run that Snakemake refuses must not take the name from the one that works.

    Parameters
    ----------
    folder : Path
        Where the workflow runs. Nothing happens before `hold`.

    Raises
    ------
    RunError
        If it cannot be written, as on a full disk.
    """
    handle, own = _held.get(folder.absolute() / LOCK), Run.own()
    if handle is None:
        return
    if _name(handle) != own:
        try:
            # Over the name that was there: on a full disk that one must stay, or the next run cannot tell whose lock Snakemake left.
            name = str(own).encode()
            os.pwrite(handle, name.ljust(os.fstat(handle).st_size), 0)
            os.ftruncate(handle, len(name))
            os.fsync(handle)  # or other machines would still read what was there before
        except OSError as error:
            raise RunError(f"{folder.absolute() / LOCK}: {error.strerror}, so no run can begin; mend that, then start again") from None
    os.environ[VARIABLE] = str(own)


def began(folder: Path) -> float | None:
    """Return when the run that this process leads began, by the clock of the folder's disk; None if it does not hold the lock."""
    handle = _held.get(folder.absolute() / LOCK)
    return None if handle is None or _name(handle) != Run.own() else os.fstat(handle).st_mtime


def holder(folder: Path) -> Run | None:
    """Return the run that holds the lock of a folder, if any does."""
    try:
        handle = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _name(handle)
    except OSError:
        return None
    finally:
        os.close(handle)
    return None


def follow() -> None:
    """Let this job die with the run that started it, on Linux and where that is its parent.

    Raises
    ------
    RunError
        If the run has ended already.
    """
    run = Run.parse(os.environ.get(VARIABLE, ""))
    if run and run.is_here and os.getppid() == run.pid and sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    check()


def check() -> None:
    """Refuse to go on in a job whose run has ended. Outside of a run there is nothing to ask.

    On another machine than the run's, that is known once the next run has begun in the folder.

    Raises
    ------
    RunError
    """
    run = Run.parse(os.environ.get(VARIABLE, ""))
    if run is None:
        return
    if run.is_here:
        ended = not run.lives
    else:
        try:
            found = Run.parse(LOCK.read_bytes().decode(errors="replace"))
        except OSError:
            return
        ended = found is not None and found != run  # None while a run signs it
    if ended:
        raise RunError(
            f"the run that started this job (process {run.pid} on {run.host}) has ended, so its results are not wanted: a later run makes them"
        )


def is_running(pid: int) -> bool:
    """Tell whether this machine has a process of that number."""
    return _start(pid) is not None


def _take(handle: int) -> bool:
    """Take an open file's lock; False where the file system has none.

    Raises
    ------
    BlockingIOError
        If another process has it, and keeps it.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            return False
        else:
            return True


def _name(handle: int) -> Run | None:
    """Return the run that an open lock names."""
    return Run.parse(os.pread(handle, 1000, 0).decode(errors="replace"))


def _refusal(folder: Path, run: Run | None) -> str:
    if run and run.is_here and not run.lives:
        run = None  # the name of the last run: the one that is here has not signed yet
    who = f"process {run.pid} on {run.host}" if run else "another process"
    stop = f"stop it (kill -INT {run.pid}{'' if run.is_here else f' on {run.host}'})" if run else "stop it"
    down = "" if run is None or run.is_here else f" If {run.host} is down, remove {LOCK}, run `snakemake --unlock` and start again."
    return f"{folder.absolute()}: {who} runs a workflow in this folder. Wait until it is done, or {stop}; a dry-run (-n) is possible meanwhile.{down}"


def _start(pid: int) -> str | None:
    """Return when a process of this machine began, None if it has ended; `RUNNING` if it runs and no more is told."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
        if state in "ZX" or _is_thread(pid):
            return None
        return rest[18]
    except ProcessLookupError:
        return None  # it ended between opening and reading
    except (FileNotFoundError, PermissionError):
        pass  # ended, hidden from other users (hidepid), or another system than Linux
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except PermissionError:
        pass
    return RUNNING


def _is_thread(pid: int) -> bool:
    """Tell whether a number is that of a thread of some process: /proc does not list it, but opens it like that of a process."""
    leader = re.search(rb"^Tgid:\s*([0-9]+)$", Path(f"/proc/{pid}/status").read_bytes(), re.MULTILINE)
    return leader is not None and int(leader[1]) != pid
