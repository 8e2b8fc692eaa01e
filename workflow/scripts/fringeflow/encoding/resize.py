"""Resizing by averaging: every input pixel counts once, so that fine fringes fade instead of aliasing."""

from functools import cache

import numpy as np


@cache
def _weights(length: int, size: int) -> np.ndarray:
    """Return the matrix (size, length) that resizes one axis: overlaps when shrinking, linear when growing."""
    if size <= length:
        edges = np.arange(size + 1) * (length / size)
        starts = np.arange(length)
        overlap = np.minimum(edges[1:, None], starts + 1) - np.maximum(edges[:-1, None], starts)
        matrix = np.clip(overlap, 0, None) * (size / length)
    else:
        centres = np.clip((np.arange(size) + 0.5) * (length / size) - 0.5, 0, length - 1)
        left = np.minimum(centres.astype(int), max(length - 2, 0))
        matrix = np.zeros((size, length))
        matrix[np.arange(size), left] = 1 - (centres - left)
        if length > 1:
            matrix[np.arange(size), left + 1] = centres - left
    return matrix.astype(np.float32)


def resize(planes: np.ndarray, size: int) -> np.ndarray:
    """Resize planes to a square: area average when an axis shrinks, linear interpolation when it grows.

    Parameters
    ----------
    planes : ndarray of float32, shape (..., rows, columns)
        Finite everywhere.
    size : int
        Rows and columns of the result.

    Returns
    -------
    ndarray of float32, shape (..., size, size)
    """
    rows, columns = planes.shape[-2:]
    if rows == columns == size:
        return planes
    if rows % size == 0 and columns % size == 0:
        return _block_means(planes, rows // size, columns // size)
    return np.matmul(np.matmul(_weights(rows, size), planes), _weights(columns, size).T)


def _block_means(planes: np.ndarray, down: int, across: int) -> np.ndarray:
    """Average blocks of whole pixels: the same as the matrices, several times as fast."""
    total = _sums([planes[..., offset::down, :] for offset in range(down)])
    result = _sums([total[..., offset::across] for offset in range(across)])
    result *= np.float32(1 / (down * across))
    return result


def _sums(parts: list[np.ndarray]) -> np.ndarray:
    """Add up arrays; a single one is copied, so that the result is always the caller's own."""
    if len(parts) == 1:
        return parts[0].copy()
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total
