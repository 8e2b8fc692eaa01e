"""Kilometres around a point of the ellipsoid."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

SEMI_MAJOR_KM = 6378.137
ECCENTRICITY_2 = 6.69437999014e-3
"""WGS 84: semi-major axis and square of the first eccentricity."""
KM_PER_DEG = 111.2
"""A degree of latitude, near enough to choose steps and sizes by."""


def _geocentric(latitude: ArrayLike, longitude: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Return Earth-centred coordinates of points on the ellipsoid, km."""
    phi, lam = np.radians(latitude), np.radians(longitude)
    normal = SEMI_MAJOR_KM / np.sqrt(1.0 - ECCENTRICITY_2 * np.sin(phi) ** 2)
    return normal * np.cos(phi) * np.cos(lam), normal * np.cos(phi) * np.sin(lam), normal * (1.0 - ECCENTRICITY_2) * np.sin(phi)


def east_north_km(
    latitude: ArrayLike, longitude: ArrayLike, *, origin: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return positions on the plane that touches the ellipsoid at `origin`.

    Distances are right to 1e-4 within 150 km of the origin, everywhere on Earth, and the 180th
    meridian is no seam.

    Parameters
    ----------
    latitude, longitude : array_like, degrees, shapes that broadcast
    origin : (float, float)
        Latitude and longitude, degrees.

    Returns
    -------
    east, north : ndarrays of float64, km

    Examples
    --------
    >>> east, north = east_north_km([0.0, 0.1], 0.0, origin=(0.0, 0.0))
    >>> north.round(2).tolist()
    [0.0, 11.06]
    """
    x, y, z = (there - here for there, here in zip(_geocentric(latitude, longitude), _geocentric(*origin), strict=True))
    phi, lam = np.radians(origin[0]), np.radians(origin[1])
    east = -np.sin(lam) * x + np.cos(lam) * y
    north = -np.sin(phi) * (np.cos(lam) * x + np.sin(lam) * y) + np.cos(phi) * z
    return east, north
