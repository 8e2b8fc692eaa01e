"""From overlapping windows to one probability a pixel.

A pixel's probability is the mean of those of the windows over it, weighted by where in each it lies:

    P(y, x) = sum_k w(y - r_k) w(x - c_k) p_k / sum_k w(y - r_k) w(x - c_k)

over the windows k with upper-left pixel (r_k, c_k) that were scored. w is a Hann taper with a floor: a window says most
about its middle, and where a single one lies over a pixel its own probability stands. As windows lie on a grid and the
weight is a product, both sums are products of three matrices, and a band of rows needs only its own rows of the first.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from fringeflow.insar.tiling import Tile, TileGrid, starts

FLOOR = 0.01
"""Weight at a window's rim over that in its middle, along one axis: above 0, so that corners of a raster are told too."""


def taper(size: int) -> np.ndarray:
    """Return weights along one axis of a window, shape (size,): sin^2 at pixel centres, at least `FLOOR`.

    >>> taper(4).round(3).tolist()
    [0.146, 0.854, 0.854, 0.146]
    """
    return np.maximum(np.sin(np.pi * (np.arange(size) + 0.5) / size) ** 2, FLOOR)


def blend(grid: TileGrid, tiles: Sequence[Tile], scores: np.ndarray, *, rows: int = 512) -> Iterator[np.ndarray]:
    """Blend windows, a band of rows at a time.

    Parameters
    ----------
    grid : TileGrid
        On which the windows lie.
    tiles : sequence of Tile
        Those that were scored.
    scores : ndarray, shape (len(tiles),)
    rows : int
        Of a band.

    Yields
    ------
    ndarray of float32, shape (rows or fewer, columns)
        From the top down; NaN where no window lies. Never above the largest of the scores over a pixel.
    """
    down, across = (np.array(starts(length, grid.size, grid.stride)) for length in (grid.rows, grid.columns))
    place = np.searchsorted(down, [tile.row for tile in tiles]), np.searchsorted(across, [tile.column for tile in tiles])
    score, scored = np.zeros((2, len(down), len(across)))
    score[place], scored[place] = scores, 1
    weight = taper(grid.size)
    sideways = _spread(across, weight, grid.columns)
    score, scored = score @ sideways, scored @ sideways
    for first in range(0, grid.rows, rows):
        stop = min(first + rows, grid.rows)
        near = np.flatnonzero((down < stop) & (down + grid.size > first))
        upright = _spread(down[near] - first, weight, stop - first).T
        total, share = upright @ score[near], upright @ scored[near]
        yield np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0).astype(np.float32)


def _spread(begins: np.ndarray, weight: np.ndarray, length: int) -> np.ndarray:
    """Return a window's weights at its place along an axis, shape (len(begins), length); what sticks out is cut."""
    place = np.arange(length) - begins[:, None]
    inside = (place >= 0) & (place < len(weight))
    return np.where(inside, weight[np.where(inside, place, 0)], 0.0)
