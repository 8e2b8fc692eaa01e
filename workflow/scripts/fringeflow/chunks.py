"""The chunks and shards of Zarr 3 arrays straight to and from files.

zarr-python makes the arrays; what is big goes through here, by plain threads. In zarr-python every chunk
passes an event loop and several copies, which took most of the time of writing tiles, and a quarter of that of
embedding them. Files are those of the specification, as tests that read them with zarr-python show:
https://zarr-specs.readthedocs.io/en/latest/v3/codecs/sharding-indexed/index.html
"""

import os
from collections.abc import Iterable
from pathlib import Path

import google_crc32c
import numpy as np
import xxhash
from numcodecs.blosc import Blosc
from zarr.codecs import BloscCodec

SEPARATOR = "."
"""Of the parts of a chunk's name, where there are no shards: one file a chunk, instead of a file and its folder."""
NO_CHUNK = np.uint64(2**64 - 1)
LZ4_LEVEL = 5
BLOCK_BYTES = 1 << 16
"""Blosc's inner block: fits the second-level cache."""


def codec() -> BloscCodec:
    """Return the one compressor of all arrays: LZ4.

    No compressor takes more than a fifth off phase noise. This one takes no data away, which there is
    much of, and at 2 GB/s costs no time; shuffling bytes first would save that fifth at a third of the speed.
    """
    return BloscCodec(cname="lz4", clevel=LZ4_LEVEL, shuffle="noshuffle", blocksize=BLOCK_BYTES)


def leaf_digest(block: np.ndarray) -> bytes:
    """Return 128 bits that tell a block's bytes from any other's (XXH3).

    SHA-256 of what is tiled took as long as writing it; nobody forges pixels, so a fast digest will do.
    """
    return xxhash.xxh3_128_digest(np.ascontiguousarray(block).data)


def encode(chunk: np.ndarray) -> bytes:
    """Compress a whole chunk as `codec` says, little-endian."""
    chunk = np.ascontiguousarray(chunk, dtype=chunk.dtype.newbyteorder("<"))
    return Blosc(cname="lz4", clevel=LZ4_LEVEL, shuffle=Blosc.NOSHUFFLE, blocksize=BLOCK_BYTES).encode(chunk)


def write_chunk(array: Path, key: tuple[int, ...], chunk: np.ndarray, shape: tuple[int, ...], fill: float) -> None:
    """Write one chunk of an array that has no shards.

    Parameters
    ----------
    array : Path
        Folder of the array.
    key : tuple of int
        Which chunk along each axis.
    chunk : ndarray
        Its values; at the far edges it may be smaller than `shape`.
    shape : tuple of int
        Of a whole chunk.
    fill : float
        Pads a chunk at the edge.
    """
    path = array / SEPARATOR.join(["c", *map(str, key)])
    path.write_bytes(encode(padded(chunk, shape, fill)))


def read_rows(array: Path, number: int, out: np.ndarray, shape: tuple[int, int]) -> None:
    """Read one chunk, a band of whole rows, of an array that `write_chunk` wrote.

    Parameters
    ----------
    array : Path
        Folder of the array.
    number : int
        Which band.
    out : ndarray, contiguous
        Filled; the last band of an array has fewer rows than `shape`.
    shape : tuple of int
        Of a whole chunk.

    Raises
    ------
    OSError
        If the chunk is missing.
    RuntimeError
        If it is damaged.
    """
    content = (array / SEPARATOR.join(["c", str(number), "0"])).read_bytes()
    if out.shape == shape:
        Blosc().decode(content, out)
    else:
        whole = np.empty(shape, out.dtype)
        Blosc().decode(content, whole)
        out[...] = whole[: len(out)]


def write_shard(array: Path, number: int, chunks: Iterable[bytes], per_shard: int) -> None:
    """Write one shard of an array of samples, which is chunked and sharded along its first axis.

    Parameters
    ----------
    array : Path
        Folder of the array.
    number : int
        Which shard.
    chunks : iterable of bytes
        Compressed whole chunks, in order; those beyond the end of the array are left out.
    per_shard : int
        Chunks in a whole shard.
    """
    index = np.full((per_shard, 2), NO_CHUNK, "<u8")
    path = array / "c" / str(number) / "0" / "0"
    path.parent.mkdir(parents=True, exist_ok=True)
    offset = 0
    with open(path, "wb") as file:
        for place, chunk in enumerate(chunks):
            index[place] = offset, file.write(chunk)
            offset += len(chunk)
        content = index.tobytes()
        file.write(content)
        file.write(google_crc32c.value(content).to_bytes(4, "little"))


def read_shard(array: Path, number: int, chunks: Iterable[int], out: Iterable[np.ndarray], per_shard: int) -> None:
    """Read some chunks of a shard that `write_shard` wrote.

    Parameters
    ----------
    array : Path
        Folder of the array.
    number : int
        Which shard.
    chunks : iterable of int
        Places in the shard.
    out : iterable of ndarray, contiguous, each of a whole chunk's shape
        Filled.
    per_shard : int
        Chunks in a whole shard.

    Raises
    ------
    OSError
        If the shard is missing.
    RuntimeError
        If it is damaged.
    """
    path = array / "c" / str(number) / "0" / "0"
    with open(path, "rb") as file:
        size = 16 * per_shard + 4
        file.seek(-min(size, path.stat().st_size), os.SEEK_END)
        tail = file.read()
        if len(tail) != size or google_crc32c.value(tail[:-4]) != int.from_bytes(tail[-4:], "little"):
            raise RuntimeError(f"{path}: its index is damaged")
        index = np.frombuffer(tail[:-4], "<u8").reshape(per_shard, 2)
        for place, chunk in zip(chunks, out, strict=True):
            offset, length = map(int, index[place])
            if offset == NO_CHUNK:
                raise RuntimeError(f"{path}: holds no chunk {place}")
            file.seek(offset)
            Blosc().decode(file.read(length), chunk)


def padded(chunk: np.ndarray, shape: tuple[int, ...], fill: float) -> np.ndarray:
    """Return a chunk of the whole shape, `fill` where the array has ended."""
    if chunk.shape == shape:
        return chunk
    whole = np.full(shape, fill, chunk.dtype)
    whole[tuple(slice(0, size) for size in chunk.shape)] = chunk
    return whole
