"""Augmented phase is still phase: congruent, wrapped, with the fringes and the gaps it had."""

import numpy as np
import pytest

from fringeflow.encoding.augment import (
    COVER,
    GAIN,
    LARGEST_RAMP_RAD,
    Change,
    augment,
    can_gain,
    draw_change,
    plane,
)
from fringeflow.insar.phase import PI, wrap

SIZE = 64
TOLERANCE = 2e-5
"""Radians: float32 at some twenty fringes."""
DRAWS = [draw_change(np.random.default_rng(seed)) for seed in range(40)]


def tile(seed: int = 0, cycles: float = 4.0) -> tuple[np.ndarray, np.ndarray]:
    """A bowl of fringes with noise, no data in a corner, and a spot that could not be unwrapped."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] / SIZE
    phase = 2 * np.pi * cycles * np.exp(-(((y - 0.4) / 0.3) ** 2) - ((x - 0.6) / 0.2) ** 2) + rng.normal(0, 0.3, (SIZE, SIZE))
    phase[:10, :20] = np.nan
    unwrapped = phase.astype("f4")
    wrapped = wrap(unwrapped)
    unwrapped[50:55, 50:60] = np.nan
    return wrapped, unwrapped


def off_cycle(a: np.ndarray, b: np.ndarray) -> float:
    """Largest distance of a - b from whole cycles, where both are known."""
    known = np.isfinite(a) & np.isfinite(b)
    assert known.any()
    return float(np.abs(np.angle(np.exp(1j * (a[known].astype(float) - b[known])))).max())


@pytest.mark.parametrize("change", DRAWS)
def test_both_phases_stay_congruent_and_the_wrapped_one_wrapped(change):
    wrapped, unwrapped = augment(*tile(), change)
    assert wrapped.dtype == unwrapped.dtype == np.float32
    assert np.nanmin(wrapped) > -PI
    assert np.nanmax(wrapped) <= PI
    assert off_cycle(wrapped, unwrapped) < TOLERANCE


@pytest.mark.parametrize("change", DRAWS[:10])
def test_no_data_stays_where_the_flip_puts_it(change):
    flip = (slice(None, None, -1 if change.upended else 1), slice(None, None, -1 if change.mirrored else 1))
    for before, after in zip(tile(), augment(*tile(), change), strict=True):
        np.testing.assert_array_equal(np.isnan(before)[flip], np.isnan(after))


@pytest.mark.parametrize(
    "change", [Change(mirrored=True), Change(upended=True), Change(sign=-1), Change(mirrored=True, upended=True, sign=-1)]
)
def test_flips_and_sign_undo_themselves(change):
    once = augment(*tile(), change)
    assert not np.array_equal(once[0], tile()[0], equal_nan=True)
    for before, after in zip(tile(), augment(*once, change), strict=True):
        np.testing.assert_array_equal(before, after)


def test_no_change_changes_nothing():
    for before, after in zip(tile(), augment(*tile(), Change()), strict=True):
        np.testing.assert_array_equal(before, after)


def test_mirrored_is_west_to_east_and_upended_north_to_south():
    wrapped, unwrapped = tile()
    np.testing.assert_array_equal(augment(wrapped, unwrapped, Change(mirrored=True))[0], wrapped[:, ::-1])
    np.testing.assert_array_equal(augment(wrapped, unwrapped, Change(upended=True))[1], unwrapped[::-1])


def test_a_ramp_stays_a_ramp():
    """phase = 0.2 x - 0.1 y: flipped west to east and negated its slopes are 0.2 and 0.1; a ramp adds its own."""
    y, x = np.mgrid[:SIZE, :SIZE].astype(float)
    unwrapped = (0.2 * x - 0.1 * y).astype("f4")
    _, after = augment(wrap(unwrapped), unwrapped, Change(mirrored=True, sign=-1, offset_rad=0.5, ramp_rad=(0.63, -1.26)))
    np.testing.assert_allclose(np.diff(after, axis=1), 0.2 - 1.26 / (SIZE - 1), atol=1e-5)
    np.testing.assert_allclose(np.diff(after, axis=0), 0.1 + 0.63 / (SIZE - 1), atol=1e-5)


def test_offset_and_ramp_are_what_they_say():
    added = plane((5, 9), Change(offset_rad=1.0, ramp_rad=(2.0, 4.0)))
    assert added[2, 4] == 1.0
    assert added[4, 4] - added[0, 4] == 2.0
    assert added[2, 8] - added[2, 0] == 4.0


@pytest.mark.parametrize("gain", [1.0, 1.5, 2.0, 3.0])
def test_gain_multiplies_fringes(gain):
    """Four fringes along each row of the wrapped phase become 4 mu: counted as jumps from pi to -pi."""
    x = np.linspace(-4 * np.pi, 4 * np.pi, SIZE, endpoint=False) + 0.01
    unwrapped = np.tile(x, (8, 1)).astype("f4")
    wrapped, after = augment(wrap(unwrapped), unwrapped, Change(gain=gain))
    jumps = (np.diff(wrapped, axis=1) < -np.pi).sum(axis=1)
    assert (jumps == 4 * gain).all()
    np.testing.assert_allclose(after, gain * unwrapped, rtol=1e-6)


def test_without_a_gain_errors_of_the_unwrapping_do_not_enter_the_wrapped_phase():
    """An unwrapping error is a fraction of a cycle here, so that it would show in the wrapped phase."""
    wrapped, unwrapped = tile()
    wrong = unwrapped + np.float32(1.0)
    change = Change(mirrored=True, sign=-1, offset_rad=0.7, ramp_rad=(1.0, -2.0))
    np.testing.assert_array_equal(augment(wrapped, unwrapped, change)[0], augment(wrapped, wrong, change)[0])


def test_gain_waits_for_an_unwrapped_tile():
    wrapped, unwrapped = tile()
    assert can_gain(wrapped, unwrapped)
    few = unwrapped.copy()
    few[:, : SIZE // 2] = np.nan
    assert not can_gain(wrapped, few)
    gained, plain = (augment(wrapped, few, Change(gain=gain)) for gain in (2.0, 1.0))
    for a, b in zip(gained, plain, strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_share_that_must_be_unwrapped_is_of_what_is_wrapped():
    wrapped, unwrapped = np.zeros((10, 20), "f4"), np.zeros((10, 20), "f4")
    wrapped[:5] = np.nan
    unwrapped[5, : int(100 * (1 - COVER))] = np.nan
    assert can_gain(wrapped, unwrapped)
    unwrapped[5, 10:12] = np.nan
    assert not can_gain(wrapped, unwrapped)


def test_pixels_that_were_not_unwrapped_keep_their_noise_under_a_gain():
    wrapped, unwrapped = tile()
    after, _ = augment(wrapped, unwrapped, Change(gain=1.5))
    spot = np.isnan(unwrapped) & np.isfinite(wrapped)
    assert spot.sum() == 50
    np.testing.assert_array_equal(after[spot], wrapped[spot])
    assert off_cycle(after[~spot], 1.5 * unwrapped[~spot]) < TOLERANCE


@pytest.mark.parametrize("change", DRAWS)
def test_the_fringes_of_a_label_do_not_become_fewer(change):
    """Deformation alone, without the offset and ramp that any orbit could add, spans at least as many cycles as before."""
    _, before = tile()
    _, after = augment(*tile(), change)
    bare = after - plane(after.shape, change)
    span = np.nanmax(before) - np.nanmin(before)
    assert np.nanmax(bare) - np.nanmin(bare) >= span - TOLERANCE
    deformed = np.abs(before) >= 2 * np.pi
    assert (np.abs(bare) >= 2 * np.pi - TOLERANCE).sum() >= deformed.sum()


def test_draws_reach_all_of_their_ranges_and_nothing_beyond():
    draws = [draw_change(np.random.default_rng([1, seed])) for seed in range(400)]
    for name in ("mirrored", "upended"):
        assert 0.4 < np.mean([getattr(draw, name) for draw in draws]) < 0.6
    assert abs(np.mean([draw.sign for draw in draws])) < 0.2
    gains = np.array([draw.gain for draw in draws])
    assert 0.4 < np.mean(gains == 1.0) < 0.6
    assert GAIN[0] <= gains.min()
    assert GAIN[1] - 0.05 < gains.max() <= GAIN[1]
    ramps = np.array([draw.ramp_rad for draw in draws])
    assert 0.95 * LARGEST_RAMP_RAD < np.abs(ramps).max() <= LARGEST_RAMP_RAD
    assert draws[0] == draw_change(np.random.default_rng([1, 0]))


def test_what_would_lose_fringes_is_refused():
    with pytest.raises(ValueError, match=r"gain must be at least 1, got 0\.5"):
        Change(gain=0.5)
    with pytest.raises(ValueError, match="sign must be 1 or -1, got 0"):
        Change(sign=0)
    with pytest.raises(ValueError, match=r"wrapped \(4, 4\) and unwrapped \(4, 5\)"):
        augment(np.zeros((4, 4), "f4"), np.zeros((4, 5), "f4"), Change())
