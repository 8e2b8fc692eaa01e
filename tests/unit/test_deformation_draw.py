"""Earthquakes drawn at random: within their ranges, of all mechanisms, and where a phase can be followed."""

from collections import Counter

import numpy as np
import pytest

from fringeflow.deformation.draw import MECHANISMS, RAKE_SPREAD_DEG, draw_fault, resolved
from fringeflow.deformation.source import mechanism

LATITUDE, LONGITUDE = (38.6, 38.2), (22.0, 22.5)
MARGIN = 0.15


@pytest.fixture(scope="module")
def faults():
    rng = np.random.default_rng(0)
    return [draw_fault(rng, LATITUDE, LONGITUDE, (5.0, 7.5), (12.0, 40.0), margin=MARGIN) for _ in range(600)]


def test_all_lie_in_the_box_or_near_it_and_some_outside(faults):
    """Latitudes descend, as in a raster."""
    north = np.array([(fault.latitude - LATITUDE[0]) / (LATITUDE[1] - LATITUDE[0]) for fault in faults])
    east = np.array([(fault.longitude - LONGITUDE[0]) / (LONGITUDE[1] - LONGITUDE[0]) for fault in faults])
    for share in (north, east):
        assert share.min() >= -MARGIN and share.max() <= 1 + MARGIN
        assert share.min() < -MARGIN / 2 and share.max() > 1 + MARGIN / 2
        assert abs(share.mean() - 0.5) < 0.07


def test_magnitudes_are_even_over_their_range(faults):
    """In nature nine of ten would be below Mw 6."""
    found = np.array([fault.magnitude for fault in faults])
    assert found.min() >= 4.9 and found.max() <= 7.6
    counts = np.histogram(found, bins=[4.9, 5.5, 6.0, 6.5, 7.0, 7.6])[0]
    assert counts.min() > 80


def test_depths_are_those_of_the_centre_and_no_fault_reaches_the_air(faults):
    depth = np.array([fault.depth_km for fault in faults])
    deep_enough = depth > 12.0 + 1e-9  # the others were put deeper: their upper edge would lie above the ground
    assert depth.max() <= 40.0 and deep_enough.mean() > 0.9
    assert min(fault.top_km for fault in faults) >= 0


def test_every_mechanism_is_as_likely_and_has_its_dips_and_rakes(faults):
    kinds = Counter(mechanism(fault.rake_deg) for fault in faults)
    assert set(kinds) == set(MECHANISMS) and min(kinds.values()) > 150
    for fault in faults:
        (low, high), rake = MECHANISMS[mechanism(fault.rake_deg)]
        assert low <= fault.dip_deg <= high
        away = min(abs((fault.rake_deg - middle + 180) % 360 - 180) for middle in {rake, 180.0 if rake == 0 else rake})
        assert away <= RAKE_SPREAD_DEG
    sides = [abs(fault.rake_deg) > 90 for fault in faults if mechanism(fault.rake_deg) == "strike_slip"]
    assert 0.35 < np.mean(sides) < 0.65, "left- and right-lateral"
    assert np.histogram([fault.strike_deg for fault in faults], bins=6, range=(0, 360))[0].min() > 60


def test_a_magnitude_can_be_given():
    fault = draw_fault(np.random.default_rng(1), LATITUDE, LONGITUDE, (6.1, 6.1), (10.0, 10.0), margin=0.0)
    assert fault.magnitude == pytest.approx(6.1, abs=0.01)


def test_a_phase_is_resolved_where_it_turns_by_at_most_half_a_cycle_a_pixel():
    phase = np.zeros((4, 6), np.float32)
    phase[:, 3:] = 3.2
    phase[2:] += 3.0
    found = resolved(phase)
    assert found.tolist() == [[column != 3 for column in range(6)]] * 4
    assert resolved(np.cumsum(np.full((5, 5), 3.1, np.float32), axis=0)).all()
    assert not resolved(np.cumsum(np.full((5, 5), 3.2, np.float32), axis=0))[1:].any()
