"""From recordings and pictures in files to one store a view, a few files at a time."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import dask
import dask.threaded
import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError
from fringeflow.files import part_of, remove
from fringeflow.progress import progress_bar
from fringeflow.store import write_samples

BATCH = 8
"""Files that a thread takes at once, one after the other."""
MANY = 16
"""Samples of one file above which they wait on disk instead of in memory until their turn comes."""
VARIANT = "variant"
"""Column of a table of samples that are to be varied."""


@dataclass(frozen=True)
class Maker:
    """How a view is made.

    Attributes
    ----------
    read : callable
        Returns what a file holds.
    make : callable
        Returns one sample, float32, of that and of a row of the index as `itertuples` gives it; if it has a column
        `variant`, of that variant.
    shape : tuple of int
        Rows and columns of a sample.
    attrs : dict
        `view` and its settings, kept with the store.
    units : str
    """

    read: Callable[[str], Any]
    make: Callable[[Any, Any], np.ndarray]
    shape: tuple[int, int]
    attrs: dict[str, Any]
    units: str


def write_view(index: Path, maker: Maker, out: Path, *, threads: int = 2) -> str:
    """Make the store of one view of a collection; row i of it is row i of the index.

    Each file is read once, however many samples are cut out of it and wherever they stand in the index. Memory holds as
    many recordings as there are threads, and the views of a few files.

    Parameters
    ----------
    index : Path
        index.parquet of a collection.
    maker : Maker
        From `gather.gather_maker`, `stft.spectrogram_maker` or `images.image_maker`.
    out : Path
        Sample store to write.
    threads : int
        Files read and transformed at once.

    Returns
    -------
    str
        Digest of the store; the same for any number of threads.

    Raises
    ------
    DatasetError
        If there is no sample, a file cannot be read, or a label lies outside its recording.
    ConfigError
        If a window is longer than a recording.
    """
    return write_table(pd.read_parquet(index), maker, out, threads=threads)


def write_table(table: pd.DataFrame, maker: Maker, out: Path, *, threads: int = 2) -> str:
    """Write the store of a table of samples: rows of an index, at times with a column `variant`.

    Returns
    -------
    str
        Digest of the store.

    Raises
    ------
    DatasetError
        If the table is empty, or as `write_view`.
    """
    if table.empty:
        raise DatasetError(f"{out}: there is no sample to make; add rows to the label table, or pictures to the folder")
    with _scratch(out, (len(table), *maker.shape)) as scratch:
        blocks = _in_order(table.reset_index(drop=True), maker, scratch, threads)
        return write_samples(out, blocks, count=len(table), shape=maker.shape, attrs=maker.attrs, units=maker.units, threads=threads)


def _in_order(table: pd.DataFrame, maker: Maker, scratch: Callable[[], np.ndarray], threads: int) -> Iterator[np.ndarray]:
    """Yield samples in the order of the table, shape (1, rows, columns), reading files in the order in which they first appear."""
    files = [list(part.itertuples()) for _, part in table.groupby("file", sort=False)]

    def work(batch: list[list[Any]]) -> Mapping[int, np.ndarray | None]:
        made: dict[int, np.ndarray | None] = {}
        for rows in batch:
            content = maker.read(rows[0].file)
            for row in rows:
                sample = maker.make(content, row)
                if len(rows) > MANY:
                    scratch()[row.Index] = sample
                    made[row.Index] = None
                else:
                    made[row.Index] = sample
        return made

    waiting: set[int] = set()
    next_row = 0
    with progress_bar(len(table), desc=maker.attrs["view"], unit="sample") as bar:
        for first in range(0, len(files), BATCH * threads):
            starts = range(first, min(first + BATCH * threads, len(files)), BATCH)
            tasks = [dask.delayed(work)(files[start : start + BATCH], dask_key_name=f"files-{start}") for start in starts]
            fresh: dict[int, np.ndarray | None] = {}
            for made in dask.compute(*tasks, scheduler=dask.threaded.get, num_workers=threads, optimize_graph=False, traverse=False):
                fresh |= made
            bar.update(len(fresh))
            while next_row in fresh or next_row in waiting:
                sample = fresh.pop(next_row, None)
                waiting.discard(next_row)
                yield (np.array(scratch()[next_row]) if sample is None else sample)[None]
                next_row += 1
            # What is left belongs further down, where other files come first.
            for row, sample in fresh.items():
                if sample is not None:
                    scratch()[row] = sample
                waiting.add(row)


@contextmanager
def _scratch(out: Path, shape: tuple[int, ...]) -> Iterator[Callable[[], np.ndarray]]:
    """Give a function that returns an array on disk, made at its first call and removed at the end; unwritten parts take no room."""
    path = part_of(Path(out).with_name(f"{Path(out).name}.waiting"))
    kept: list[np.ndarray] = []
    lock = Lock()

    def array() -> np.ndarray:
        with lock:
            if not kept:
                kept.append(np.memmap(path, np.float32, mode="w+", shape=shape))
            return kept[0]

    try:
        yield array
    finally:
        kept.clear()
        remove(path)
