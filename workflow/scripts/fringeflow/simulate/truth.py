"""The source that really slipped, which is not quite the one in the catalogue."""

import numpy as np

from fringeflow.config.models import Simulation
from fringeflow.config.tables import Event
from fringeflow.deformation.local import KM_PER_DEG
from fringeflow.deformation.source import Fault, fault_from_event
from fringeflow.simulate.streams import stream

DEGREES_PER_KM = 4.0
"""Standard deviation of strike, dip and rake for each km of `jitter_km`: global solutions are off by about as much."""
MAGNITUDE_PER_KM = 0.04


def true_fault(event: Event, settings: Simulation, seed: int) -> Fault:
    """Draw the fault that a simulated earthquake really broke.

    Its place, depth, angles and size differ at random from the catalogue's, all in proportion to
    `jitter_km`; labels are made from the catalogue, as for real earthquakes.

    Parameters
    ----------
    event : Event
        An earthquake with a mechanism.
    settings : Simulation
    seed : int

    Returns
    -------
    Fault

    Raises
    ------
    ConfigError
        If the event has no mechanism.
    """
    fault_from_event(event)  # says what the event lacks
    assert event.latitude is not None and event.longitude is not None and event.depth_km is not None
    assert event.magnitude is not None and event.strike_deg is not None and event.dip_deg is not None and event.rake_deg is not None
    jitter = settings.jitter_km
    north, east, down, strike, dip, rake, size = stream(seed, event.event, "source").standard_normal(7) * jitter
    moved = event.model_copy(
        update={
            "latitude": event.latitude + north / KM_PER_DEG,
            "longitude": event.longitude + east / (KM_PER_DEG * max(np.cos(np.radians(event.latitude)), 0.01)),
            "depth_km": max(event.depth_km + down, 0.0),
            "strike_deg": event.strike_deg + DEGREES_PER_KM * strike,
            "dip_deg": float(np.clip(event.dip_deg + DEGREES_PER_KM * dip, min(event.dip_deg, 5.0), 90.0)),
            "rake_deg": event.rake_deg + DEGREES_PER_KM * rake,
            "magnitude": event.magnitude + MAGNITUDE_PER_KM * size,
        }
    )
    return fault_from_event(moved)
