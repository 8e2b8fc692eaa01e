"""Files that appear under their name only when they are whole, and digests of content."""

import errno
import hashlib
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fringeflow.errors import DiskFullError, FringeflowError
from fringeflow.lock import check, is_running

FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_BYTES = 1 << 16
"""With less room than that, a failed write is taken for one that found none."""
TRIES = 20
"""How often a folder is put in place while another writer does the same."""
DAY = 86400
"""Seconds that a part of another machine's process is left alone: nobody here can tell whether it is still written."""
PART = re.compile(r"\.(?:part|old)-([0-9a-f]{6})\.(\d+)-(.+)", re.DOTALL)
"""A part's name, see `_writer`: machine, process, final name."""


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block succeeds.

    Works for a file or a directory. After an error, or a kill, nothing half-made stands under the final name and what was there before
    stays; but a directory is replaced by two renames, and after a kill between them nothing stands there: what was lies beside
    (`.old-…`) until the path has been written, see `is_cut_short`. What else a killed process leaves is removed when the path is
    written again: by another of its machine, or by any a day later; and by `sweep` when a later run has ended well. Two processes that
    write one path do not meet before the end, where one of them comes last.

    Parameters
    ----------
    path : str or Path
        The final name. Its suffix is kept, since writers choose their format by it.

    Yields
    ------
    Path
        A name in the same folder for the block to create.

    Raises
    ------
    RunError
        At the end, in a job whose run has ended meanwhile.
    DiskFullError
        In the place of another library's error, if there is no room left where the path lies.
    """
    path = Path(path)
    part = part_of(path)
    try:
        yield part
        check()
        _replace(part, path)
    except BaseException as error:
        full = None if isinstance(error, FringeflowError) else _fullness(path, error)  # before room is made
        remove(part)
        if full:
            raise DiskFullError(full) from error
        raise


def _replace(part: Path, path: Path) -> None:
    """Rename `part` to `path`, whatever is there; another writer of a folder may come between the two renames that takes."""
    if not part.is_dir():
        os.replace(part, path)
        return
    old = path.with_name(f".old-{_writer(os.getpid())}-{path.name}")
    for left in reversed(range(TRIES)):
        try:
            if path.exists():
                remove(old)
                path.rename(old)
            part.rename(path)
            break
        except OSError as error:
            if not left or error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
        time.sleep(0.05)
    remove(old)


def part_of(path: Path) -> Path:
    """Return a name beside `path` that this process alone writes to, and remove what ended ones have left of `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path)
    part = path.with_name(f".part-{_writer(os.getpid())}-{path.name}")
    remove(part)
    return part


def is_cut_short(path: Path) -> bool:
    """Tell whether a folder was moved away to be replaced, and the new one did not come: its writer was killed."""
    return not path.exists() and any(name.startswith(".old-") for name, _ in _parts_of(path))


def _fullness(path: Path, error: BaseException) -> str:
    """Say that the disk is full, nothing if it is not. Libraries do not tell: of GDAL, all that comes is "write error"."""
    if not isinstance(error, Exception):
        return ""
    free = shutil.disk_usage(path.parent).free
    if free > FULL_BYTES and getattr(error, "errno", None) not in FULL:
        return ""
    told = f"{os.strerror(errno.ENOSPC)} ({free:,} bytes are free)"
    return f"{path}: {told}; make room, then run the workflow again ({type(error).__name__}: {error})"


def _writer(pid: int | str) -> str:
    """Return what tells the parts of one process from those of others, on whatever machine."""
    return f"{sha256_text(socket.gethostname())[:6]}.{pid}"


def _remove_leftovers(path: Path) -> None:
    """Remove the parts of `path` that ended processes of this machine, and others a day ago, have left."""
    parts = _parts_of(path)
    is_away = bool(parts) and not path.exists()  # what was there tells so until a new one has come, see `is_cut_short`
    for name, writer in parts:
        if not (is_away and name.startswith(".old-")):
            _remove_if_left(str(path.with_name(name)), writer, time.time() - DAY)


def _parts_of(path: Path) -> list[tuple[str, re.Match[str]]]:
    """Return the names of the parts that stand beside `path`, with who wrote them."""
    try:
        names = os.listdir(path.parent)
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [(name, writer) for name in names if (writer := PART.fullmatch(name)) and writer[3] == path.name]


def sweep(folder: str | Path, began: float) -> None:
    """Remove the parts that killed jobs have left in a folder and below, at the end of a run that holds the lock.

    Parameters
    ----------
    folder : str or Path
        Links below it are not followed.
    began : float
        When the run began. What is older is of earlier runs, whose jobs put nothing under a final name any more. A job of this
        run that was given up as lost with its node may still write, and would put what is left of its part in place: until the
        next run its part stays, or for a day.
    """
    for place, folders, names in os.walk(folder):
        for name in (*folders, *names):
            if writer := PART.fullmatch(name):
                _remove_if_left(os.path.join(place, name), writer, max(began, time.time() - DAY))
        folders[:] = [name for name in folders if not PART.fullmatch(name) and not name.endswith(".zarr")]  # a store is made as a whole


def _remove_if_left(part: str, writer: re.Match[str], before: float) -> None:
    """Remove a part if its process has ended; one of another machine's, if it is older than a time."""
    is_local, pid = writer[1] == _writer(0)[:6], int(writer[2])
    with suppress(OSError):  # whoever else removes it, or still writes to it
        if (pid != os.getpid() and not is_running(pid)) if is_local else os.lstat(part).st_mtime < before:
            remove(part)


def remove(path: str | Path) -> None:
    """Remove a file or a directory tree; nothing happens if it is absent."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def canonical_json(value: Any) -> str:
    """Write JSON with sorted keys and no white space: equal values give equal text.

    >>> canonical_json({"b": 1, "a": [1.5, None]})
    '{"a":[1.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    with atomic(path) as part:
        part.write_text(json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def sha256_file(path: str | Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
