"""Which earthquake of the tables a place in an interferogram might belong to."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from fringeflow.config.tables import DAYS, Event, days_outside
from fringeflow.insar.reach import distance_km


@dataclass(frozen=True)
class Near:
    """An earthquake near a place.

    Attributes
    ----------
    event : Event
    distance_km : float
        Of the epicentre.
    days : int
        0 between the two dates of the pair, both days included; below 0 so many days before the first, above 0 after the second.
    """

    event: Event
    distance_km: float
    days: int

    def properties(self) -> dict[str, object]:
        """Return what stands in a table."""
        return {
            "earthquake": self.event.event,
            "magnitude": self.event.magnitude,
            "distance_km": round(self.distance_km, 2),
            "days": self.days,
        }


NONE: dict[str, object] = {"earthquake": None, "magnitude": None, "distance_km": None, "days": None}


def nearest_earthquake(events: Iterable[Event], place: tuple[float, float], dates: tuple[date, date], within_km: float) -> Near | None:
    """Return the earthquake nearest in time, and of those in one time nearest in space.

    Parameters
    ----------
    events : iterable of Event
        Areas without an earthquake are passed over.
    place : (latitude, longitude)
        Degrees.
    dates : (date, date)
        Of the pair.
    within_km : float
        Largest distance.

    Returns
    -------
    Near or None
        None if there is none within that distance and `DAYS`.
    """
    found = []
    for event in events:
        if event.magnitude is None or event.time is None or event.latitude is None or event.longitude is None:
            continue
        away = distance_km(place, (event.latitude, event.longitude))
        days = days_outside(event.time.date(), dates)
        if away <= within_km and abs(days) <= DAYS:
            found.append(Near(event, away, days))
    return min(found, key=lambda near: (abs(near.days), near.distance_km, near.event.event), default=None)
