"""Where a simulated product has data: the slanted edges of the swath, and the sea."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fringeflow.simulate.fields import power_law_field

Sea = Literal["nodata", "noise", "scattered"]
EDGE_PROBABILITY = 0.35


def swath(rng: np.random.Generator, shape: tuple[int, int], pixel_km: tuple[float, float], heading_deg: float) -> NDArray[np.bool_]:
    """Return where a frame has data: edges run along and across the flight direction, not along the grid.

    Each of the four edges crosses the grid with some probability; the others lie outside.

    Returns
    -------
    ndarray of bool, `shape`
    """
    north = (0.5 * (shape[0] - 1) - np.arange(shape[0]))[:, None] * pixel_km[0]
    east = (np.arange(shape[1]) - 0.5 * (shape[1] - 1))[None, :] * pixel_km[1]
    heading = np.radians(heading_deg)
    along = east * np.sin(heading) + north * np.cos(heading)
    across = east * np.cos(heading) - north * np.sin(heading)
    inside = np.ones(shape, dtype=np.bool_)
    for distance, size, pixel in zip((along, -along, across, -across), np.repeat(shape, 2), np.repeat(pixel_km, 2), strict=True):
        crosses, where = rng.random() < EDGE_PROBABILITY, rng.uniform(0.86, 1.06)
        if crosses:  # near the middle of that side of the grid, thus cutting off at least a corner
            inside &= distance < where * 0.5 * size * pixel * abs(np.cos(heading))
    return inside


def sea_with_data(rng: np.random.Generator, water: NDArray[np.bool_], pixel_km: tuple[float, float], sea: Sea) -> NDArray[np.bool_]:
    """Return which pixels of the sea hold noise instead of no data.

    `nodata`: none; `noise`: all; `scattered`: some, in clouds of speckle, as where an archive's own mask
    by coherence let a few pass.
    """
    if sea == "nodata" or not water.any():
        return np.zeros_like(water)
    if sea == "noise":
        return water.copy()
    cloud = power_law_field(rng, water.shape, pixel_km, exponents=[2.5], outer_km=40.0)
    chance = 1.0 / (1.0 + np.exp(-4.0 * cloud))
    return water & (rng.random(water.shape, dtype=np.float32) < chance)
