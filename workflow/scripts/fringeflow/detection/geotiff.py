"""Writing and reading a probability map: a cloud-optimised GeoTIFF."""

import errno
import os
from collections.abc import Iterable, Mapping
from math import ceil, log2
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from fringeflow.errors import ProductError
from fringeflow.files import atomic
from fringeflow.insar.tiling import GeoGrid
from fringeflow.licsar.products import is_wgs84

LEVEL = 1
"""Of DEFLATE: twice as fast as the default, for 6 % more bytes."""
BLOCK = 256
"""Side of the file's tiles, pixels; overviews are made until one tile holds the whole."""
CACHE_MB = 64
"""Of GDAL, whose default is a twentieth of the machine's memory."""


def write_probability(path: Path, bands: Iterable[np.ndarray], grid: GeoGrid, tags: Mapping[str, str], *, threads: int = 1) -> None:
    """Write a map of probabilities, 0 to 1, as float32 on EPSG:4326, with NaN for no data.

    Parameters
    ----------
    path : Path
    bands : iterable of ndarray of float32, shape (rows, columns)
        From the top down.
    grid : GeoGrid
    tags : mapping of str to str
        Written into the file.
    threads : int
        Of compression.
    """
    profile = {
        "driver": "GTiff",
        "height": grid.rows,
        "width": grid.columns,
        "count": 1,
        "dtype": "float32",
        "crs": "EPSG:4326",
        "transform": from_origin(grid.west, grid.north, grid.dx, grid.dy),
        "nodata": np.nan,
    }
    with rasterio.Env(GDAL_CACHEMAX=CACHE_MB), atomic(path) as part, TemporaryDirectory() as scratch:
        # The COG driver copies a whole raster, so rows are gathered in a plain file first, of the same tiles; not beside the results,
        # where a killed job would leave it.
        plain = Path(scratch, "rows.tif")
        with rasterio.open(plain, "w", **profile, tiled=True, blockxsize=BLOCK, blockysize=BLOCK) as target:
            target.update_tags(**tags)
            target.set_band_description(1, "probability of earthquake fringes")
            row = 0
            for band in bands:
                target.write(band, 1, window=((row, row + len(band)), (0, grid.columns)))
                row += len(band)
        if plain.stat().st_size < 4 * grid.rows * grid.columns:  # GDAL does not tell of a full disk when it closes a file
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        with rasterio.open(plain, "r+") as target:  # the driver would pack its own to unpack them again: half as fast
            target.build_overviews(_overviews(grid), Resampling.average)
        options = {"compress": "DEFLATE", "predictor": "FLOATING_POINT", "level": LEVEL}
        with MemoryFile(ext=".tif") as memory:
            rasterio.shutil.copy(plain, memory.name, driver="COG", blocksize=BLOCK, num_threads=str(threads), **options)
            part.write_bytes(memory.read())


def _overviews(grid: GeoGrid) -> list[int]:
    """Return the factors of overviews: the last one fits into a tile."""
    steps = ceil(log2(max(1, max(grid.rows, grid.columns) / BLOCK)))
    return [2**step for step in range(1, steps + 1)]


def read_probability(path: Path) -> tuple[np.ndarray, GeoGrid, dict[str, str]]:
    """Read a map of probabilities.

    Returns
    -------
    probability : ndarray of float32, shape (rows, columns)
        NaN for no data.
    grid : GeoGrid
    tags : dict of str

    Raises
    ------
    ProductError
        If the file cannot be read, or is no map of probabilities in longitude and latitude.
    """
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise ProductError(f"{path}: found no coordinate reference system; expected EPSG:4326. To do: scan the interferogram again")
            if not is_wgs84(source.crs):
                raise ProductError(
                    f"{path}: found the coordinate reference system {source.crs.to_string()}; expected EPSG:4326 (longitude and latitude)"
                )
            step = source.transform
            if source.count != 1 or step.b or step.d or step.a <= 0 or step.e >= 0:
                raise ProductError(f"{path}: found {source.count} bands on the geotransform {tuple(step)[:6]}; expected one band, north up")
            values = source.read(1, masked=True).filled(np.nan).astype(np.float32, copy=False)
            grid = GeoGrid(step.c, step.f, step.a, -step.e, source.height, source.width)
            tags = source.tags()
    except (RasterioError, OSError) as error:
        raise ProductError(f"{path}: cannot be read as a GeoTIFF ({error}); scan the interferogram again") from error
    known = values[np.isfinite(values)]
    if known.size and not (known.min() >= 0 and known.max() <= 1):
        raise ProductError(f"{path}: found values from {known.min():g} to {known.max():g}; expected probabilities from 0 to 1")
    return values, grid, tags
