"""Windows of a prepared interferogram, read a band of rows at a time; and the table of their scores."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from fringeflow.chunks import read_rows
from fringeflow.encoding.mosaic import Mosaic
from fringeflow.errors import DatasetError
from fringeflow.files import atomic, canonical_json
from fringeflow.insar.prepared import Prepared
from fringeflow.insar.tiling import GeoGrid, Tile, TileGrid, starts

ABOUT = b"fringeflow"
"""Key under which a table of windows tells what it was made with."""
ALIKE = ("run", "run_digest", "view", "temperatures", "size", "stride", "min_valid")
"""What interferograms whose windows stand in one table were scanned with."""


@dataclass
class Bands:
    """An array of an interferogram, read downwards: only the chunks that the wanted rows lie in are held.

    Attributes
    ----------
    data : Prepared
    name : str
        `wrapped` or `unwrapped`.
    """

    data: Prepared
    name: str
    _held: dict[int, np.ndarray] = field(default_factory=dict)

    def rows(self, first: int, stop: int) -> np.ndarray:
        """Return some rows, float32 of shape (stop - first, columns), rad; not to be changed.

        Raises
        ------
        DatasetError
            If a chunk is missing or damaged.
        """
        array = self.data.arrays[self.name]
        assert isinstance(array, zarr.Array)
        step, columns = array.chunks
        wanted = range(first // step, -(-stop // step))
        self._held = {number: band for number, band in self._held.items() if number in wanted}
        for number in wanted:
            if number not in self._held:
                band = np.empty((min(step, array.shape[0] - number * step), columns), array.dtype)
                try:
                    read_rows(self.data.path / self.data.group / self.name, number, band, (step, columns))
                except (OSError, RuntimeError) as error:
                    raise DatasetError(
                        f"{self.data.path}: {self.data.group}/{self.name} is damaged ({error}); run `prepare` for the event again"
                    ) from error
                self._held[number] = band
        parts = [self._held[number][max(0, first - number * step) : stop - number * step] for number in wanted]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


@dataclass
class WindowReader:
    """The windows of an interferogram that hold enough data, in batches.

    Attributes
    ----------
    bands : Bands
    grid : TileGrid
    min_valid : float
        Smallest fraction of a window's pixels with data; one without any is never taken.
    batch : int
        Windows in a batch; only the last has fewer, wherever rows of windows begin, as in training.
    mosaic : Mosaic, optional
        Gives windows encoded, as a model takes them.
    tiles : list of Tile
    valid_fractions : list of float
        Of the windows that have been yielded.
    """

    bands: Bands
    grid: TileGrid
    min_valid: float
    batch: int
    mosaic: Mosaic | None = None
    tiles: list[Tile] = field(default_factory=list)
    valid_fractions: list[float] = field(default_factory=list)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield copies of windows, float32: rad, of shape (b, size, size); of a mosaic pictures, of shape (b, 3, size / f, size / f)."""
        size = self.grid.size
        across = np.array(starts(self.grid.columns, size, self.grid.stride))
        held: list[list[np.ndarray]] = []
        for row in starts(self.grid.rows, size, self.grid.stride):
            band = self.bands.rows(row, row + size)
            seen = np.concatenate([[0], np.cumsum(np.count_nonzero(np.isfinite(band), axis=0))])
            fractions = (seen[across + size] - seen[across]) / size**2
            taken = (fractions >= self.min_valid) & (fractions > 0)
            if self.mosaic is not None and taken.any():
                self.mosaic.add(row, band)
            for column, fraction in zip(across[taken].tolist(), fractions[taken].tolist(), strict=True):
                self.tiles.append(Tile(row, column, size))
                self.valid_fractions.append(fraction)
                held.append([band[:, column : column + size]] if self.mosaic is None else self.mosaic.window(row, column))
                if len(held) == self.batch:
                    yield _copied(held)
                    held.clear()
        if held:
            yield _copied(held)


def _copied(windows: list[list[np.ndarray]]) -> np.ndarray:
    """Return a batch of windows of which each is given in parts; the channels of pictures are their second axis, but last in memory."""
    rows = sum(len(part) for part in windows[0])
    batch = np.empty((len(windows), rows, *windows[0][0].shape[1:]), windows[0][0].dtype)
    for window, parts in zip(batch, windows, strict=True):
        np.concatenate(parts, out=window)
    return batch if batch.ndim == 3 else np.moveaxis(batch, -1, 1)


def window_table(key: str, tiles: list[Tile], valid_fractions: list[float], scores: np.ndarray, grid: GeoGrid) -> pd.DataFrame:
    """Return one row a window: `frame`, `pair`, where it lies, `valid_fraction` and `p`."""
    frame, pair = key.split("/")
    boxes = [grid.bounds(tile) for tile in tiles]
    return pd.DataFrame(
        {
            "frame": frame,
            "pair": pair,
            "row": np.array([tile.row for tile in tiles], np.int32),
            "column": np.array([tile.column for tile in tiles], np.int32),
            **{side: [getattr(box, side) for box in boxes] for side in ("west", "south", "east", "north")},
            "valid_fraction": valid_fractions,
            "p": scores,
        }
    )


def write_windows(path: Path, table: pd.DataFrame, about: dict[str, Any]) -> None:
    """Write a table of windows as Parquet, with what it was made with in its metadata."""
    content = pa.Table.from_pandas(table, preserve_index=False)
    content = content.replace_schema_metadata({**(content.schema.metadata or {}), ABOUT: canonical_json(about).encode()})
    with atomic(path) as part:
        pq.write_table(content, part)


def gather_windows(tables: Sequence[Path], out: Path) -> None:
    """Write the tables of several interferograms as one.

    Parameters
    ----------
    tables : sequence of Path
        At least one, all scanned with one run in the same way.
    out : Path
        Table to write, one that `read_windows` reads: `maps` tells of the map of each interferogram.

    Raises
    ------
    DatasetError
        If a file is no such table, or was scanned otherwise than the others.
    """
    read = [read_windows(path) for path in tables]
    told = read[0][1]
    for path, (_, about) in zip(tables, read, strict=True):
        other = [name for name in ALIKE if about.get(name) != told.get(name)]
        if other:
            raise DatasetError(
                f"{path}: was scanned with {', '.join(f'{name} {about.get(name)}' for name in other)}, and {tables[0]} with "
                f"{', '.join(f'{name} {told.get(name)}' for name in other)}: they cannot be gathered. Scan both again"
            )
    maps = {key: counts for _, about in read for key, counts in about.get("maps", {}).items()}
    common = {name: value for name, value in told.items() if name in (*ALIKE, "software")}
    write_windows(out, pd.concat([table for table, _ in read], ignore_index=True), {**common, "maps": maps})


def read_windows(path: Path, columns: Sequence[str] | None = None) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table of windows, all its columns or some, and what it was made with.

    Raises
    ------
    DatasetError
        If the file is not one.
    """
    try:
        content = pq.read_table(path, columns=None if columns is None else list(columns))
        about = json.loads(content.schema.metadata[ABOUT])
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{path}: expected the windows of a scanned interferogram, found none ({type(error).__name__}: {error}); scan it again"
        ) from error
    return content.to_pandas(), about
