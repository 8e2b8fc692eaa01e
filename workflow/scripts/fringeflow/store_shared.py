"""Writing a sample store from several machines: each makes runs of whole shards, and one process describes the whole."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.crew import Crew, attempt, settle, workshop
from fringeflow.errors import DatasetError
from fringeflow.files import atomic
from fringeflow.store import ARRAY, create_samples, describe_samples, regroup, shard_path, shard_size, write_part


@dataclass(frozen=True)
class Target:
    """Where a run of samples goes.

    Attributes
    ----------
    array : Path
        Folder of the array, not yet under its final name.
    pieces : Path
        Folder for attempts.
    shape : tuple of int
        Rows and columns of a sample.
    """

    array: Path
    pieces: Path
    shape: tuple[int, int]

    def write(self, run: range, blocks: Iterable[np.ndarray]) -> list[bytes]:
        """Write one run of samples.

        Parameters
        ----------
        run : range
            Which samples, from the first of a shard on.
        blocks : iterable of ndarray, shape (b, rows, columns), any b
            These samples in order.

        Returns
        -------
        list of bytes
            Their digests.

        Raises
        ------
        DatasetError
            If more or fewer samples come, or of another shape.
        """
        size = shard_size(self.shape)
        leaves: list[bytes] = []
        with attempt(self.pieces) as folder:
            for number, samples in enumerate(regroup(self.array, blocks, len(run), self.shape, size), run.start // size):
                leaves += write_part(folder, number, samples, self.shape)
                settle(shard_path(folder, number), shard_path(self.array, number))
        return leaves


def runs(count: int, shape: tuple[int, int], multiple: int, least: int = 1) -> list[range]:
    """Share out samples in runs of whole shards.

    Parameters
    ----------
    count : int
        How many samples there are.
    shape : tuple of int
        Rows and columns of a sample.
    multiple : int
        Runs begin at a multiple of this.
    least : int
        A run has about this many samples.

    Examples
    --------
    >>> runs(300, (256, 256), 16)
    [range(0, 64), range(64, 128), range(128, 192), range(192, 256), range(256, 300)]
    >>> runs(300, (256, 256), 1, 200)
    [range(0, 192), range(192, 300)]
    """
    step = int(np.lcm(shard_size(shape), multiple))
    step *= max(1, round(least / step))
    return [range(first, min(first + step, count)) for first in range(0, count, step)]


def write_shared(
    path: Path,
    crew: Crew,
    work: Callable[..., tuple[list[bytes], Any]],
    pieces: Sequence[tuple[Any, ...]],
    *,
    count: int,
    shape: tuple[int, int],
    attrs: dict[str, Any],
    units: str,
    desc: str,
) -> tuple[str, list[Any]]:
    """Write a store as `store.write_samples` does, byte for byte, each run of samples by one of a crew.

    Parameters
    ----------
    path : Path
        The store to make.
    crew : Crew
    work : callable
        `work(target, *piece)` writes a run with `Target.write` and returns what that returns, and anything else of it.
    pieces : sequence of tuple
        In the order of the samples.
    count, shape, attrs, units
        As for `write_samples`.
    desc : str
        For the progress bar.

    Returns
    -------
    str
        Digest of the content.
    list
        What else `work` returned for each piece.

    Raises
    ------
    DatasetError
        If more or fewer samples come than `count`, or of another shape.
    """
    path = path.absolute()
    with atomic(path) as part, workshop(path) as folder:
        group = create_samples(path, part, count=count, shape=shape, units=units)
        target = Target(part / ARRAY, folder, shape)
        done = crew.each(work, [(target, *piece) for piece in pieces], desc=desc, unit="part")
        leaves = [leaf for digests, _ in done for leaf in digests]
        if len(leaves) != count:
            raise DatasetError(f"{path}: {len(leaves)} samples came, {count} were announced")
        digest = describe_samples(group, leaves, shape=shape, attrs=attrs, units=units)
    return digest, [rest for _, rest in done]
