"""Work shared out among processes on several machines that see the same files.

A piece of work may be begun twice, when whoever had it first is lost or only seems to be. So each attempt works in
a folder of its own, and what is finished takes its place by being renamed: whole, and the same whoever made it.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fringeflow.files import part_of

T = TypeVar("T")


class Crew(Protocol):
    """Whoever works on pieces that are shared out; `cluster.hire` finds one."""

    def each(self, work: Callable[..., T], pieces: Sequence[tuple[Any, ...]], *, desc: str, unit: str) -> list[T]:
        """Do `work(*piece)` for every piece, on any machine, and return the results in order.

        Parameters
        ----------
        work : callable
            A function of a module. It may run more than once for a piece.
        pieces : sequence of tuple
            Arguments, small; files by absolute paths.
        desc, unit : str
            For the progress bar.
        """


@contextmanager
def workshop(out: Path) -> Iterator[Path]:
    """Give a folder of this job's own beside `out` for attempts, removed at the end and after a kill as the parts of `files.atomic` are.

    A job that a killed run has left on another node may still work on the same: each in its folder, they do not meet.
    """
    folder = part_of(out.absolute().with_name(f"{out.name}.pieces"))
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # one that was given up may still be writing


@contextmanager
def attempt(folder: Path) -> Iterator[Path]:
    """Give an attempt a folder of its own inside a workshop; what is not moved out of it goes with it."""
    own = Path(tempfile.mkdtemp(dir=folder))
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)


def settle(made: Path, place: Path) -> None:
    """Move a finished file or folder to its place; if another attempt was first, its folder stays, which holds the same.

    Raises
    ------
    OSError
        If it cannot be moved.
    """
    if made.is_dir():
        try:
            made.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(made, place)
