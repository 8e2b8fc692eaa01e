"""Simulated tiles as a stream: made by processes of their own, in the order of their numbers, and never stored."""

import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from fringeflow.config.interferograms import LabelRule
from fringeflow.job import THREAD_VARIABLES
from fringeflow.pretraining.tiles import Tiles, scene_tiles

CHUNK = 16
"""Scenes that a process makes at a time."""


def chunk_of(seed: int, first: int, scenes: int, tile: int, count: int, input_size: int, rule: LabelRule, view: str) -> Tiles:
    """Return the tiles of some scenes, in order."""
    cut: dict[str, Any] = {"tile": tile, "count": count, "input_size": input_size, "rule": rule, "view": view}
    return Tiles.joined([scene_tiles(seed, first + number, **cut) for number in range(scenes)])


def stream_chunks(
    seed: int, scenes: int, *, tile: int, count: int, input_size: int, rule: LabelRule, view: str, processes: int, first: int = 0
) -> Iterator[Tiles]:
    """Yield the tiles of scenes `first` to `scenes`, `CHUNK` scenes at a time.

    Parameters
    ----------
    seed : int
    scenes : int
    tile, count, input_size, rule, view
        As in `scene_tiles`.
    processes : int
        That simulate; how many changes nothing but the time.
    first : int
        The first scene: where a stream goes on.

    Yields
    ------
    Tiles
    """
    waiting: deque[Future[Tiles]] = deque()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_alone) as pool:
        for start in range(first, scenes, CHUNK):
            waiting.append(pool.submit(chunk_of, seed, start, min(CHUNK, scenes - start), tile, count, input_size, rule, view))
            if len(waiting) > 2 * processes:  # enough ahead, and bounded
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _alone() -> None:
    """Leave each process one thread."""
    from threadpoolctl import threadpool_limits

    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    threadpool_limits(1)


def augmented(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return encoded tiles flipped, turned, with the other sign and another constant of the phase.

    All of it is valid for a wrapped and for an unwrapped phase: a constant turns sine and cosine of both, and leaves a level that
    is told about its median.

    Parameters
    ----------
    images : ndarray of float16, shape (n, 3, size, size)
        (sin, cos, level) as from `encode`; the level of a wrapped phase is 0.
    rng : Generator

    Returns
    -------
    ndarray of float32, same shape
    """
    result = images.astype(np.float32)
    for image in result:
        if rng.random() < 0.5:
            image[:] = image[:, ::-1]
        if rng.random() < 0.5:
            image[:] = image[:, :, ::-1]
        if rng.random() < 0.5:
            image[:] = image.transpose(0, 2, 1).copy()
    sign = rng.choice(np.array([-1, 1], np.float32), len(result))[:, None, None]
    angle = rng.uniform(0.0, 2 * np.pi, len(result)).astype(np.float32)[:, None, None]
    sine, cosine = sign * result[:, 0], result[:, 1]
    result[:, 0], result[:, 1] = sine * np.cos(angle) + cosine * np.sin(angle), cosine * np.cos(angle) - sine * np.sin(angle)
    result[:, 2] = sign * result[:, 2] + np.float32(0)  # no -0
    return result
