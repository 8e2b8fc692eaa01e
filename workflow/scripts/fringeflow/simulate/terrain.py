"""The ground below a simulated earthquake: heights, sea, and how fast each place decorrelates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fringeflow.simulate.fields import Field, power_law_field
from fringeflow.simulate.streams import stream

TOPOGRAPHY_EXPONENT = 4.0
"""Of the power over an area; a profile has one less (Turcotte 1997 finds 2; eroded land is smoother)."""


@dataclass(frozen=True)
class Terrain:
    """A piece of ground.

    Attributes
    ----------
    height_km : ndarray of float32, shape (rows, columns)
        Above the sea or the lowest valley; 0 on water.
    water : ndarray of bool, shape (rows, columns)
    fading : ndarray of float32, shape (rows, columns)
        How fast the surface decorrelates, relative to the median: rock below 1, crops and forest far above.
    """

    height_km: Field
    water: NDArray[np.bool_]
    fading: Field

    def window(self, row: int, column: int, rows: int, columns: int) -> "Terrain":
        """Cut out a part."""
        part = np.s_[row : row + rows, column : column + columns]
        return Terrain(self.height_km[part], self.water[part], self.fading[part])


def terrain(seed: int, event: str, shape: tuple[int, int], pixel_km: tuple[float, float], *, water: float) -> Terrain:
    """Draw the ground around an event's epicentre, which lies at its centre.

    Parameters
    ----------
    seed : int
    event : str
        Every frame that sees the event sees the same ground.
    shape : (rows, columns)
    pixel_km : (float, float)
        Height and width of a pixel.
    water : float
        Probability that there is sea. The epicentre lies on land.

    Returns
    -------
    Terrain
    """
    rng = stream(seed, event, "terrain")
    shape_of_land = power_law_field(rng, shape, pixel_km, exponents=[TOPOGRAPHY_EXPONENT], outer_km=60.0)
    relief_km = float(np.clip(rng.lognormal(np.log(1.1), 0.5), 0.3, 3.0))
    has_sea = bool(rng.random() < water)
    north_km = (0.5 * (shape[0] - 1) - np.arange(shape[0]))[:, None] * pixel_km[0]
    east_km = (np.arange(shape[1]) - 0.5 * (shape[1] - 1))[None, :] * pixel_km[1]
    seaward = rng.uniform(0.0, 2.0 * np.pi)
    to_coast_km = rng.uniform(16.0, 38.0)
    land = np.float32(0.5) * shape_of_land + np.float32(1.2)
    if has_sea:
        offshore_km = east_km * np.sin(seaward) + north_km * np.cos(seaward) - to_coast_km
        near = np.exp(-0.5 * (east_km**2 + north_km**2) / 12.0**2)
        land = land - np.float32(1.2) + (-offshore_km / 14.0 + near).astype(np.float32)
    is_water = land < 0 if has_sea else np.zeros(shape, dtype=np.bool_)
    height = np.maximum(land - (0.0 if has_sea else land.min()), 0.0)
    height = relief_km * height / max(float(np.quantile(height, 0.97)), 1e-6)
    height += _volcanoes(rng, east_km, north_km)
    patches = power_law_field(rng, shape, pixel_km, exponents=[3.2, 2.2], breaks_km=[2.0], outer_km=25.0)
    patchiness = rng.uniform(1.0, 2.2)
    fading = np.exp(patchiness * patches - 0.25 * height / max(relief_km, 0.5))
    height[is_water] = 0.0
    return Terrain(height.astype(np.float32), is_water, fading.astype(np.float32))


def _volcanoes(rng: np.random.Generator, east_km: Field, north_km: Field) -> Field:
    """Raise up to two cones, whose stratified delay looks like fringes of an earthquake; km."""
    height = np.zeros((north_km.shape[0], east_km.shape[1]), dtype=np.float32)
    for _ in range(int(rng.choice(3, p=[0.55, 0.3, 0.15]))):
        east, north = rng.uniform(-40.0, 40.0, size=2)
        top_km, radius_km = rng.uniform(0.8, 2.5), rng.uniform(4.0, 9.0)
        distance = np.hypot(east_km - east, north_km - north)
        height += (top_km * np.exp(-distance / radius_km) * np.minimum(1.0, 0.8 + distance / 5.0)).astype(np.float32)
    return height
