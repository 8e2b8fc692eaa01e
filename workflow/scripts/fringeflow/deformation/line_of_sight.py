"""From ground displacement to interferometric phase, for a radar that looks to the right."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fringeflow.config.tables import Interferogram
from fringeflow.licsar.names import INCIDENCE_DEG, WAVELENGTH_M, heading_deg


def towards_satellite(heading_deg: float, incidence_deg: float) -> NDArray[np.float64]:
    """Return the unit vector from the ground to the satellite.

    Parameters
    ----------
    heading_deg : float
        Flight direction, degrees clockwise from north.
    incidence_deg : float
        Angle between the vertical and the ray at the ground, degrees.

    Returns
    -------
    ndarray of float64, shape (3,)
        East, north, up. Sentinel-1 looks to the right, so it stands to the left of what it sees: west
        on ascending passes and east on descending ones.

    Examples
    --------
    >>> towards_satellite(0.0, 30.0).round(3).tolist()
    [-0.5, 0.0, 0.866]
    """
    heading, incidence = np.radians(heading_deg), np.radians(incidence_deg)
    return np.array([-np.sin(incidence) * np.cos(heading), np.sin(incidence) * np.sin(heading), np.cos(incidence)])


def line_of_sight(interferogram: Interferogram) -> NDArray[np.float64]:
    """Return `towards_satellite` of an interferogram; typical Sentinel-1 angles stand in where its row has none."""
    heading = interferogram.heading_deg if interferogram.heading_deg is not None else heading_deg(interferogram.frame)
    incidence = interferogram.incidence_deg if interferogram.incidence_deg is not None else INCIDENCE_DEG
    return towards_satellite(heading, incidence)


def phase_of_displacement(east: ArrayLike, north: ArrayLike, up: ArrayLike, towards: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the phase change of a displacement, in LiCSAR's sign.

    A LiCSAR `unw` is positive where the range increases, that is where the ground moves away from the
    satellite: phase = -4 pi / wavelength (displacement . towards).

    Parameters
    ----------
    east, north, up : array_like, metres
    towards : ndarray, shape (3,)
        As from `towards_satellite`.

    Returns
    -------
    ndarray of float64, the shape of the displacement, radians

    Examples
    --------
    Uplift by half a wavelength is one fringe towards the satellite:

    >>> bool(np.isclose(phase_of_displacement(0, 0, 0.05546576 / 2, np.array([0, 0, 1])), -2 * np.pi))
    True
    """
    closer = towards[0] * np.asarray(east) + towards[1] * np.asarray(north) + towards[2] * np.asarray(up)
    return -4.0 * np.pi / WAVELENGTH_M * closer
