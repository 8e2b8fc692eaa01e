"""The dislocation against the published table, symmetries and limits."""

import numpy as np
import pytest

from fringeflow.deformation.okada import surface_displacement

KINDS = ["strike_slip", "dip_slip", "tensile"]

# Okada (1985), table 2: (x, y, depth, dip), then displacements for unit strike-slip, dip-slip, tensile; L=3, W=2.
TABLE_2 = [
    ((2, 3, 4, 70), [(-8.689e-3, -4.298e-3, -2.747e-3), (-4.682e-3, -3.527e-2, -3.564e-2), (-2.660e-4, 1.056e-2, 3.214e-3)]),
    ((0, 0, 4, 90), [(0, 5.253e-3, 0), (0, 0, 0), (1.223e-2, 0, -1.606e-2)]),
    ((0, 0, 4, -90), [(0, -1.303e-3, 0), (0, 0, 0), (3.507e-3, 0, -7.740e-3)]),
]


@pytest.mark.parametrize(("where", "displacements"), TABLE_2)
def test_table_2_of_the_paper(where, displacements):
    x, y, depth, dip = where
    for kind, expected in zip(KINDS, displacements, strict=True):
        found = surface_displacement(x, y, depth=depth, dip_deg=dip, length=3, width=2, **{kind: 1.0})
        np.testing.assert_allclose(found, expected, rtol=5e-4, atol=1e-12)  # printed with four digits


def grid(reach=30.0, points=41):
    axis = np.linspace(-reach, reach, points) + 0.123
    return np.meshgrid(axis, axis)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dip", [0.0, 20.0, 55.0, 90.0])
def test_two_halves_make_a_whole(kind, dip):
    x, y = grid()
    sine, cosine = np.sin(np.radians(dip)), np.cos(np.radians(dip))
    whole = surface_displacement(x, y, depth=12, dip_deg=dip, length=10, width=8, **{kind: 1.0})
    left = surface_displacement(x, y, depth=12, dip_deg=dip, length=4, width=8, **{kind: 1.0})
    right = surface_displacement(x - 4, y, depth=12, dip_deg=dip, length=6, width=8, **{kind: 1.0})
    low = surface_displacement(x, y, depth=12, dip_deg=dip, length=10, width=5, **{kind: 1.0})
    high = surface_displacement(x, y - 5 * cosine, depth=12 - 5 * sine, dip_deg=dip, length=10, width=3, **{kind: 1.0})
    np.testing.assert_allclose(np.add(left, right), whole, atol=1e-12)
    np.testing.assert_allclose(np.add(low, high), whole, atol=1e-12)


def test_vertical_strike_slip_mirrors_across_the_fault_and_along_it():
    x, y = grid()
    u = surface_displacement(x, y, depth=12, dip_deg=90, length=10, width=8, strike_slip=1.0)
    across = surface_displacement(x, -y, depth=12, dip_deg=90, length=10, width=8, strike_slip=1.0)
    along = surface_displacement(10 - x, y, depth=12, dip_deg=90, length=10, width=8, strike_slip=1.0)
    np.testing.assert_allclose(u, [-across.x, across.y, -across.z], atol=1e-12)
    np.testing.assert_allclose(u, [along.x, -along.y, -along.z], atol=1e-12)
    far_side, near_side = (surface_displacement(5, side, depth=12, dip_deg=90, length=10, width=8, strike_slip=1.0).x for side in (3, -3))
    assert far_side < 0 < near_side  # left-lateral: who looks across sees the other side go left


def test_nearly_vertical_goes_over_into_vertical():
    x, y = grid()
    for kind in KINDS:
        vertical = surface_displacement(x, y, depth=12, dip_deg=90, length=10, width=8, **{kind: 1.0})
        for dip in (89.999, 89.9999, 89.99999):
            nearly = surface_displacement(x, y, depth=12, dip_deg=dip, length=10, width=8, **{kind: 1.0})
            np.testing.assert_allclose(nearly, vertical, atol=2e-5)


def test_a_sill_lifts_its_own_volume():
    """Uplift over an opening horizontal crack integrates to the crack's volume, whatever the elastic constants."""
    x, y = np.meshgrid(np.arange(-400.0, 402.0, 2.0), np.arange(-400.0, 402.0, 2.0))
    for poisson in (0.25, 0.35):
        up = surface_displacement(x, y, depth=10, dip_deg=0, length=2, width=2, tensile=1.0, poisson=poisson).z
        assert up.sum() * 4.0 == pytest.approx(4.0, rel=0.001)


def test_singular_points_stay_finite():
    """Above the edges, on the plane's line at the surface, and along the fault's own axes."""
    points = np.array([0.0, 5.0, 10.0, -3.0])
    x, y = np.meshgrid(points, np.array([0.0, 8.0, 4.0, -12.0]))
    for dip in (0.0, 45.0, 90.0):
        for kind in KINDS:
            u = surface_displacement(x, y, depth=12, dip_deg=dip, length=10, width=8, **{kind: 1.0})
            assert np.isfinite(u).all()


def test_impossible_faults_are_refused():
    with pytest.raises(ValueError, match="above the surface"):
        surface_displacement(0, 0, depth=3, dip_deg=90, length=10, width=8, strike_slip=1)
    with pytest.raises(ValueError, match="above 0"):
        surface_displacement(0, 0, depth=3, dip_deg=90, length=0, width=1, strike_slip=1)
