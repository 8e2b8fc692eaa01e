"""What volcanoes leave in an interferogram: round fringes that no earthquake made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fringeflow.deformation.line_of_sight import phase_of_displacement
from fringeflow.deformation.local import east_north_km
from fringeflow.deformation.model import displaced
from fringeflow.deformation.source import Rectangle

POISSON = 0.25


@dataclass(frozen=True)
class PointSource:
    """A small magma chamber that inflates or deflates (Mogi 1958).

    Attributes
    ----------
    latitude, longitude : float
        Degrees.
    depth_km : float
    volume_m3 : float
        Change of volume; negative deflates.
    """

    latitude: float
    longitude: float
    depth_km: float
    volume_m3: float


@dataclass(frozen=True)
class Sill(Rectangle):
    """A sheet that opens or closes, level or nearly so: a tensile dislocation (Okada 1985).

    Attributes
    ----------
    latitude, longitude : float
        Of its centre, degrees.
    depth_km : float
        Of its centre; the sheet lies below the surface as a whole.
    strike_deg, dip_deg : float
    length_km, width_km : float
    opening_m : float
        Negative closes.
    """

    opening_m: float


def volcanic_phase(
    source: PointSource | Sill, towards: NDArray[np.float64], latitude: NDArray[np.float64], longitude: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Model the unwrapped phase of a volcanic source.

    Parameters
    ----------
    source : PointSource or Sill
    towards : ndarray of float64, shape (3,)
        As from `towards_satellite`.
    latitude, longitude : ndarrays, degrees, shapes that broadcast

    Returns
    -------
    ndarray of float32, the broadcast shape, radians
        Positive where the range increases.

    References
    ----------
    Mogi, K. (1958). Relations between the eruptions of various volcanoes and the deformations of the ground surfaces around
    them. Bulletin of the Earthquake Research Institute 36, 99-134; as Segall (2010), Earthquake and Volcano Deformation, equation 7.14.
    Okada, Y. (1985). BSSA 75(4), 1135-1154.
    """
    if isinstance(source, Sill):
        east, north, up = displaced(source, latitude, longitude, tensile=source.opening_m)
    else:
        east_km, north_km = east_north_km(latitude, longitude, origin=(source.latitude, source.longitude))
        cube_m2 = (east_km**2 + north_km**2 + source.depth_km**2) ** 1.5 * 1e6  # km cubed over the km of the numerator, in m2
        strength = (1.0 - POISSON) * source.volume_m3 / np.pi / cube_m2
        east, north, up = strength * east_km, strength * north_km, strength * source.depth_km
    return phase_of_displacement(east, north, up, towards).astype(np.float32)
