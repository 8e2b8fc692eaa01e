"""The phase that an earthquake should leave in an interferogram."""

import numpy as np
from numpy.typing import NDArray

from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.line_of_sight import line_of_sight, phase_of_displacement
from fringeflow.deformation.local import KM_PER_DEG, east_north_km
from fringeflow.deformation.okada import surface_displacement
from fringeflow.deformation.source import Fault, Rectangle, fault_from_event
from fringeflow.deformation.spline import spline_matrix

NODES_PER_DEPTH = 5.0
"""Nodes of the coarse grid within a distance equal to the nearest possible depth of slip."""


def modelled_phase(
    event: Event,
    interferogram: Interferogram,
    latitude: NDArray[np.floating],
    longitude: NDArray[np.floating],
    fault: Fault | None = None,
) -> NDArray[np.float32]:
    """Model the unwrapped coseismic phase on a grid.

    Whether the pair spans the earthquake is the caller's to know (`Interferogram.is_coseismic`).

    Parameters
    ----------
    event : Event
        An earthquake with a mechanism; only read when no `fault` is given.
    interferogram : Interferogram
        Its heading and incidence angle give the line of sight.
    latitude : ndarray, shape (rows,), degrees
        Pixel centres, monotonic either way.
    longitude : ndarray, shape (columns,), degrees
    fault : Fault, optional
        The source; by default what scaling laws make of the event.

    Returns
    -------
    ndarray of float32, shape (rows, columns), radians
        Positive where the range increases; zero far away, not wrapped.

    Raises
    ------
    ConfigError
        If the event has no mechanism and no fault is given.
    """
    return phase_of_fault(fault if fault is not None else fault_from_event(event), line_of_sight(interferogram), latitude, longitude)


def phase_of_fault(
    fault: Fault, towards: NDArray[np.float64], latitude: NDArray[np.floating], longitude: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Model a fault's unwrapped phase on a grid: exactly near the fault, interpolated where it is smooth.

    Parameters
    ----------
    fault : Fault
    towards : ndarray, shape (3,)
        As from `towards_satellite`.
    latitude : ndarray, shape (rows,), degrees
        Pixel centres, monotonic either way.
    longitude : ndarray, shape (columns,), degrees

    Returns
    -------
    ndarray of float32, shape (rows, columns), radians
    """
    half_east, half_north = _footprint(fault)
    north_km = (np.asarray(latitude, dtype=np.float64) - fault.latitude) * KM_PER_DEG
    east_km = _around(np.asarray(longitude, dtype=np.float64) - fault.longitude) * KM_PER_DEG * np.cos(np.radians(fault.latitude))
    rows, columns = _nodes(north_km, half_north, fault.top_km), _nodes(east_km, half_east, fault.top_km)
    coarse = phase_at(fault, towards, latitude[rows][:, None], longitude[columns][None, :])
    over_columns = coarse.astype(np.float32) @ _spline(columns, longitude.size).T
    return _spline(rows, latitude.size) @ over_columns


def phase_at(
    fault: Fault, towards: NDArray[np.float64], latitude: NDArray[np.floating], longitude: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Evaluate a fault's phase at points, without interpolation.

    Parameters
    ----------
    fault : Fault
    towards : ndarray, shape (3,)
        As from `towards_satellite`.
    latitude, longitude : ndarrays, degrees, shapes that broadcast

    Returns
    -------
    ndarray of float64, the broadcast shape, radians
    """
    rake = np.radians(fault.rake_deg)
    slip = {"strike_slip": fault.slip_m * float(np.cos(rake)), "dip_slip": fault.slip_m * float(np.sin(rake))}
    return phase_of_displacement(*displaced(fault, latitude, longitude, **slip), towards)


def displaced(
    rectangle: Rectangle, latitude: NDArray[np.floating], longitude: NDArray[np.floating], **dislocation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the displacement of the ground east, north and up, metres, by a rectangle's `dislocation` (see `surface_displacement`)."""
    east, north = east_north_km(latitude, longitude, origin=(rectangle.latitude, rectangle.longitude))
    strike, dip = np.radians([rectangle.strike_deg, rectangle.dip_deg])
    along = east * np.sin(strike) + north * np.cos(strike)
    left = -east * np.cos(strike) + north * np.sin(strike)
    # Okada's origin lies above the corner of the lower edge; `rectangle` gives the centre.
    u = surface_displacement(
        along + 0.5 * rectangle.length_km,
        left + 0.5 * rectangle.width_km * np.cos(dip),
        depth=rectangle.depth_km + 0.5 * rectangle.width_km * float(np.sin(dip)),
        dip_deg=rectangle.dip_deg,
        length=rectangle.length_km,
        width=rectangle.width_km,
        **dislocation,
    )
    return u.x * np.sin(strike) - u.y * np.cos(strike), u.x * np.cos(strike) + u.y * np.sin(strike), u.z


def _footprint(fault: Fault) -> tuple[float, float]:
    """Return half the extent of the rectangle seen from above, east and north, km."""
    strike, dip = np.radians([fault.strike_deg, fault.dip_deg])
    along, across = 0.5 * fault.length_km, 0.5 * fault.width_km * np.cos(dip)
    half_east = along * abs(np.sin(strike)) + across * abs(np.cos(strike))
    half_north = along * abs(np.cos(strike)) + across * abs(np.sin(strike))
    return float(half_east), float(half_north)


def _around(difference_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fold differences of longitude onto [-180, 180)."""
    return (difference_deg + 180.0) % 360.0 - 180.0


def _nodes(position_km: NDArray[np.float64], half_extent_km: float, top_km: float) -> NDArray[np.intp]:
    """Choose where along one axis to evaluate the model.

    Slip at a distance r leaves no detail finer than about r at the surface, and r is at least the depth
    of the upper edge beside the distance from the fault along this axis alone. So the step grows with
    both, and is one pixel where the fault comes close to the surface: there the model is exact.
    """
    size = position_km.size
    if size < 4:
        return np.arange(size)
    pixel_km = float(np.abs(np.diff(position_km)).max())
    reach_km = np.hypot(top_km, np.maximum(np.abs(position_km) - half_extent_km, 0.0))
    steps = np.maximum(reach_km / (NODES_PER_DEPTH * pixel_km), 1.0).astype(np.intp)
    chosen = [0]
    while chosen[-1] < size - 1:
        chosen.append(min(chosen[-1] + int(steps[chosen[-1]]), size - 1))
    return np.array(chosen)


def _spline(nodes: NDArray[np.intp], size: int) -> NDArray[np.float32]:
    """Return the matrix, shape (size, nodes), that takes values at nodes to every index by a cubic spline."""
    if nodes.size == size:
        return np.eye(size, dtype=np.float32)
    return spline_matrix(nodes, size).astype(np.float32)
