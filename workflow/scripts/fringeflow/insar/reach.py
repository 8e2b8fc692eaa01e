"""How far from an earthquake the ground may have moved, and whether that is as far as a frame of which one knows little.

Free of NumPy, for the plan, which every job makes again.
"""

from collections.abc import Iterable
from math import asin, cos, radians, sin, sqrt

from fringeflow.config.tables import Event

EARTH_RADIUS_KM = 6371.0088
ACROSS_KM = 400.0
"""From corner to corner of a long frame; most are 250 km wide and as long."""


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Return the great-circle distance between two points (latitude, longitude), degrees, on a sphere.

    >>> round(distance_km((0.0, 179.5), (0.0, -179.5)), 1)
    111.2
    """
    (lat_a, lon_a), (lat_b, lon_b) = ((radians(x), radians(y)) for x, y in (a, b))
    haversine = sin((lat_b - lat_a) / 2) ** 2 + cos(lat_a) * cos(lat_b) * sin((lon_b - lon_a) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(haversine)))


def reach_km(magnitude: float) -> float:
    """Return how far from its epicentre an earthquake may move the ground by some millimetres.

    Far from a source the displacement falls with the square of the distance and grows with the moment, 10^(1.5 M), so that the distance
    at which it is the same grows as 10^(0.75 M). LiCSAR lists the frames within about this distance of an earthquake.

    >>> [round(reach_km(magnitude)) for magnitude in (5.0, 6.5, 7.0, 8.0)]
    [20, 84, 199, 1120]
    """
    return max(20.0, 84.0 * 10 ** (0.75 * (magnitude - 6.5)))


def may_reach(quake: Event, frame: str, known: Iterable[Event]) -> bool:
    """Whether the deformation of an earthquake may reach into a frame; no only where what is known of both rules it out.

    Parameters
    ----------
    quake : Event
        An earthquake.
    frame : str
        Its name tells its latitude (`102A_05000_131313` lies about 50 degrees from the North Pole), which is used where nothing else is known.
    known : iterable of Event
        Those with interferograms of the frame. It is no farther from each than an earthquake reaches; an area lies in it.
    """
    if quake.magnitude is None or quake.latitude is None or quake.longitude is None:
        return False
    reach = reach_km(quake.magnitude)
    places = [
        (event.latitude, event.longitude, 0.0 if event.magnitude is None else reach_km(event.magnitude))
        for event in known
        if event.latitude is not None and event.longitude is not None
    ]
    if not places:
        away = radians(abs(quake.latitude - latitude_of(frame))) * EARTH_RADIUS_KM
        return away <= ACROSS_KM / 2 + reach
    here = (quake.latitude, quake.longitude)
    return all(distance_km(here, (latitude, longitude)) <= own + ACROSS_KM + reach for latitude, longitude, own in places)


def latitude_of(frame: str) -> float:
    """Return the latitude of a frame's centre, degrees, from the colatitude in its name, hundredths of a degree.

    >>> latitude_of("106A_09048_000909")
    -0.48
    """
    return round(90 - int(frame[5:10]) / 100, 2)
