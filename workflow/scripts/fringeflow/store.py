"""The sample store: thousands of small images of one event and view, as one sharded Zarr 3 array.

A store is a Zarr 3 group. Its root `zarr.json` holds attributes only (what the samples are and their
digest): small, with the same bytes for the same content, so a workflow can declare it as an output
and compare its checksum. The array `samples` has dimensions (sample, y, x), float32; NaN marks no
data. One file, a shard, holds many samples; one compressed chunk in it holds a few.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from fringeflow.chunks import codec, encode, leaf_digest, padded, read_shard, write_shard
from fringeflow.errors import DatasetError
from fringeflow.files import atomic

ARRAY = "samples"
CHUNK_BYTES = 1 << 20
SHARD_BYTES = 1 << 24


@dataclass(frozen=True)
class Samples:
    """An open store.

    Attributes
    ----------
    path : Path
    count : int
        Number of samples.
    shape : tuple of int
        Rows and columns of a sample.
    digest : str
        SHA-256 of the content, see `write_samples`.
    attrs : dict
        What the writer said about them, `units` included.
    layout : tuple of int
        Samples in a chunk and in a shard.
    """

    path: Path
    count: int
    shape: tuple[int, int]
    digest: str
    attrs: dict[str, Any]
    layout: tuple[int, int] = field(repr=False)

    def read(self, rows: slice | np.ndarray) -> np.ndarray:
        """Read some samples.

        Parameters
        ----------
        rows : slice or ndarray of int, shape (b,)
            Which samples; an array may repeat them and give them in any order.

        Returns
        -------
        ndarray of float32, shape (b, rows, columns)

        Raises
        ------
        DatasetError
            If a row lies outside the store.
        """
        wanted = np.arange(self.count)[rows] if isinstance(rows, slice) else np.asarray(rows, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= self.count):
            raise DatasetError(
                f"{self.path}: asked for rows {wanted.min()} to {wanted.max()}, but it holds rows 0 to {self.count - 1}; rebuild the index that names them"
            )
        result = np.empty((len(wanted), *self.shape), np.float32)
        chunk, shard = self.layout
        chunks, back = np.unique(wanted // chunk, return_inverse=True)
        buffer = np.empty((chunk, *self.shape), "<f4")
        for place, number in enumerate(chunks.tolist()):
            here = np.flatnonzero(back == place)
            first = number * chunk
            straight = (
                len(here) == chunk and here[-1] - here[0] == chunk - 1 and np.array_equal(wanted[here], np.arange(first, first + chunk))
            )
            block = result[here[0] : here[0] + chunk] if straight else buffer
            try:
                read_shard(self.path / ARRAY, first // shard, [number % (shard // chunk)], [block], shard // chunk)
            except (OSError, RuntimeError) as error:
                raise DatasetError(
                    f"{self.path}: samples {first} to {first + chunk - 1} are damaged ({error}); remove it and run the workflow again"
                ) from error
            if not straight:
                result[here] = buffer[wanted[here] - first]
        return result


def write_samples(
    path: str | Path,
    blocks: Iterable[np.ndarray],
    *,
    count: int,
    shape: tuple[int, int],
    attrs: dict[str, Any],
    units: str,
    threads: int = 2,
) -> str:
    """Write samples as they come, with bounded memory; nothing stands under `path` until all are there.

    Parameters
    ----------
    path : str or Path
        The store to make, a directory; replaced if it exists.
    blocks : iterable of ndarray, shape (b, rows, columns), any b
        The samples in order. Converted to float32. A block must not be changed once it is handed over.
    count : int
        How many samples come in all.
    shape : tuple of int
        Rows and columns of a sample.
    attrs : dict
        Plain values to keep with the store: no timestamps or machine paths, since others digest them.
    units : str
        Units of the samples, for example "rad".
    threads : int
        How many threads compress and digest.

    Returns
    -------
    str
        Digest of the content: SHA-256, in hexadecimal, over the array's shape and the `leaf_digest` of each
        sample's float32 bytes (little-endian, every NaN alike). It depends neither on the blocks in which
        the samples came nor on how they are compressed. Also kept in `attrs`.

    Raises
    ------
    DatasetError
        If more or fewer samples come than `count`, or of another shape.
    """
    path = Path(path)
    leaves: list[bytes] = []
    with atomic(path) as part:
        group = create_samples(path, part, count=count, shape=shape, units=units)
        with ThreadPoolExecutor(max(1, threads)) as pool:
            running: deque[Future[list[bytes]]] = deque()
            for number, samples in enumerate(regroup(path, blocks, count, shape, shard_size(shape))):
                if len(running) > threads:
                    leaves += running.popleft().result()
                running.append(pool.submit(write_part, part / ARRAY, number, samples, shape))
            for future in running:
                leaves += future.result()
        digest = describe_samples(group, leaves, shape=shape, attrs=attrs, units=units)
    return digest


def create_samples(path: Path, part: Path, *, count: int, shape: tuple[int, int], units: str) -> zarr.Group:
    """Create the group and the empty array of a store under a temporary name; `path` is only for the message.

    Raises
    ------
    DatasetError
        If there is no sample.
    """
    if count < 1:
        raise DatasetError(f"{path}: a sample store needs at least one sample, got {count}")
    group = zarr.create_group(part, zarr_format=3)
    chunk, shard = _layout(shape)
    group.create_array(
        ARRAY,
        shape=(count, *shape),
        chunks=(chunk, *shape),
        shards=(shard, *shape),
        dtype="float32",
        fill_value=np.nan,
        compressors=codec(),
        dimension_names=("sample", "y", "x"),
        attributes={"units": units},
    )
    return group


def write_part(array: Path, number: int, samples: list[np.ndarray], shape: tuple[int, int]) -> list[bytes]:
    """Write one shard of a store, and return the digests of its samples."""
    chunk, shard = _layout(shape)
    digests: list[bytes] = []

    def compressed() -> Iterator[bytes]:
        # Chunk by chunk, so that pixels pass all steps while they are in the processor's cache.
        buffer = np.empty((chunk, *shape), "<f4")
        for first in range(0, len(samples), chunk):
            few = buffer[: len(samples[first : first + chunk])]
            np.stack(samples[first : first + chunk], out=few, casting="same_kind")
            _canonical(few)
            digests.extend(leaf_digest(sample) for sample in few)
            yield encode(padded(few, (chunk, *shape), np.nan))

    write_shard(array, number, compressed(), shard // chunk)
    return digests


def describe_samples(group: zarr.Group, leaves: list[bytes], *, shape: tuple[int, int], attrs: dict[str, Any], units: str) -> str:
    """Put what a store holds into its attributes, last of all, and return its digest."""
    digest = _root_digest(shape, leaves)
    described = {**attrs, "count": len(leaves), "digest": digest, "shape": list(shape), "units": units}
    group.attrs.put(dict(sorted(described.items())))
    return digest


def shard_path(array: Path, number: int) -> Path:
    """Return the file of a shard."""
    return array / "c" / str(number) / "0" / "0"


def shard_size(shape: tuple[int, int]) -> int:
    """Return how many samples of a shape make a shard."""
    return _layout(shape)[1]


def open_samples(path: str | Path) -> Samples:
    """Open a store for reading.

    Raises
    ------
    DatasetError
        If there is no store, if it is not one of ours, or if a part of it is missing.
    """
    path = Path(path)
    if not (path / "zarr.json").is_file():
        found = "a file" if path.is_file() else "no zarr.json in it" if path.is_dir() else "nothing"
        raise DatasetError(f"{path}: expected a sample store, found {found}; run the workflow to make it")
    try:
        group = zarr.open_group(path, mode="r", zarr_format=3)
        array = group[ARRAY]
        attrs: dict[str, Any] = dict(group.attrs)
        digest, count, rows, columns = attrs["digest"], int(attrs["count"]), *map(int, attrs["shape"])
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise DatasetError(f"{path}: not a sample store ({type(error).__name__}: {error}); remove it and run the workflow again") from error
    if not isinstance(array, zarr.Array) or array.shape != (count, rows, columns):
        raise DatasetError(
            f"{path}: its array is {getattr(array, 'shape', 'a group')}, its attributes say {(count, rows, columns)}; remove it and run the workflow again"
        )
    layout = (array.chunks[0], (array.shards or array.chunks)[0])
    shards = ceil(count / layout[1])
    missing = [number for number in range(shards) if not shard_path(path / ARRAY, number).is_file()]
    if missing:
        raise DatasetError(
            f"{path}: {len(missing)} of {shards} shards are missing (first: {missing[0]}); remove it and run the workflow again"
        )
    return Samples(path, count, (rows, columns), digest, attrs, layout)


def content_digest(samples: np.ndarray) -> str:
    """Return the digest that `write_samples` gives for samples held in memory, shape (count, rows, columns)."""
    samples = np.array(samples, dtype="<f4", order="C")
    _canonical(samples)
    return _root_digest(samples.shape[1:], [leaf_digest(sample) for sample in samples])


def _canonical(samples: np.ndarray) -> None:
    """Make every NaN the same NaN, in place."""
    unknown = np.isnan(samples)
    if unknown.any():
        samples[unknown] = np.nan


def _root_digest(shape: tuple[int, ...], leaves: list[bytes]) -> str:
    digest = hashlib.sha256(f"float32 {(len(leaves), *shape)}\n".encode())
    for leaf in leaves:
        digest.update(leaf)
    return digest.hexdigest()


def _layout(shape: tuple[int, int]) -> tuple[int, int]:
    """Return how many samples make a chunk and a shard.

    >>> _layout((256, 256)), _layout((16, 16)), _layout((2048, 2048))
    ((4, 64), (64, 1024), (1, 1))
    """
    size = 4 * shape[0] * shape[1]
    chunk = min(64, max(1, CHUNK_BYTES // size))
    return chunk, chunk * min(16, max(1, SHARD_BYTES // (size * chunk)))


def regroup(path: Path, blocks: Iterable[np.ndarray], count: int, shape: tuple[int, int], size: int) -> Iterator[list[np.ndarray]]:
    """Yield lists of `size` samples (the last may be shorter), views of blocks of any length."""
    total = 0
    group: list[np.ndarray] = []
    for block in blocks:
        if block.ndim != 3 or block.shape[1:] != tuple(shape):
            raise DatasetError(f"{path}: a block of samples has shape {block.shape}, expected (any, {shape[0]}, {shape[1]})")
        total += len(block)
        if total > count:
            raise DatasetError(f"{path}: more than the {count} samples announced came")
        for sample in block:
            group.append(sample)
            if len(group) == size:
                yield group
                group = []
    if total != count:
        raise DatasetError(f"{path}: {total} samples came, {count} were announced")
    if group:
        yield group
