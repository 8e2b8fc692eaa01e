"""Ground of every kind for scenes to pretrain on: plains and cones, coasts and islands, lava, forest, and swath edges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fringeflow.simulate.coverage import sea_with_data, swath
from fringeflow.simulate.fields import Field, power_law_field

SEA_PROBABILITY = 0.45
CONES = (0.5, 0.25, 0.15, 0.1)
"""Probability of none, one, two and three cones."""
PATCHES_PROBABILITY = 0.45
"""Of land that keeps hardly any coherence, with sharp borders: lava flows, fields, lakes, landslides."""


@dataclass(frozen=True)
class VariedGround:
    """A piece of ground under one interferogram.

    Attributes
    ----------
    height_km : ndarray of float32, shape (rows, columns)
        0 on water.
    water : ndarray of bool
    covered : ndarray of bool
        Where the product holds data: inside the swath, and at sea as an archive has it.
    coherence : ndarray of float32, 0..1
        Of the surface alone; 0 on water.
    """

    height_km: Field
    water: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    coherence: Field


def draw_ground(rng: np.random.Generator, shape: tuple[int, int], pixel_km: tuple[float, float], heading_deg: float) -> VariedGround:
    """Draw the ground of one scene.

    Parameters
    ----------
    rng : Generator
    shape : (rows, columns)
    pixel_km : (float, float)
        Height and width of a pixel.
    heading_deg : float
        Flight direction, along which the swath's edges run.

    Returns
    -------
    VariedGround
        With land on at least an eighth of the scene.
    """
    relief = power_law_field(rng, shape, pixel_km, exponents=[rng.uniform(3.2, 4.4)], outer_km=float(rng.uniform(20.0, 80.0)))
    height = np.float32(rng.lognormal(np.log(0.35), 0.7)) * (relief - relief.min())  # km, from a plain to mountains of 3 km and more
    height += _cones(rng, shape, pixel_km)
    water = np.zeros(shape, bool)
    if rng.random() < SEA_PROBABILITY:
        tilt = _plane(rng, shape) * np.float32(rng.uniform(0.0, 2.5) * max(float(height.std()), 0.05))
        level = height + tilt
        water = level < np.quantile(level, rng.uniform(0.05, 0.85))
        height = np.maximum(level - level[~water].min(), 0.0).astype(np.float32)
    height[water] = 0.0
    fading = power_law_field(rng, shape, pixel_km, exponents=[rng.uniform(2.2, 3.4)], outer_km=25.0)
    typical = rng.beta(5.0, 2.0)  # a median of 0.74
    rate = -np.log(np.clip(typical, 0.1, 0.98)) * np.exp(rng.uniform(0.3, 1.2) * fading)
    coherence = np.exp(-rate).astype(np.float32)
    if rng.random() < PATCHES_PROBABILITY:
        blobs = power_law_field(rng, shape, pixel_km, exponents=[rng.uniform(2.6, 4.5)], outer_km=float(rng.uniform(4.0, 30.0)))
        patches = blobs > np.quantile(blobs, 1.0 - rng.uniform(0.03, 0.5))
        coherence[patches] *= np.float32(rng.choice([0.0, 0.1, 0.3]))
    coherence[water] = 0.0
    sea = rng.choice(["nodata", "noise", "scattered"], p=[0.4, 0.2, 0.4])
    covered = swath(rng, shape, pixel_km, heading_deg) & (~water | sea_with_data(rng, water, pixel_km, sea))
    return VariedGround(height, water, covered, coherence)


def _plane(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Return a plane in a direction drawn at random, from about -1 to 1 over the scene."""
    direction = rng.uniform(0.0, 2.0 * np.pi)
    down, across = np.linspace(-1, 1, shape[0], dtype=np.float32)[:, None], np.linspace(-1, 1, shape[1], dtype=np.float32)[None, :]
    return (np.sin(direction) * down + np.cos(direction) * across).astype(np.float32)


def _cones(rng: np.random.Generator, shape: tuple[int, int], pixel_km: tuple[float, float]) -> Field:
    """Raise volcanic cones, at times with a caldera on top; km."""
    height = np.zeros(shape, dtype=np.float32)
    down = np.arange(shape[0], dtype=np.float32)[:, None] * np.float32(pixel_km[0])
    across = np.arange(shape[1], dtype=np.float32)[None, :] * np.float32(pixel_km[1])
    for _ in range(int(rng.choice(len(CONES), p=CONES))):
        top_km, radius_km = rng.uniform(0.5, 3.0), rng.uniform(3.0, 12.0)
        stretch = rng.uniform(0.7, 1.4)
        distance = np.hypot((down - rng.uniform(0, down[-1, 0])) * stretch, across - rng.uniform(0, across[0, -1]))
        cone = top_km * np.exp(-distance / radius_km)
        if rng.random() < 0.5:
            cone = np.minimum(cone, top_km * rng.uniform(0.55, 0.9))
        height += cone.astype(np.float32)
    return height
