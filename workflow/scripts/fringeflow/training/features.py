"""Features as training sees them: rows of arrays that may lie on disk, read when they are needed."""

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK_BYTES = 1 << 26
"""Most bytes (as float32) that a pass over all rows holds at a time."""


@dataclass(frozen=True)
class Features:
    """Samples by number, wherever their values lie.

    Attributes
    ----------
    arrays : sequence of ndarray, each of shape (any, *shape)
        Memory maps of cached shards, or arrays in memory; any floating type.
    which : ndarray of int, shape (n,)
        The array that holds each sample.
    row : ndarray of int, shape (n,)
        Its row there.
    """

    arrays: Sequence[np.ndarray]
    which: np.ndarray
    row: np.ndarray

    @classmethod
    def of(cls, array: "np.ndarray | Features") -> "Features":
        """Wrap an array in memory."""
        if isinstance(array, Features):
            return array
        return cls([array], np.zeros(len(array), dtype=np.intp), np.arange(len(array)))

    @classmethod
    def join(cls, parts: "Sequence[Features]") -> "Features":
        """Return the samples of several, one after the other.

        Raises
        ------
        ValueError
            If they differ in shape.
        """
        shapes = {part.shape for part in parts}
        if len(shapes) > 1:
            raise ValueError(f"features of different shapes cannot be joined: {', '.join(map(str, sorted(shapes)))}")
        starts = np.cumsum([0, *(len(part.arrays) for part in parts[:-1])])
        which = np.concatenate([part.which + start for part, start in zip(parts, starts, strict=True)])
        return cls([array for part in parts for array in part.arrays], which, np.concatenate([part.row for part in parts]))

    def __len__(self) -> int:
        return len(self.row)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one sample."""
        return tuple(self.arrays[0].shape[1:])

    def select(self, chosen: np.ndarray) -> "Features":
        """Return some samples, by number, in any order and any number of times; nothing is read."""
        return Features(self.arrays, self.which[chosen], self.row[chosen])

    def take(self, chosen: np.ndarray | slice) -> np.ndarray:
        """Read some samples.

        Returns
        -------
        ndarray of float32, shape (len(chosen), *shape)
        """
        which, row = self.which[chosen], self.row[chosen]
        result = np.empty((len(row), *self.shape), np.float32)
        for number in np.unique(which):
            here = np.flatnonzero(which == number)
            order = here[np.argsort(row[here], kind="stable")]  # a disk is read forwards
            array = self.arrays[number]
            result[order] = array[row[order]]
            pages = getattr(array, "_mmap", None)
            if isinstance(pages, mmap.mmap):
                # Else every page ever read counts as this process's memory, and a cluster kills it for that.
                pages.madvise(mmap.MADV_DONTNEED)
        return result

    def all(self) -> np.ndarray:
        """Read everything, float32 of shape (n, *shape)."""
        return self.take(slice(None))

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield everything in order, a bounded part at a time."""
        step = max(1, BLOCK_BYTES // (4 * int(np.prod(self.shape))))
        for start in range(0, len(self), step):
            yield self.take(slice(start, start + step))
