"""Faults from catalogues, the line of sight, and modelled phase."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.line_of_sight import line_of_sight, phase_of_displacement, towards_satellite
from fringeflow.deformation.local import east_north_km
from fringeflow.deformation.model import modelled_phase, phase_at
from fringeflow.deformation.source import SHALLOWEST_TOP_KM, Fault, fault_from_event, mechanism, seismic_moment_nm
from fringeflow.deformation.spline import spline_matrix
from fringeflow.errors import ConfigError
from fringeflow.licsar.names import WAVELENGTH_M

ASCENDING, DESCENDING = "102A_05000_131313", "080D_05000_131313"


def earthquake(**changes):
    fields = {
        "event": "quake",
        "time": "2021-03-03T10:16:08",
        "latitude": 39.755,
        "longitude": 22.176,
        "depth_km": 8.0,
        "magnitude": 6.3,
        "strike_deg": 314.0,
        "dip_deg": 36.0,
        "rake_deg": -88.0,
    }
    return Event(**(fields | changes))


def pair(frame=ASCENDING, **changes):
    return Interferogram(event="quake", frame=frame, pair="20210218_20210303", **changes)


def axes(event, rows=300, columns=360, step=0.002):
    latitude = event.latitude + step * (rows / 2 - np.arange(rows))
    return latitude, event.longitude + step * (np.arange(columns) - columns / 2)


@pytest.mark.parametrize("magnitude", [5.4, 6.0, 6.6, 7.2])
@pytest.mark.parametrize("rake", [-90.0, 0.0, 90.0, 180.0])
@pytest.mark.parametrize("depth", [0.0, 5.0, 15.0])
def test_a_fault_has_its_earthquakes_moment_and_stays_below_ground(magnitude, rake, depth):
    fault = fault_from_event(earthquake(magnitude=magnitude, rake_deg=rake, depth_km=depth, dip_deg=60.0))
    assert fault.magnitude == pytest.approx(magnitude, abs=1e-9)
    assert fault.moment_nm == pytest.approx(seismic_moment_nm(magnitude))
    assert fault.top_km >= SHALLOWEST_TOP_KM - 1e-9
    assert fault.depth_km >= depth
    assert 0.02 < fault.slip_m < 5
    assert fault.length_km >= 0.9 * fault.width_km


def test_scaling_laws_give_the_published_sizes():
    """Wells and Coppersmith (1994), table 2A, at Mw 6: 10**(1.15 / 1.06 / 1.12) km long, 10**(0.86 / 0.85 / 0.96) km wide."""
    for rake, length, width in ((0.0, 14.1, 7.2), (90.0, 11.5, 7.1), (-90.0, 13.2, 9.1)):
        fault = fault_from_event(earthquake(magnitude=6.0, rake_deg=rake))
        assert (fault.length_km, fault.width_km) == (pytest.approx(length, rel=0.02), pytest.approx(width, rel=0.02))


def test_oblique_slip_counts_as_what_dominates():
    assert [mechanism(rake) for rake in (-46, -44, 44, 46, 134, 136, -134, -136)] == [
        "normal",
        "strike_slip",
        "strike_slip",
        "reverse",
        "reverse",
        "strike_slip",
        "normal",
        "strike_slip",
    ]


def test_without_mechanism_or_earthquake_the_message_names_event_and_columns():
    with pytest.raises(ConfigError, match=r"'quake' has no mechanism.*strike_deg"):
        fault_from_event(earthquake(strike_deg=None, dip_deg=None, rake_deg=None))
    with pytest.raises(ConfigError, match="'quiet' is no earthquake"):
        fault_from_event(Event(event="quiet"))


def test_a_fault_above_ground_is_refused():
    with pytest.raises(ValueError, match="above the surface"):
        Fault(0, 0, 2.0, 0, 90, 10, 8, 0, 1.0)


@pytest.mark.parametrize("frame", [ASCENDING, DESCENDING])
def test_uplift_decreases_the_range_and_subsidence_increases_it(frame):
    towards = line_of_sight(pair(frame))
    assert np.linalg.norm(towards) == pytest.approx(1.0)
    assert phase_of_displacement(0, 0, 0.1, towards) < 0 < phase_of_displacement(0, 0, -0.1, towards)
    full = phase_of_displacement(*(towards * WAVELENGTH_M / 2), towards)
    assert full == pytest.approx(-2 * np.pi)


def test_right_looking_satellites_stand_west_when_ascending_and_east_when_descending():
    assert line_of_sight(pair(ASCENDING))[0] < -0.5
    assert line_of_sight(pair(DESCENDING))[0] > 0.5
    assert phase_of_displacement(0.1, 0, 0, line_of_sight(pair(ASCENDING))) > 0  # eastwards is away from the west


def test_the_rows_own_angles_win_over_typical_ones():
    own = line_of_sight(pair(heading_deg=-9.0, incidence_deg=34.0))
    np.testing.assert_allclose(own, towards_satellite(-9.0, 34.0))
    assert own[2] == pytest.approx(np.cos(np.radians(34.0)))


def test_local_kilometres_agree_with_the_ellipsoid():
    """Known lengths of a degree on WGS 84: 110.574 km of latitude and 111.320 km of longitude at the equator, 78.847 km at 45 N."""
    assert east_north_km(0.5, 0.0, origin=(-0.5, 0.0))[1] == pytest.approx(110.574, rel=1e-3)
    assert east_north_km(0.0, 1.0, origin=(0.0, 0.0))[0] == pytest.approx(111.320, rel=1e-3)
    assert east_north_km(45.0, 1.0, origin=(45.0, 0.0))[0] == pytest.approx(78.847, rel=1e-3)
    assert east_north_km(10.0, -179.95, origin=(10.0, 179.95))[0] == pytest.approx(0.1 * 109.639, rel=1e-3)


def test_a_normal_fault_drops_the_ground_above_it():
    event = earthquake()
    latitude, longitude = axes(event)
    phase = modelled_phase(event, pair(), latitude, longitude)
    assert phase.dtype == np.float32 and phase.shape == (300, 360)
    row, column = np.unravel_index(np.argmax(np.abs(phase)), phase.shape)
    assert phase[row, column] > 4 * np.pi  # several fringes away from the satellite
    east, north = east_north_km(latitude[row], longitude[column], origin=(event.latitude, event.longitude))
    assert np.hypot(east, north) < 10
    reverse = modelled_phase(earthquake(rake_deg=92.0), pair(), latitude, longitude)
    assert reverse.min() < -4 * np.pi


def test_ground_moves_most_on_the_side_above_a_dipping_thrust():
    """Strike 0 dips east: the upper edge lies to the west, where uplift falls off steeply."""
    fault = Fault(0.0, 0.0, 4.0, 0.0, 30.0, 20.0, 12.0, 90.0, 1.0)
    longitude = np.linspace(-0.3, 0.3, 601)
    uplift = -phase_at(fault, np.array([0.0, 0.0, 1.0]), np.zeros(1), longitude)
    peak = float(longitude[np.argmax(uplift)]) * 111.3
    assert -6 * np.cos(np.radians(30)) - 0.5 < peak < 0
    mirrored = Fault(0.0, 0.0, 4.0, 180.0, 30.0, 20.0, 12.0, 90.0, 1.0)
    np.testing.assert_allclose(-phase_at(mirrored, np.array([0.0, 0.0, 1.0]), np.zeros(1), -longitude), uplift, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    "changes",
    [
        {"magnitude": 7.0, "depth_km": 3.0, "dip_deg": 45.0, "rake_deg": 90.0},
        {"magnitude": 6.8, "depth_km": 9.0, "dip_deg": 88.0, "rake_deg": 5.0, "strike_deg": 20.0},
        {"magnitude": 5.5, "depth_km": 4.0},
        {"magnitude": 6.4, "depth_km": 14.0, "latitude": -43.0, "longitude": 179.99},
    ],
)
def test_interpolation_stays_within_a_hundredth_of_a_fringe(changes):
    event = earthquake(**changes)
    latitude, longitude = axes(event, rows=1100, columns=1300, step=0.001)
    phase = modelled_phase(event, pair(), latitude, longitude)
    exact = phase_at(fault_from_event(event), line_of_sight(pair()), latitude[::7, None], longitude[None, ::7])
    assert np.abs(phase[::7, ::7] - exact).max() < 0.05
    exact = phase_at(fault_from_event(event), line_of_sight(pair()), latitude[520:560, None], longitude[None, 620:680])
    assert np.abs(phase[520:560, 620:680] - exact).max() < 0.05


def test_any_grid_will_do():
    """South up, east first, one pixel, or far from the fault."""
    event = earthquake()
    latitude, longitude = axes(event)
    phase = modelled_phase(event, pair(), latitude, longitude)
    np.testing.assert_allclose(modelled_phase(event, pair(), latitude[::-1], longitude), phase[::-1], atol=0.02)
    np.testing.assert_allclose(modelled_phase(event, pair(), latitude, longitude[::-1]), phase[:, ::-1], atol=0.02)
    np.testing.assert_allclose(modelled_phase(event, pair(), latitude[150:151], longitude[180:181]), phase[150:151, 180:181], atol=0.02)
    far = modelled_phase(event, pair(), latitude + 5.0, longitude)
    assert np.abs(far).max() < 0.05


def test_a_given_fault_replaces_the_events_own():
    event = earthquake(strike_deg=None, dip_deg=None, rake_deg=None)
    latitude, longitude = axes(event)
    fault = fault_from_event(earthquake())
    np.testing.assert_array_equal(
        modelled_phase(event, pair(), latitude, longitude, fault), modelled_phase(earthquake(), pair(), latitude, longitude)
    )
    with pytest.raises(ConfigError, match="mechanism"):
        modelled_phase(event, pair(), latitude, longitude)


@pytest.mark.parametrize("nodes", [[0, 9], [0, 4, 9], [0, 1, 5, 9], [0, 1, 2, 4, 7, 15, 31, 40]])
def test_splines_are_those_of_scipy(nodes):
    nodes = np.array(nodes)
    index = np.arange(nodes[-1] + 1)
    expected = CubicSpline(nodes, np.eye(nodes.size))(index)
    np.testing.assert_allclose(spline_matrix(nodes, index.size), expected, atol=1e-12)
