"""Batches that are too many for memory, read from disk while the one before is worked on."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from fringeflow.training.features import Features

AHEAD = 2
"""Batches that are read while one is worked on."""


def read_ahead(features: Features, parts: Sequence[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield some rows and their features, read by another thread a few parts ahead.

    Parameters
    ----------
    features : Features
    parts : sequence of ndarray of int
        Rows of each part.

    Yields
    ------
    rows : ndarray of int
    values : ndarray of float32, shape (len(rows), *shape)
    """
    waiting: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
    with ThreadPoolExecutor(1) as pool:
        for rows in parts:
            waiting.append((rows, pool.submit(features.take, rows)))
            if len(waiting) > AHEAD:
                rows, read = waiting.popleft()
                yield rows, read.result()
        while waiting:
            rows, read = waiting.popleft()
            yield rows, read.result()


def in_parts(count: int, step: int) -> list[np.ndarray]:
    """Return the numbers from 0 to `count` in parts of `step`."""
    return [np.arange(first, min(first + step, count)) for first in range(0, count, step)]
