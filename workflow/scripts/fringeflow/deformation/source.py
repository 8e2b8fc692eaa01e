"""From a catalogue's earthquake to a rectangular fault, by scaling laws."""

from dataclasses import dataclass

import numpy as np

from fringeflow.config.tables import Event
from fringeflow.errors import ConfigError

RIGIDITY_PA = 3.0e10
"""Shear modulus of the crust."""
SHALLOWEST_TOP_KM = 0.5
"""Where a fault derived from a catalogue must end below the surface."""

# Wells and Coppersmith (1994), table 2A: log10 of subsurface rupture length and down-dip width, km = a + b Mw.
SCALING = {
    "strike_slip": ((-2.57, 0.62), (-0.76, 0.27)),
    "reverse": ((-2.42, 0.58), (-1.61, 0.41)),
    "normal": ((-1.88, 0.50), (-1.14, 0.35)),
}


@dataclass(frozen=True)
class Rectangle:
    """Where a dislocation lies: its centre, its attitude and its size."""

    latitude: float
    longitude: float
    depth_km: float
    strike_deg: float
    dip_deg: float
    length_km: float
    width_km: float


@dataclass(frozen=True)
class Fault(Rectangle):
    """Uniform slip on a rectangle; angles as Aki and Richards have them.

    Attributes
    ----------
    latitude, longitude : float
        Surface point above the rectangle's centre, degrees.
    depth_km : float
        Depth of the centre.
    strike_deg, dip_deg, rake_deg : float
        The plane dips to the right of strike; rake 0 is left-lateral, 90 reverse.
    length_km, width_km : float
        Along strike and down dip.
    slip_m : float

    Raises
    ------
    ValueError
        If the rectangle is empty or rises above the surface.
    """

    rake_deg: float
    slip_m: float

    def __post_init__(self) -> None:
        if not (self.length_km > 0 and self.width_km > 0):
            raise ValueError(f"a fault needs length_km ({self.length_km}) and width_km ({self.width_km}) above 0")
        if self.top_km < -1e-9:
            raise ValueError(f"the fault's upper edge lies {-self.top_km:.3g} km above the surface: deepen its centre or narrow it")

    @property
    def top_km(self) -> float:
        """Depth of the upper edge."""
        return self.depth_km - 0.5 * self.width_km * float(np.sin(np.radians(self.dip_deg)))

    @property
    def moment_nm(self) -> float:
        """Seismic moment, N m: rigidity times area times slip."""
        return RIGIDITY_PA * self.length_km * 1e3 * self.width_km * 1e3 * abs(self.slip_m)

    @property
    def magnitude(self) -> float:
        """Moment magnitude."""
        return (float(np.log10(self.moment_nm)) - 9.1) / 1.5


def seismic_moment_nm(magnitude: float) -> float:
    """Return the seismic moment of a moment magnitude, N m.

    References
    ----------
    Hanks and Kanamori (1979), in the form of IASPEI (2013): Mw = (log10(M0) - 9.1) / 1.5.

    Examples
    --------
    >>> f"{seismic_moment_nm(6.0):.3g}"
    '1.26e+18'
    """
    return float(10.0 ** (1.5 * magnitude + 9.1))


def mechanism(rake_deg: float) -> str:
    """Name the kind of faulting by the rake.

    >>> [mechanism(rake) for rake in (-90, 10, 180, 80, 270)]
    ['normal', 'strike_slip', 'strike_slip', 'reverse', 'normal']
    """
    along_dip = float(np.sin(np.radians(rake_deg)))
    if abs(along_dip) < np.sqrt(0.5):
        return "strike_slip"
    return "reverse" if along_dip > 0 else "normal"


def fault_from_event(event: Event) -> Fault:
    """Build the rectangle that the scaling laws expect of an earthquake, see `scaled_fault`.

    Parameters
    ----------
    event : Event
        An earthquake with strike, dip and rake.

    Returns
    -------
    Fault

    Raises
    ------
    ConfigError
        If the event is no earthquake or has no mechanism.
    """
    if event.magnitude is None:
        raise ConfigError([f"event '{event.event}' is no earthquake (it has no magnitude), so nothing can be modelled for it"])
    if event.strike_deg is None or event.dip_deg is None or event.rake_deg is None:
        raise ConfigError(
            [f"event '{event.event}' has no mechanism: a dislocation needs strike_deg, dip_deg and rake_deg in the events table"]
        )
    assert event.latitude is not None and event.longitude is not None and event.depth_km is not None  # Event checks it
    return scaled_fault(
        event.magnitude,
        latitude=event.latitude,
        longitude=event.longitude,
        depth_km=event.depth_km,
        strike_deg=event.strike_deg,
        dip_deg=event.dip_deg,
        rake_deg=event.rake_deg,
    )


def scaled_fault(
    magnitude: float, *, latitude: float, longitude: float, depth_km: float, strike_deg: float, dip_deg: float, rake_deg: float
) -> Fault:
    """Build the rectangle that the scaling laws expect of a magnitude and a mechanism.

    Length and width follow Wells and Coppersmith (1994) for the kind of faulting; the slip is what is
    left to make up the seismic moment. The rectangle is centred on the hypocentre. Where it would
    reach above `SHALLOWEST_TOP_KM` its centre moves straight down until it does not, because a
    catalogue's depth is its least certain number; its size, slip and moment stay.

    Parameters
    ----------
    magnitude : float
        Moment magnitude.
    latitude, longitude, depth_km : float
        Hypocentre, degrees and km.
    strike_deg, dip_deg, rake_deg : float

    Returns
    -------
    Fault

    References
    ----------
    Wells, D. L. and Coppersmith, K. J. (1994). New empirical relationships among magnitude, rupture
    length, rupture width, rupture area, and surface displacement. BSSA 84(4), 974-1002.
    """
    (length_a, length_b), (width_a, width_b) = SCALING[mechanism(rake_deg)]
    length_km = 10.0 ** (length_a + length_b * magnitude)
    width_km = 10.0 ** (width_a + width_b * magnitude)
    half_height_km = 0.5 * width_km * float(np.sin(np.radians(dip_deg)))
    return Fault(
        latitude=latitude,
        longitude=longitude,
        depth_km=max(depth_km, SHALLOWEST_TOP_KM + half_height_km),
        strike_deg=strike_deg,
        dip_deg=dip_deg,
        rake_deg=rake_deg,
        length_km=length_km,
        width_km=width_km,
        slip_m=seismic_moment_nm(magnitude) / (RIGIDITY_PA * length_km * 1e3 * width_km * 1e3),
    )
