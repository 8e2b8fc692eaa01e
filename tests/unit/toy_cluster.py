"""A crew of processes on this machine, of which one can be made to die in the middle of a file."""

import os
import signal
from pathlib import Path

import fringeflow.insar.deposit
import fringeflow.store
from fringeflow.chunks import write_chunk, write_shard
from fringeflow.cluster import Nodes


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def crew_of(client, wait_s: float = 60.0) -> Nodes:
    return Nodes(client, wait_s=wait_s, renew=lambda: None, explain=lambda: "Nothing is known")


class Mortal:
    """A crew that loses the worker of one piece of every kind of work, after half of a file is written."""

    def __init__(self, crew: Nodes, marks: Path, piece: int = 1):
        self.crew, self.marks, self.piece = crew, marks, piece

    def each(self, work, pieces, *, desc, unit):
        pieces = [(self.marks / f"{desc}-{place}" if place == self.piece else None, work, *piece) for place, piece in enumerate(pieces)]
        return self.crew.each(_die_once, pieces, desc=desc, unit=unit)


def _die_once(mark: Path | None, work, *piece):
    """Do the work; at the first attempt with a mark, die where it writes, or before it starts if it writes nothing."""
    if mark is not None and not mark.exists():
        mark.touch()
        fringeflow.insar.deposit.write_chunk = _half(write_chunk)
        fringeflow.store.write_shard = _half(write_shard)
        work(*piece)
        _die()
    return work(*piece)


def _half(write):
    def half(array, *rest, **options):
        write(array, *rest, **options)
        newest = max((path for path in array.rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
        os.truncate(newest, newest.stat().st_size // 2)
        _die()

    return half


def _die():
    os.kill(os.getpid(), signal.SIGKILL)
