"""Earthquakes drawn at random: every mechanism, strike and magnitude in its range is as likely as any other."""

import numpy as np
from numpy.typing import NDArray

from fringeflow.deformation.source import Fault, scaled_fault

MECHANISMS = {"normal": ((30.0, 65.0), -90.0), "reverse": ((20.0, 60.0), 90.0), "strike_slip": ((65.0, 90.0), 0.0)}
"""Range of the dip and middle rake, degrees; a strike-slip fault is left- or right-lateral by the toss of a coin."""
RAKE_SPREAD_DEG = 25.0


def draw_fault(
    rng: np.random.Generator,
    latitude: tuple[float, float],
    longitude: tuple[float, float],
    magnitude: tuple[float, float],
    depth_km: tuple[float, float],
    *,
    margin: float,
) -> Fault:
    """Draw a dislocation in a box.

    Length, width and slip are what scaling laws make of the magnitude (`deformation.source.scaled_fault`), so that
    magnitudes are uniform where nature has ten times fewer with each unit: of nature's own, few would be visible.

    Parameters
    ----------
    rng : Generator
    latitude, longitude : (float, float)
        First and last of the box, degrees.
    magnitude, depth_km : (float, float)
        Lowest and highest; the depth is that of the centre.
    margin : float
        How far outside the box an epicentre may lie, in sides of the box: real fringes are cut by edges too.
    """
    (low, high), rake = MECHANISMS[str(rng.choice(sorted(MECHANISMS)))]
    right_lateral = rng.random() < 0.5
    if rake == 0.0 and right_lateral:
        rake = 180.0
    place = [first + (last - first) * rng.uniform(-margin, 1.0 + margin) for first, last in (latitude, longitude)]
    return scaled_fault(
        float(rng.uniform(*magnitude)),
        latitude=float(place[0]),
        longitude=float(place[1]),
        depth_km=float(rng.uniform(*depth_km)),
        strike_deg=float(rng.uniform(0.0, 360.0)),
        dip_deg=float(rng.uniform(low, high)),
        rake_deg=rake + float(rng.uniform(-RAKE_SPREAD_DEG, RAKE_SPREAD_DEG)),
    )


def resolved(phase: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a phase turns by at most half a cycle from a pixel to its neighbours above and to the left."""
    sound = np.ones(phase.shape, bool)
    sound[1:] &= np.abs(np.diff(phase, axis=0)) <= np.pi
    sound[:, 1:] &= np.abs(np.diff(phase, axis=1)) <= np.pi
    return sound
