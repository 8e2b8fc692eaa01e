"""What delays the radar on its way: turbulence, stratification, and errors of the orbit."""

from dataclasses import dataclass

import numpy as np

from fringeflow.config.models import Simulation
from fringeflow.simulate.fields import Field, power_law_field
from fringeflow.simulate.streams import stream

# Hanssen (2001), section 4.7: a profile's power falls with the exponents 5/3 above and 8/3 below the
# thickness of the turbulent layer (his regimes I and II); over an area each is one more.
TURBULENCE_EXPONENTS = (8 / 3, 11 / 3)
LAYER_KM = (2.0, 8.0)
OUTER_KM = (25.0, 90.0)


@dataclass(frozen=True)
class Delay:
    """The phase of one acquisition in three parts, each of shape (rows, columns), radians."""

    turbulent: Field
    stratified: Field
    ramp: Field

    @property
    def total(self) -> Field:
        """Their sum."""
        return self.turbulent + self.stratified + self.ramp


def delay(seed: int, event: str, frame: str, day: str, height_km: Field, pixel_km: tuple[float, float], settings: Simulation) -> Delay:
    """Draw the delay of one acquisition; an interferogram has the second day's less the first day's.

    Parameters
    ----------
    seed : int
    event, frame, day : str
        An acquisition: pairs that share it share its delay, as real ones do.
    height_km : ndarray of float32, shape (rows, columns)
    pixel_km : (float, float)
    settings : Simulation
        Its standard deviations hold for pairs, thus 1 / sqrt(2) of them for one acquisition.

    Returns
    -------
    Delay

    References
    ----------
    Hanssen, R. F. (2001). Radar Interferometry: Data Interpretation and Error Analysis. Kluwer.
    """
    rng = stream(seed, event, frame, day, "delay")
    rows, columns = height_km.shape
    single = np.sqrt(0.5)
    spread = 0.35
    strength = settings.turbulence_rad * single * rng.lognormal(-(spread**2), spread)  # mean square as set
    turbulent = power_law_field(
        rng,
        (rows, columns),
        pixel_km,
        exponents=TURBULENCE_EXPONENTS,
        breaks_km=[float(rng.uniform(*LAYER_KM))],
        outer_km=float(rng.uniform(*OUTER_KM)),
    )
    per_km = settings.stratified_rad_per_km * single * rng.standard_normal()
    slope = settings.ramp_rad * single * rng.standard_normal()
    direction = rng.uniform(0.0, 2.0 * np.pi)
    down, across = np.linspace(-0.5, 0.5, rows)[:, None], np.linspace(-0.5, 0.5, columns)[None, :]
    return Delay(
        turbulent=(strength * turbulent).astype(np.float32),
        stratified=(per_km * height_km).astype(np.float32),
        ramp=(slope * (np.cos(direction) * across + np.sin(direction) * down)).astype(np.float32),
    )
