"""From overlapping windows to one probability a pixel.

A pixel's probability is the mean of those of the windows over it, weighted by where in each it lies:

    P(y, x) = sum_k w(y - r_k) w(x - c_k) p_k / sum_k w(y - r_k) w(x - c_k)

over the windows k with upper-left pixel (r_k, c_k) that were scored. w is a Hann taper with a floor: a window says most
about its middle, and where a single one lies over a pixel its own probability stands. As windows lie on a grid and the
weight is a product, both sums are products of three matrices, and a band of rows needs only its own rows of the first.
"""

from collections.abc import Sequence

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


class Blend:
    """Blended windows, for any band of rows.

    Parameters
    ----------
    grid : TileGrid
        On which the windows lie.
    tiles : sequence of Tile
        Those that were scored.
    scores : ndarray, shape (len(tiles),)
    """

    def __init__(self, grid: TileGrid, tiles: Sequence[Tile], scores: np.ndarray):
        down, across = (np.array(starts(length, grid.size, grid.stride)) for length in (grid.rows, grid.columns))
        place = np.searchsorted(down, [tile.row for tile in tiles]), np.searchsorted(across, [tile.column for tile in tiles])
        score, scored = np.zeros((2, len(down), len(across)))
        score[place], scored[place] = scores, 1
        self._weight, self._down = taper(grid.size), down
        sideways = _spread(across, self._weight, grid.columns)
        self._score, self._scored = score @ sideways, scored @ sideways

    def rows(self, first: int, stop: int) -> np.ndarray:
        """Return some rows, float32 of shape (stop - first, columns).

        NaN where no window lies; never above the largest of the scores over a pixel. May be called from several threads.
        """
        near = slice(*np.searchsorted(self._down, (first - len(self._weight), stop - 1), side="right"))
        upright = _spread(self._down[near] - first, self._weight, stop - first).T
        # Not by BLAS: of matrices as narrow as these its threads make thirty times as much work, and most of that is waiting.
        total, share = (np.einsum("rw,wc->rc", upright, part[near]) for part in (self._score, self._scored))
        return np.divide(total, share, out=np.full_like(total, np.nan), where=share > 0).astype(np.float32)


def _spread(begins: np.ndarray, weight: np.ndarray, length: int) -> np.ndarray:
    """Return a window's weights at its place along an axis, shape (len(begins), length); what sticks out is cut."""
    place = np.arange(length) - begins[:, None]
    inside = (place >= 0) & (place < len(weight))
    return np.where(inside, weight[np.where(inside, place, 0)], 0.0)
