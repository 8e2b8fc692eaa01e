"""Reading a LiCSAR product: what makes a file usable, and which pixels hold no data.

No-data rules, by product and vintage:

- `diff_pha` (wrapped phase, radians): exactly 0, NaN or infinite; the archive writes no nodata tag.
- `unw` (unwrapped phase, radians, positive where the range increased): 0, NaN or infinite, by vintage.
- `cc` (coherence, 0..255 for 0..1): 0 stays coherence 0, since it also marks honest decorrelation;
  whoever knows the phase masks coherence where the phase has no data.
- A nodata value that the file itself declares counts for every product.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader
from rasterio.windows import Window

from fringeflow.errors import ProductError
from fringeflow.licsar.names import PHASES, PRODUCTS
from fringeflow.licsar.plausible import check_range, step_of

if TYPE_CHECKING:
    import xarray as xr

MAX_PIXELS = 500_000_000
"""A frame of LiCSAR has about ten million."""
MAX_BAND_BYTES = 1_000_000_000
"""Of a row of blocks, which is read at once."""
CHUNK_PIXELS = 4_000_000
BAND_PIXELS = 700_000
WGS84 = (r'SPHEROID\["[^"]*",6378137(\.0*)?,298\.257223563', r'PRIMEM\["[^"]*",0(\.0*)?[,\]]', r'UNIT\["degree",0\.0174532925')
"""What stands in the WKT of a geographic reference system on it."""
REPLACE = "remove the file and fetch it again"
UNITS = {"unw": "radian", "diff_pha": "radian", "cc": "1"}
LONG_NAMES = {"unw": "unwrapped phase", "diff_pha": "wrapped phase", "cc": "coherence"}


class EmptyProductError(ProductError):
    """A raster without a single pixel of data."""


@dataclass(frozen=True)
class ProductInfo:
    """What a check found: rows, columns, and the fraction of pixels with data."""

    rows: int
    columns: int
    valid_fraction: float


def _problem(path: Path, found: str, expected: str, action: str = REPLACE) -> ProductError:
    return ProductError(f"{path}: found {found}; expected {expected}. To do: {action}.")


def _open(path: Path) -> DatasetReader:
    """Open as GeoTIFF and as nothing else: a .tif that is a VRT could name any other file."""
    try:
        return rasterio.open(path, driver="GTiff")
    except (RasterioError, OSError) as error:
        if not path.exists():
            raise _problem(path, "no such file", "a GeoTIFF", "fetch the interferogram") from None
        raise _problem(path, f"a file of {path.stat().st_size} bytes that cannot be opened ({error})", "a GeoTIFF") from None


def is_wgs84(crs: CRS) -> bool:
    """Whether coordinates are longitude and latitude in degrees on WGS 84, under whatever name: not every writer gives a code.

    A datum without a name on the ellipsoid of WGS 84 is taken for it; other datums are off by up to some hundred metres.

    >>> [is_wgs84(CRS.from_string(text)) for text in ("EPSG:4326", "+proj=longlat +ellps=WGS84", "EPSG:4230", "EPSG:32634")]
    [True, True, False, False]
    """
    return crs.is_geographic and "TOWGS84" not in crs.wkt and all(re.search(pattern, crs.wkt) for pattern in WGS84)


def _check_header(path: Path, source: DatasetReader, product: str) -> None:
    """Refuse what is not one band of a product on a geographic grid."""
    if source.count != 1:
        raise _problem(path, f"{source.count} bands", "one band")
    kind = source.dtypes[0]
    if product in PHASES and not kind.startswith("float"):
        raise _problem(path, f"pixels of type {kind}", f"floating-point radians, since {product} is a phase")
    if product == "cc" and kind != "uint8" and not kind.startswith("float"):
        raise _problem(path, f"pixels of type {kind}", "uint8 (0..255), or floating-point 0..1, coherence")
    if source.crs is None:
        raise _problem(path, "no coordinate reference system", "EPSG:4326")
    if not is_wgs84(source.crs):
        raise _problem(path, f"the coordinate reference system {source.crs.to_string()}", "EPSG:4326 (longitude and latitude on WGS 84)")
    grid = source.transform
    if grid.b or grid.d or grid == Affine.identity() or not 0 < abs(grid.a) < 1 or not 0 < abs(grid.e) < 1:
        raise _problem(path, f"the geotransform {tuple(grid)[:6]}", "a north-oriented grid of about 0.001 degree")
    if source.width * source.height > MAX_PIXELS:
        raise _problem(path, f"a declared size of {source.height} x {source.width} pixels", f"at most {MAX_PIXELS:,} pixels")
    rows = min(source.block_shapes[0][0], source.height)
    columns = max(source.block_shapes[0][1], source.width)
    if rows * columns * np.dtype(kind).itemsize > MAX_BAND_BYTES:
        raise _problem(path, f"blocks of {rows} rows over {columns} columns", f"rows of blocks of at most {MAX_BAND_BYTES:,} bytes")


def _read(path: Path, source: DatasetReader, window: Window, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Read a window; say which one cannot be read."""
    try:
        return source.read(1, window=window, out=out)
    except (RasterioError, OSError) as error:
        first, last = window.row_off, window.row_off + window.height - 1
        cause = error.__cause__ or error
        raise _problem(path, f"rows {first} to {last} that cannot be read ({cause})", "a whole GeoTIFF") from None


def _has_data(values: NDArray[Any], product: str, nodata: float | None) -> NDArray[np.bool_]:
    """Return where a window of raw values holds data."""
    valid = np.isfinite(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    if product in PHASES:
        valid &= values != 0
    if nodata is not None and not np.isnan(nodata):
        valid &= values != nodata
    return valid


def _bands(source: DatasetReader, pixels: int) -> list[Window]:
    """Return windows of whole blocks over the full width: each block of a striped file is decoded once."""
    rows = _rows_per_chunk(source, pixels)
    return [Window(0, row, source.width, min(rows, source.height - row)) for row in range(0, source.height, rows)]


def _rows_per_chunk(source: DatasetReader, pixels: int) -> int:
    block = source.block_shapes[0][0]
    return max(block, pixels // source.width // block * block)


def check_product(path: str | Path, product: str) -> ProductInfo:
    """Read every block of a product, and refuse a file that is not usable.

    Parameters
    ----------
    path : path of a GeoTIFF
    product : {"unw", "diff_pha", "cc"}

    Returns
    -------
    ProductInfo

    Raises
    ------
    ProductError
        If it is no GeoTIFF, is cut off or corrupt, has more than one band, the wrong type of pixels, another
        reference system than WGS 84, an implausible size, or values that are no phase's.
    EmptyProductError
        If no pixel holds data; for coherence, if all are 0.
    """
    path = Path(path)
    _known(product)
    counted = 0
    seen: list[NDArray[Any]] = []
    with _open(path) as source:
        _check_header(path, source, product)
        step = step_of(source.width * source.height)
        for window in _bands(source, BAND_PIXELS):
            values = _read(path, source, window)
            valid = _has_data(values, product, source.nodata)
            if product == "cc":
                if values.dtype.kind == "f" and np.any(valid & ((values < 0) | (values > 1))):
                    raise _problem(path, f"coherence from {np.nanmin(values)} to {np.nanmax(values)}", "0..1 in floating point")
                valid &= values != 0
            else:
                seen.append(values.ravel()[::step][valid.ravel()[::step]])
            counted += int(np.count_nonzero(valid))
        rows, columns = source.height, source.width
    if not counted:
        action = "drop the interferogram from the table, or use another mirror"
        text = f"{path}: found {rows} x {columns} pixels without data; expected at least one with data. To do: {action}."
        raise EmptyProductError(text)
    if seen:
        check_range(path, product, np.concatenate(seen), step)
    return ProductInfo(rows, columns, counted / (rows * columns))


def raster_shape(path: Path) -> tuple[int, int]:
    """Return the rows and columns of a product, from its header; a `ProductError` if it cannot be opened."""
    with _open(path) as source:
        return source.height, source.width


def read_product(path: str | Path, product: str, chunks: Any = None) -> "xr.DataArray":
    """Open a product lazily, north up, with NaN where it holds no data.

    Parameters
    ----------
    path : path of a GeoTIFF
    product : {"unw", "diff_pha", "cc"}
    chunks : int, tuple of int, dict or None
        Dask chunks over (y, x), as `xarray` takes them; None gives bands of whole rows of about four
        million pixels, which decode every block of a striped file once.

    Returns
    -------
    DataArray of float32, dims (y, x), dask-backed
        Phase in radians or coherence 0..1. Coordinates are pixel centres in degrees: `y` latitude,
        descending, `x` longitude, ascending. The `rio` accessor knows the reference system.

    Raises
    ------
    ProductError
        If the header is wrong; on computing, if a block cannot be read.
    """
    # A fetch job only checks; these would cost it several times the rest of its start.
    import dask.array as da
    import rioxarray  # noqa: F401  (registers the `rio` accessor)
    import xarray as xr
    from dask.array.core import normalize_chunks

    path = Path(path)
    _known(product)
    with _open(path) as source:
        _check_header(path, source, product)
        shape, grid, crs = (source.height, source.width), source.transform, source.crs
        if chunks is None:
            chunks = (_rows_per_chunk(source, CHUNK_PIXELS), source.width)
    if isinstance(chunks, dict):
        chunks = (chunks.get("y", "auto"), chunks.get("x", "auto"))
    south_up, east_first = grid.e > 0, grid.a < 0
    data = da.map_blocks(
        _block,
        path,
        product,
        shape,
        south_up,
        east_first,
        chunks=normalize_chunks(chunks, shape, dtype=np.float32),
        dtype=np.float32,
        meta=np.empty((0, 0), np.float32),
    )
    y = grid.f + (np.arange(shape[0]) + 0.5) * grid.e
    x = grid.c + (np.arange(shape[1]) + 0.5) * grid.a
    array = xr.DataArray(
        data,
        dims=("y", "x"),
        coords={"y": y[::-1] if south_up else y, "x": x[::-1] if east_first else x},
        name=product,
        attrs={"units": UNITS[product], "long_name": LONG_NAMES[product], "source": path.name},
    )
    north_up = Affine(abs(grid.a), 0, min(grid.c, grid.c + shape[1] * grid.a), 0, -abs(grid.e), max(grid.f, grid.f + shape[0] * grid.e))
    return array.rio.write_crs(crs).rio.write_transform(north_up)


def _block(
    path: Path, product: str, shape: tuple[int, int], south_up: bool, east_first: bool, block_info: Any = None
) -> NDArray[np.float32]:
    """Read one dask block; its place counts from the north-west corner, the file's rows perhaps not."""
    (top, bottom), (left, right) = block_info[None]["array-location"]
    row = shape[0] - bottom if south_up else top
    column = shape[1] - right if east_first else left
    result = np.empty((bottom - top, right - left), np.float32)
    with _open(path) as source:
        _fill(path, source, product, Window(column, row, right - left, bottom - top), result)
    return np.ascontiguousarray(result[:: -1 if south_up else 1, :: -1 if east_first else 1])


def row_bands(paths: Iterable[Path]) -> list[slice]:
    """Return the bands of whole rows, north up, in which to read products of one grid together.

    They are small enough that what is done with one finds it in the processor's cache, and follow the blocks of
    the file with the tallest, so that each is decoded once.
    """
    tallest, bands = 0, []
    for path in paths:
        with _open(path) as source:
            if source.block_shapes[0][0] > tallest:
                tallest, rows = source.block_shapes[0][0], source.height
                firsts = [(window.row_off, window.row_off + window.height) for window in _bands(source, BAND_PIXELS)]
                bands = [slice(rows - stop, rows - first) if source.transform.e > 0 else slice(first, stop) for first, stop in firsts]
    return bands


def read_band(path: Path, product: str, rows: slice, out: NDArray[np.float32]) -> None:
    """Read some rows of a product as `read_product` gives them, straight into an array.

    Parameters
    ----------
    path : path of a GeoTIFF
    product : {"unw", "diff_pha", "cc"}
    rows : slice
        Counted from the north.
    out : ndarray of float32, shape (rows.stop - rows.start, columns), contiguous
        Filled.

    Raises
    ------
    ProductError
        If a block cannot be read.
    """
    with _open(path) as source:
        south_up, east_first = source.transform.e > 0, source.transform.a < 0
        first = source.height - rows.stop if south_up else rows.start
        _fill(path, source, product, Window(0, first, source.width, len(out)), out)
    if south_up or east_first:
        out[...] = out[:: -1 if south_up else 1, :: -1 if east_first else 1].copy()


def _fill(path: Path, source: DatasetReader, product: str, window: Window, out: NDArray[np.float32]) -> None:
    """Read a window as it lies in the file, in the product's units, NaN where it holds no data."""
    if source.dtypes[0] == "float32":
        values = _read(path, source, window, out)
    else:
        values = _read(path, source, window)
        np.multiply(values, np.float32(1 / 255 if values.dtype == np.uint8 else 1), out=out, casting="unsafe")
    if values.dtype.kind != "f" and source.nodata is None:
        return
    valid = _has_data(values, product, source.nodata)
    if not valid.all():
        np.copyto(out, np.float32(np.nan), where=~valid)


def _known(product: str) -> None:
    if product not in PRODUCTS:
        raise ValueError(f"product must be one of {', '.join(PRODUCTS)}, not {product!r}")
