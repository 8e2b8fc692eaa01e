"""Writing one prepared interferogram into an event's Zarr 3 group."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import xarray as xr
import zarr

from fringeflow.chunks import SEPARATOR, codec, leaf_digest, write_chunk

CHUNK_ROWS = 512
VARIABLES = ("wrapped", "unwrapped", "coherence", "valid")


def write_interferogram(root: Path, group: str, dataset: xr.Dataset, *, threads: int = 2) -> dict[str, str]:
    """Write one interferogram and return the digests of its content.

    xarray writes coordinates, coordinate system and attributes; the rasters' chunks, bands of whole
    rows, are digested, compressed and written by threads.

    Parameters
    ----------
    root : Path
        A Zarr group that exists.
    group : str
        `frame/pair`.
    dataset : Dataset
        Dims (y, x), in memory; float variables with one kind of NaN; a `spatial_ref` coordinate.
    threads : int
        How many threads digest and compress.

    Returns
    -------
    dict of str
        By variable, SHA-256 over its shape and the `leaf_digest` of each band; as `grid`, that of the
        coordinates.
    """
    names = [name for name in VARIABLES if name in dataset]
    rows, columns = dataset.sizes["y"], dataset.sizes["x"]
    shape = (min(CHUNK_ROWS, rows), columns)
    arrays = zarr.open_group(root, mode="r+", zarr_format=3).require_group(group)
    dataset.drop_vars(names).to_zarr(root, group=group, mode="a", zarr_format=3, consolidated=False)
    for name in names:
        data = dataset[name]
        arrays.create_array(
            name,
            shape=data.shape,
            chunks=shape,
            chunk_key_encoding={"name": "default", "separator": SEPARATOR},
            dtype=data.dtype,
            fill_value=np.nan if data.dtype.kind == "f" else False,
            compressors=codec(),
            dimension_names=("y", "x"),
            attributes={**data.attrs, "grid_mapping": "spatial_ref"},
        )

    values = {name: dataset[name].values for name in names}

    def write(name: str, first: int) -> bytes:
        band = np.ascontiguousarray(values[name][first : first + shape[0]])
        write_chunk(root / group / name, (first // shape[0], 0), band, shape, fill=np.nan if band.dtype.kind == "f" else 0)
        return leaf_digest(band)

    digests = {"grid": hashlib.sha256(dataset.y.values.tobytes() + dataset.x.values.tobytes()).hexdigest()}
    with ThreadPoolExecutor(threads) as pool:
        leaves = {name: [pool.submit(write, name, first) for first in range(0, rows, shape[0])] for name in names}
        for name in names:
            content = hashlib.sha256(f"{dataset[name].dtype} {(rows, columns)}\n".encode())
            for leaf in leaves[name]:
                content.update(leaf.result())
            digests[name] = content.hexdigest()
    return digests
