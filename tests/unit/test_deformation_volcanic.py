"""Volcanic sources against closed forms: Mogi's chamber, the volume that a level sill lifts, and signs in the line of sight."""

import numpy as np
import pytest

from fringeflow.deformation.line_of_sight import towards_satellite
from fringeflow.deformation.volcanic import POISSON, PointSource, Sill, volcanic_phase
from fringeflow.licsar.names import WAVELENGTH_M

EAST, NORTH, UP = np.eye(3)
KM = 1 / 111.194
"""Degrees of a kilometre on the equator, within a percent in both directions."""
CHAMBER = PointSource(0.0, 0.0, 2.0, 1e6)
METRES = -WAVELENGTH_M / (4 * np.pi)
"""Displacement towards the satellite, of a radian."""


def axes(reach_km: float, step_km: float) -> tuple[np.ndarray, np.ndarray]:
    """Latitude and longitude of a square about the origin, north first, with a pixel on it."""
    across = np.arange(-round(reach_km / step_km), round(reach_km / step_km) + 1) * step_km * KM
    return across[::-1, None], across[None, :]


def moved(source, direction: np.ndarray, reach_km: float = 6.0, step_km: float = 0.5) -> np.ndarray:
    """Displacement in a direction, metres."""
    return METRES * volcanic_phase(source, direction, *axes(reach_km, step_km)).astype(float)


def volume_m3(source, reach_km: float, step_km: float) -> float:
    return float(moved(source, UP, reach_km, step_km).sum()) * (step_km * 1e3) ** 2


def test_a_chamber_lifts_the_ground_above_it_by_mogis_peak():
    up = moved(CHAMBER, UP)
    peak = (1 - POISSON) * CHAMBER.volume_m3 / (np.pi * (CHAMBER.depth_km * 1e3) ** 2)
    assert up.max() == pytest.approx(peak, rel=1e-5)
    assert np.unravel_index(up.argmax(), up.shape) == (12, 12)
    assert up[12, 16] == pytest.approx(peak * 2**-1.5, rel=0.01), "at one depth from it"
    assert moved(CHAMBER, EAST)[12, 16] == pytest.approx(up[12, 16], rel=0.01), "there it moves outwards as much"


def test_the_ground_moves_away_from_a_chamber_that_inflates():
    east, north = moved(CHAMBER, EAST), moved(CHAMBER, NORTH)
    assert (east[:, 13:] > 0).all() and (east[:, :12] < 0).all()
    assert (north[:12] > 0).all() and (north[13:] < 0).all()
    np.testing.assert_allclose(moved(PointSource(0.0, 0.0, 2.0, -1e6), EAST), -east)


def test_a_chamber_lifts_a_volume_of_twice_one_less_poisson_times_its_own():
    reach = 40.0
    rows, columns = (axis / KM for axis in axes(reach, 0.5))
    inside = np.hypot(rows, columns) <= reach
    lifted = float(moved(CHAMBER, UP, reach, 0.5)[inside].sum()) * 500.0**2
    beyond = CHAMBER.depth_km / np.hypot(reach, CHAMBER.depth_km)
    assert lifted == pytest.approx(2 * (1 - POISSON) * CHAMBER.volume_m3 * (1 - beyond), rel=0.015)


def test_a_level_sill_lifts_the_volume_that_it_opens():
    """Whatever the elastic constants: nothing else gives way below a free surface."""
    sill = Sill(0.0, 0.0, 1.5, 30.0, 0.0, 4.0, 2.0, 0.5)
    opened = 4e3 * 2e3 * 0.5
    assert volume_m3(sill, 40.0, 0.25) == pytest.approx(opened, rel=0.03)
    assert volume_m3(Sill(0.0, 0.0, 1.5, 30.0, 0.0, 4.0, 2.0, -0.5), 40.0, 0.25) == pytest.approx(-opened, rel=0.03)


def test_a_level_sill_lies_about_its_centre_and_along_its_strike():
    up = moved(Sill(0.0, 0.0, 1.0, 90.0, 0.0, 8.0, 1.0, 0.5), UP)
    np.testing.assert_allclose(up, up[::-1, ::-1], atol=0.002 * up.max())
    assert up[12, 18] > 3 * up[6, 12], "strike 90: it reaches east, not north"
    turned = moved(Sill(0.0, 0.0, 1.0, 0.0, 0.0, 8.0, 1.0, 0.5), UP)
    np.testing.assert_allclose(turned, up.T, atol=0.02 * up.max())


@pytest.mark.parametrize("strike", [0.0, 90.0, 215.0])
def test_a_dipping_sill_is_the_sum_of_its_upper_and_lower_half(strike):
    """The depth is that of the centre, and it falls to the right of strike."""
    dip, width = 20.0, 4.0
    whole = Sill(0.0, 0.0, 3.0, strike, dip, 3.0, width, 0.5)
    right = np.radians(strike + 90.0)
    out, down = width / 4 * np.cos(np.radians(dip)), width / 4 * np.sin(np.radians(dip))
    halves = [
        Sill(side * out * np.cos(right) * KM, side * out * np.sin(right) * KM, 3.0 + side * down, strike, dip, 3.0, width / 2, 0.5)
        for side in (-1, 1)
    ]
    for direction in (EAST, NORTH, UP):
        found = sum(moved(half, direction) for half in halves)
        np.testing.assert_allclose(found, moved(whole, direction), atol=0.01 * abs(found).max())


@pytest.mark.parametrize(("heading", "side"), [(-10.0, -1), (-170.0, 1)])
def test_inflation_shortens_the_range_most_on_the_side_of_the_satellite(heading, side):
    """Sentinel-1 looks to the right: from the west on ascending passes, from the east on descending ones."""
    towards = towards_satellite(heading, 39.0)
    phase = volcanic_phase(CHAMBER, towards, *axes(6.0, 0.25))
    assert phase.dtype == np.float32 and phase.shape == (49, 49)
    row, column = np.unravel_index(phase.argmin(), phase.shape)
    assert phase[row, column] < -np.pi
    assert np.sign(column - 24) == side
    assert volcanic_phase(PointSource(0.0, 0.0, 2.0, -1e6), towards, *axes(6.0, 0.25)).max() == pytest.approx(-phase.min())
