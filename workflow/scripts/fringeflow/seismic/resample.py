"""Fitting a picture of any size into one of a fixed size by the mean over areas, NaN aside."""

from functools import lru_cache

import numpy as np
from scipy import sparse


@lru_cache(maxsize=64)
def area_weights(size: int, wanted: int) -> sparse.csr_array:
    """Return how much each of `size` cells adds to each of `wanted` cells of equal length over the same stretch.

    Parameters
    ----------
    size, wanted : int

    Returns
    -------
    csr_array of float32, shape (wanted, size)
        Rows sum to 1.

    Examples
    --------
    >>> area_weights(3, 2).toarray()
    array([[0.6666667 , 0.33333334, 0.        ],
           [0.        , 0.33333334, 0.6666667 ]], dtype=float32)
    """
    # In units in which old cells are `wanted` long and new ones `size`, all edges are whole numbers.
    edges = np.union1d(np.arange(size + 1) * wanted, np.arange(wanted + 1) * size)
    new, old = edges[:-1] // size, edges[:-1] // wanted
    shares = (np.diff(edges) / size).astype(np.float32)
    return sparse.csr_array((shares, (new, old)), shape=(wanted, size))


@lru_cache(maxsize=64)
def line_weights(size: int, wanted: int) -> sparse.csr_array:
    """Return weights like those of `area_weights`, but drawing straight lines between cells where cells are to grow in number.

    Examples
    --------
    >>> line_weights(2, 4).toarray()
    array([[1.  , 0.  ],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.  , 1.  ]], dtype=float32)
    """
    if wanted <= size:
        return area_weights(size, wanted)
    place = np.clip((np.arange(wanted) + 0.5) * size / wanted - 0.5, 0, size - 1)
    below = np.minimum(place.astype(int), max(size - 2, 0))
    above = np.minimum(below + 1, size - 1)
    share = (place - below).astype(np.float32)
    rows = np.arange(wanted)
    places = (np.concatenate([rows, rows]), np.concatenate([below, above]))
    return sparse.csr_array((np.concatenate([1 - share, share]), places), shape=(wanted, size))


def resampled(picture: np.ndarray, down: sparse.csr_array, across: sparse.csr_array) -> np.ndarray:
    """Return the weighted means of a picture's values along both axes.

    Parameters
    ----------
    picture : ndarray of float32, shape (rows, columns)
        NaN marks no data.
    down, across : csr_array
        From `area_weights` or `line_weights`.

    Returns
    -------
    ndarray of float32
        The means are over what has data; NaN where at most half of a new cell's weight has.
    """
    seen = np.isfinite(picture)
    if seen.all():
        return np.ascontiguousarray(_both(picture, down, across))
    share = _both(seen.astype(np.float32), down, across)
    total = _both(np.where(seen, picture, np.float32(0)), down, across)
    enough = share > 0.5 + 1e-4  # as float32 adds up a half
    return np.where(enough, total / np.where(enough, share, 1), np.float32(np.nan)).astype(np.float32)


def _both(picture: np.ndarray, down: sparse.csr_array, across: sparse.csr_array) -> np.ndarray:
    """Apply weights along both axes, first those that leave less."""
    if down.shape[0] * picture.shape[1] <= picture.shape[0] * across.shape[0]:
        return (across @ (down @ picture).T).T
    return down @ (across @ picture.T).T
