"""Interferograms of one frame over one event, put together from their parts."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fringeflow.config.models import Simulation
from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.local import KM_PER_DEG
from fringeflow.deformation.model import modelled_phase
from fringeflow.errors import ConfigError
from fringeflow.licsar.names import heading_deg
from fringeflow.simulate.atmosphere import Delay, delay
from fringeflow.simulate.coverage import sea_with_data, swath
from fringeflow.simulate.fields import Field
from fringeflow.simulate.noise import gradient_coherence, land_coherence, speckle
from fringeflow.simulate.streams import stream
from fringeflow.simulate.terrain import Terrain, terrain
from fringeflow.simulate.truth import true_fault
from fringeflow.simulate.unwrapping import TWO_PI, trusted_where, unwrapped_phase, wrong_patch

LARGEST_OFFSET = 0.4
"""How far the epicentre may lie from a scene's centre, as a fraction of the scene."""
UNWRAPPED_COHERENCE = 0.3
"""Below this (smoothed) coherence the archive's `unw` is masked."""


@dataclass(frozen=True)
class Product:
    """One simulated interferogram.

    Attributes
    ----------
    wrapped : ndarray of float32, shape (rows, columns), radians
        0 exactly where there is no data, and nowhere else.
    unwrapped : ndarray of float32, radians
        NaN where masked; elsewhere `wrapped` plus whole fringes.
    coherence : ndarray of uint8
        0..255; 0 where there is no data, and nowhere else.
    signal : ndarray of float32, radians
        The truth everywhere: deformation plus delays, without noise, not wrapped.
    """

    wrapped: NDArray[np.float32]
    unwrapped: NDArray[np.float32]
    coherence: NDArray[np.uint8]
    signal: NDArray[np.float32]


@dataclass
class Scene:
    """A frame over an event: its grid, its ground, and its interferograms on demand.

    The grid's position is drawn for each frame, so that the epicentre lies off the centre and some
    tiles hold fringes while others hold none.

    Parameters
    ----------
    event : Event
        Simulated; an earthquake, or an area where nothing happened.
    frame : str
    settings : Simulation
    seed : int

    Attributes
    ----------
    latitude : ndarray of float64, shape (rows,)
        Pixel centres, descending.
    longitude : ndarray of float64, shape (columns,)
    terrain : Terrain
    """

    event: Event
    frame: str
    settings: Simulation
    seed: int
    latitude: NDArray[np.float64] = field(init=False, repr=False)
    longitude: NDArray[np.float64] = field(init=False, repr=False)
    pixel_km: tuple[float, float] = field(init=False)
    terrain: Terrain = field(init=False, repr=False)
    _delays: dict[str, Delay] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        event, settings = self.event, self.settings
        if event.latitude is None or event.longitude is None:
            raise ConfigError([f"event '{event.event}' cannot be simulated without latitude and longitude"])
        rows, columns, step = settings.rows, settings.columns, settings.pixel_deg
        self.pixel_km = (step * KM_PER_DEG, step * KM_PER_DEG * max(float(np.cos(np.radians(event.latitude))), 0.05))
        margin_rows, margin_columns = int(LARGEST_OFFSET * rows), int(LARGEST_OFFSET * columns)
        rng = stream(self.seed, event.event, self.frame, "grid")
        row, column = int(rng.integers(0, 2 * margin_rows + 1)), int(rng.integers(0, 2 * margin_columns + 1))
        canvas = (rows + 2 * margin_rows, columns + 2 * margin_columns)
        ground = terrain(self.seed, event.event, canvas, self.pixel_km, water=settings.water)
        self.terrain = ground.window(row, column, rows, columns)
        top = round(event.latitude / step) + canvas[0] // 2 - row
        left = round(event.longitude / step) - canvas[1] // 2 + column
        self.latitude = step * (top - np.arange(rows, dtype=np.float64))
        self.longitude = step * (left + np.arange(columns, dtype=np.float64))

    def deformation(self, interferogram: Interferogram) -> Field:
        """Return the phase of the true source, radians; zero in a pair that does not span the earthquake."""
        if not interferogram.is_coseismic(self.event):
            return np.zeros((self.settings.rows, self.settings.columns), dtype=np.float32)
        fault = true_fault(self.event, self.settings, self.seed)
        return modelled_phase(self.event, interferogram, self.latitude, self.longitude, fault)

    def delay(self, day: str) -> Delay:
        """Return the delay of one acquisition; drawn once."""
        if day not in self._delays:
            height_km = self.terrain.height_km
            self._delays[day] = delay(self.seed, self.event.event, self.frame, day, height_km, self.pixel_km, self.settings)
        return self._delays[day]

    def interferogram(self, interferogram: Interferogram, deformation: Field | None = None) -> Product:
        """Make one interferogram.

        Parameters
        ----------
        interferogram : Interferogram
            A pair of this frame.
        deformation : ndarray of float32, shape (rows, columns), radians, optional
            Instead of what the true source left.

        Returns
        -------
        Product
        """
        rng = stream(self.seed, self.event.event, self.frame, interferogram.pair, "noise")
        first, second = interferogram.pair.split("_")
        signal = self.deformation(interferogram) if deformation is None else deformation
        signal_coherence = gradient_coherence(signal)
        signal = signal + self.delay(second).total - self.delay(first).total
        days = (interferogram.dates[1] - interferogram.dates[0]).days
        coherence = signal_coherence * land_coherence(
            self.terrain.fading, self.settings.coherence, days=days, weather=float(rng.lognormal(0.0, 0.25))
        )
        coherence[self.terrain.water] = 0.0
        phasor, estimate = speckle(rng, coherence, self.settings.looks)
        phasor *= np.exp(1j * signal)
        valid = self._valid(interferogram)
        wrapped = np.angle(phasor).astype(np.float32)
        trusted = trusted_where(valid, self.terrain.water, estimate, UNWRAPPED_COHERENCE)
        unwrapped = unwrapped_phase(wrapped, signal, trusted, self._error_patch(interferogram))
        tiny = np.float32(1e-6)
        return Product(
            wrapped=np.where(valid, np.where(wrapped == 0.0, tiny, wrapped), np.float32(0.0)),
            unwrapped=np.where(unwrapped == 0.0, tiny, unwrapped),
            coherence=np.where(valid, np.clip(np.rint(255.0 * estimate), 1, 255), 0).astype(np.uint8),
            signal=signal,
        )

    def _valid(self, interferogram: Interferogram) -> NDArray[np.bool_]:
        """Return where the products hold data: the swath is the frame's, speckle at sea the pair's."""
        shape = self.terrain.water.shape
        heading = interferogram.heading_deg if interferogram.heading_deg is not None else heading_deg(self.frame)
        inside = swath(stream(self.seed, self.event.event, self.frame, "swath"), shape, self.pixel_km, heading)
        rng = stream(self.seed, self.event.event, self.frame, "sea")
        sea = rng.choice(["nodata", "noise", "scattered"], p=[0.6, 0.1, 0.3])
        return inside & (~self.terrain.water | sea_with_data(rng, self.terrain.water, self.pixel_km, sea))

    def _error_patch(self, interferogram: Interferogram) -> Field:
        """Return an unwrapping error, in one pair of five: a patch that is a whole fringe off, radians."""
        rng = stream(self.seed, self.event.event, self.frame, interferogram.pair, "unwrapping")
        shape = self.terrain.water.shape
        if rng.random() >= 0.2:
            return np.zeros(shape, dtype=np.float32)
        patch = wrong_patch(rng, shape, self.pixel_km)
        return np.where(patch, TWO_PI * rng.choice([-1, 1]), 0.0).astype(np.float32)
