"""Where tiles lie: index arithmetic, without any pixels."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from fringeflow.errors import ProductError


def starts(length: int, size: int, stride: int) -> tuple[int, ...]:
    """Return where windows begin along one axis.

    The first window begins at the near edge, the last ends at the far edge, and the others are spread
    evenly between, at the step nearest to `stride` that leaves no pixel out. Where the axis fits the
    stride, the step is the stride; where it does not, there is neither an uncovered margin nor a last
    window that repeats nearly all of the one before.

    Parameters
    ----------
    length, size, stride : int
        Of the axis, of a window and of the step between windows, in pixels. A stride above the size
        leaves gaps on purpose.

    Returns
    -------
    tuple of int
        Strictly ascending; empty if a window is longer than the axis.

    Examples
    --------
    >>> starts(640, 256, 128)
    (0, 128, 256, 384)
    >>> starts(700, 256, 128)
    (0, 148, 296, 444)
    >>> starts(900, 256, 256)
    (0, 215, 429, 644)
    >>> starts(256, 256, 128), starts(257, 256, 128), starts(255, 256, 128)
    ((0,), (0, 1), ())
    """
    spare = length - size
    if spare <= 0:
        return (0,) if spare == 0 else ()
    steps = max(round(spare / stride), ceil(spare / max(size, stride)))
    return tuple(round(step * spare / steps) for step in range(steps + 1))


@dataclass(frozen=True)
class Tile:
    """A square window of a raster, by its upper-left pixel.

    >>> tile = Tile(row=128, column=0, size=256)
    >>> tile.window
    (slice(128, 384, None), slice(0, 256, None))
    >>> tile.name
    '128_0'
    """

    row: int
    column: int
    size: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Slices of rows and columns."""
        return slice(self.row, self.row + self.size), slice(self.column, self.column + self.size)

    @property
    def name(self) -> str:
        """`row_column`."""
        return f"{self.row}_{self.column}"


@dataclass(frozen=True)
class TileGrid:
    """All tiles of one raster, row by row.

    Parameters
    ----------
    rows, columns : int
        Of the raster.
    size, stride : int
        Of the tiles, in pixels.

    Raises
    ------
    ProductError
        If the raster is smaller than a tile.

    Examples
    --------
    >>> grid = TileGrid(rows=640, columns=400, size=256, stride=128)
    >>> len(grid), [tile.name for tile in grid][:4]
    (8, ['0_0', '0_144', '128_0', '128_144'])
    >>> TileGrid(rows=200, columns=300, size=256, stride=128)
    Traceback (most recent call last):
    fringeflow.errors.ProductError: a raster of 200 x 300 pixels is smaller than a tile of 256 x 256; lower the tiling's size or drop the interferogram
    """

    rows: int
    columns: int
    size: int
    stride: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < self.size:
            raise ProductError(
                f"a raster of {self.rows} x {self.columns} pixels is smaller than a tile of {self.size} x {self.size}; "
                "lower the tiling's size or drop the interferogram"
            )

    def __len__(self) -> int:
        return len(starts(self.rows, self.size, self.stride)) * len(starts(self.columns, self.size, self.stride))

    def __iter__(self) -> Iterator[Tile]:
        columns = starts(self.columns, self.size, self.stride)
        for row in starts(self.rows, self.size, self.stride):
            for column in columns:
                yield Tile(row, column, self.size)


@dataclass(frozen=True)
class Bounds:
    """A box in degrees.

    >>> Bounds(west=22.0, south=39.0, east=23.0, north=40.0).centre
    (39.5, 22.5)
    """

    west: float
    south: float
    east: float
    north: float

    @property
    def centre(self) -> tuple[float, float]:
        """Latitude and longitude of the centre, degrees."""
        return (self.south + self.north) / 2, (self.west + self.east) / 2


@dataclass(frozen=True)
class GeoGrid:
    """A raster in longitude and latitude, north up; bounds are those of pixel areas.

    Parameters
    ----------
    west, north : float
        Outer corner of the upper-left pixel, degrees.
    dx, dy : float
        Pixel size in longitude and latitude, degrees, both positive.
    rows, columns : int

    Examples
    --------
    >>> grid = GeoGrid(west=22.0, north=40.0, dx=0.001, dy=0.001, rows=640, columns=768)
    >>> grid.bounds(Tile(row=128, column=256, size=256))
    Bounds(west=22.256, south=39.616, east=22.512, north=39.872)
    """

    west: float
    north: float
    dx: float
    dy: float
    rows: int
    columns: int

    @classmethod
    def from_centres(cls, latitude: np.ndarray, longitude: np.ndarray) -> "GeoGrid":
        """Build from the coordinates of pixel centres, latitude descending, at least two each.

        >>> GeoGrid.from_centres(np.array([39.5, 38.5]), np.array([20.5, 21.5, 22.5]))
        GeoGrid(west=20.0, north=40.0, dx=1.0, dy=1.0, rows=2, columns=3)
        """
        dx = float(longitude[-1] - longitude[0]) / (longitude.size - 1)
        dy = float(latitude[0] - latitude[-1]) / (latitude.size - 1)
        return cls(float(longitude[0]) - dx / 2, float(latitude[0]) + dy / 2, dx, dy, latitude.size, longitude.size)

    def bounds(self, tile: Tile) -> Bounds:
        """Return the box of a tile, rounded to 1e-9 degree (0.1 mm)."""
        west, north = self.west + tile.column * self.dx, self.north - tile.row * self.dy
        box = (west, north - tile.size * self.dy, west + tile.size * self.dx, north)
        return Bounds(*(round(value, 9) for value in box))
