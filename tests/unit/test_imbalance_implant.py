"""Implants are earthquakes that could have been: drawn within bounds, seen by the label rule, added to real phase."""

import numpy as np
import pytest

from fringeflow.config.interferograms import LabelRule
from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.line_of_sight import towards_satellite
from fringeflow.deformation.model import modelled_phase
from fringeflow.deformation.source import Fault, mechanism, scaled_fault
from fringeflow.errors import DatasetError
from fringeflow.imbalance.implant import (
    ALIASED,
    DEPTH_KM,
    MAGNITUDE,
    MARGIN,
    TRIES,
    Ground,
    draw_fault,
    draw_visible,
    implant,
)
from fringeflow.insar.labels import gather_evidence, judge
from fringeflow.insar.phase import PI, wrap

SIZE = 64
LATITUDE, LONGITUDE = 38 - 0.004 * (np.arange(SIZE) + 0.5), 22 + 0.004 * (np.arange(SIZE) + 0.5)
ASCENDING = towards_satellite(-13.0, 39.0)
RULE = LabelRule()


def ground(hidden: float = 0.2) -> Ground:
    """A tile of 28 x 22 km, the west of which has no data."""
    valid = np.ones((SIZE, SIZE), bool)
    valid[:, : int(hidden * SIZE)] = False
    return Ground(LATITUDE, LONGITUDE, valid, ASCENDING)


def faults(count: int) -> list[Fault]:
    return [draw_fault(np.random.default_rng([5, number]), ground()) for number in range(count)]


def test_draws_stay_in_their_ranges_and_have_every_mechanism():
    drawn = faults(300)
    magnitudes = np.array([fault.magnitude for fault in drawn])
    assert MAGNITUDE[0] <= magnitudes.min() < MAGNITUDE[0] + 0.1
    assert MAGNITUDE[1] - 0.1 < magnitudes.max() <= MAGNITUDE[1]
    kinds = [mechanism(fault.rake_deg) for fault in drawn]
    assert all(70 < kinds.count(kind) < 130 for kind in ("normal", "reverse", "strike_slip"))
    left = [np.cos(np.radians(fault.rake_deg)) > 0 for fault, kind in zip(drawn, kinds, strict=True) if kind == "strike_slip"]
    assert 0.3 < np.mean(left) < 0.7
    side = 0.004 * (SIZE - 1)
    for axis, low in (("latitude", LATITUDE[-1]), ("longitude", LONGITUDE[0])):
        places = np.array([getattr(fault, axis) for fault in drawn])
        assert low - MARGIN * side <= places.min() < low
        assert low + side < places.max() <= low + (1 + MARGIN) * side
    for fault in drawn:
        assert fault.top_km >= 0.49
        assert fault.depth_km >= DEPTH_KM[0]


def test_size_and_slip_are_what_the_scaling_law_makes_of_the_magnitude():
    for fault in faults(20):
        angles = {"strike_deg": fault.strike_deg, "dip_deg": fault.dip_deg, "rake_deg": fault.rake_deg}
        place = {"latitude": fault.latitude, "longitude": fault.longitude, "depth_km": fault.depth_km}
        again = scaled_fault(fault.magnitude, **place, **angles)
        assert again.length_km == pytest.approx(fault.length_km)
        assert again.slip_m == pytest.approx(fault.slip_m)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_drawn_is_labelled_deformation_by_the_rule_of_real_tiles(seed):
    """The same earthquake, put through the labels of a coseismic pair, makes the same tile deformation."""
    fault = draw_visible(np.random.default_rng(seed), ground(), RULE)
    event = Event(
        event="drawn",
        time="2021-03-03T10:16:08",
        magnitude=fault.magnitude,
        latitude=fault.latitude,
        longitude=fault.longitude,
        depth_km=fault.depth_km,
        strike_deg=fault.strike_deg,
        dip_deg=fault.dip_deg,
        rake_deg=fault.rake_deg,
    )
    pair = Interferogram(event="drawn", frame="102A_05000_131313", pair="20210218_20210315", heading_deg=-13, incidence_deg=39)
    seen = ground().valid
    evidence = gather_evidence(event, pair, None, LATITUDE, LONGITUDE).where(seen)
    label = judge(evidence, (slice(None), slice(None)), int(seen.sum()), RULE)
    assert label.label == "deformation"
    assert label.deformed_fraction >= RULE.min_area
    assert label == ground().judge(ground().phase(fault), RULE)
    np.testing.assert_allclose(ground().phase(fault), modelled_phase(event, pair, LATITUDE, LONGITUDE), atol=1e-3)


def test_deformation_under_no_data_does_not_count():
    """Of a tile that shows its east only, the rule is asked about the east only."""
    half = ground(hidden=0.75)
    for seed in range(4):
        fault = draw_visible(np.random.default_rng(seed), half, RULE)
        cycles = np.abs(half.phase(fault)) / (2 * np.pi)
        assert (cycles[half.valid] >= RULE.min_fringes).mean() >= RULE.min_area


def test_a_stricter_rule_draws_stronger_earthquakes():
    strict = LabelRule(min_fringes=4, min_area=0.3)
    for seed in range(4):
        phase = ground().phase(draw_visible(np.random.default_rng(seed), ground(), strict))
        assert (np.abs(phase[ground().valid]) >= 8 * np.pi).mean() >= 0.3


def test_fringes_can_be_told_apart():
    """A ramp of 0.4 cycles a pixel can; one of 0.6 cannot, and is aliased everywhere but in the first column."""
    plain = ground(hidden=0.0)
    ramp = np.tile(2 * np.pi * np.arange(SIZE), (SIZE, 1)).astype("f4")
    assert plain.aliased(np.float32(0.4) * ramp) == 0
    assert plain.aliased(np.float32(0.6) * ramp) == (SIZE - 1) / SIZE
    assert plain.aliased(np.float32(0.6) * ramp.T) == (SIZE - 1) / SIZE
    for seed in range(8):
        assert ground().aliased(ground().phase(draw_visible(np.random.default_rng(seed), ground(), RULE))) <= ALIASED


def test_the_same_seed_draws_the_same_earthquake():
    first, second = (draw_visible(np.random.default_rng(3), ground(), RULE) for _ in range(2))
    assert first == second
    assert first != draw_visible(np.random.default_rng(4), ground(), RULE)


def test_a_rule_that_no_earthquake_meets_is_told():
    with pytest.raises(
        DatasetError, match=rf"no earthquake of {TRIES} drawn .* 64 x 64 pixels .*: 500 fringes over 90% .*lower min_fringes"
    ):
        draw_visible(np.random.default_rng(0), ground(), LabelRule(min_fringes=500, min_area=0.9))
    with pytest.raises(DatasetError, match="without any data"):
        draw_visible(np.random.default_rng(0), ground(hidden=1.0), RULE)


def test_an_implant_is_the_sum_wrapped_again():
    rng = np.random.default_rng(1)
    unwrapped = rng.normal(0, 3, (SIZE, SIZE)).astype("f4")
    unwrapped[:8] = np.nan
    wrapped = wrap(unwrapped)
    unwrapped[20:30, 20:30] = np.nan
    phase = ground().phase(scaled_fault(6.2, latitude=37.9, longitude=22.1, depth_km=7, strike_deg=30, dip_deg=45, rake_deg=-90))
    assert np.abs(phase).max() > 2 * np.pi
    new_wrapped, new_unwrapped = implant(wrapped, unwrapped, phase)
    np.testing.assert_array_equal(np.isnan(new_wrapped), np.isnan(wrapped))
    np.testing.assert_array_equal(np.isnan(new_unwrapped), np.isnan(unwrapped))
    assert new_wrapped.dtype == new_unwrapped.dtype == np.float32
    assert np.nanmin(new_wrapped) > -PI
    assert np.nanmax(new_wrapped) <= PI
    np.testing.assert_allclose((new_unwrapped - unwrapped)[np.isfinite(unwrapped)], phase[np.isfinite(unwrapped)], atol=1e-4)
    known = np.isfinite(new_unwrapped)
    cycles = (new_unwrapped[known] - new_wrapped[known]) / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.rint(cycles), atol=1e-5)
    spot = np.isfinite(wrapped) & np.isnan(unwrapped)
    turned = np.angle(np.exp(1j * (new_wrapped[spot].astype(float) - wrapped[spot] - phase[spot])))
    np.testing.assert_allclose(turned, 0, atol=1e-5)


def test_nothing_implanted_changes_nothing():
    rng = np.random.default_rng(2)
    unwrapped = rng.normal(0, 3, (8, 8)).astype("f4")
    for before, after in zip((wrap(unwrapped), unwrapped), implant(wrap(unwrapped), unwrapped, np.zeros((8, 8), "f4")), strict=True):
        np.testing.assert_array_equal(before, after)
