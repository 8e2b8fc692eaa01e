"""Wrapping keeps what exp(i phase) says and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fringeflow.insar.phase import PI, cycles_between, rewrap, wrap

phases = arrays(np.float32, (4, 5), elements=st.floats(-500, 500, width=32) | st.just(np.nan))


@given(phases)
def test_wrapped_phase_has_the_same_phasor_and_lies_on_one_cycle(phase):
    wrapped = wrap(phase)
    known = np.isfinite(phase)
    assert wrapped.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(wrapped), known)
    assert (wrapped[known] <= PI).all()
    assert (wrapped[known] > -PI).all()
    np.testing.assert_allclose(np.exp(1j * wrapped[known].astype("f8")), np.exp(1j * phase[known].astype("f8")), atol=1e-6)


@given(phases)
def test_wrapping_twice_changes_nothing(phase):
    np.testing.assert_array_equal(wrap(wrap(phase)), wrap(phase))


def test_every_float_near_the_ends_stays():
    near = np.append(PI, np.nextafter(PI, np.float32(0)) - np.arange(9, dtype="f4") * np.spacing(PI))
    np.testing.assert_array_equal(wrap(near), near)
    np.testing.assert_array_equal(wrap(-near[1:]), -near[1:])


@given(phases, st.integers(-20, 20))
def test_whole_cycles_do_not_matter(phase, cycles):
    known = np.isfinite(phase)
    shifted = wrap(phase.astype("f8") + 2 * np.pi * cycles)
    np.testing.assert_allclose(np.exp(1j * shifted[known]), np.exp(1j * wrap(phase)[known]), atol=1e-6)


def test_both_ends_of_the_cycle_are_plus_pi():
    ends = np.array([-np.pi, np.pi, 3 * np.pi, PI, np.nextafter(-np.pi, 0)])
    np.testing.assert_array_equal(wrap(ends), np.full(5, PI))
    np.testing.assert_allclose(wrap(np.array([-PI])), [PI], rtol=1e-6)


def test_gain_makes_more_fringes_and_offset_shifts_them():
    ramp = np.linspace(0, 4 * np.pi, 400).astype("f4")[None]
    fringes = [int((np.abs(np.diff(rewrap(ramp, gain=gain, offset=0.5)[0])) > np.pi).sum()) for gain in (1, 2, 3)]
    assert fringes == [2, 4, 6]
    np.testing.assert_allclose(rewrap(np.zeros((1, 1), "f4"), offset=7.0), 7 - 2 * np.pi, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.complex64, np.int16, bool])
def test_only_real_radians_are_wrapped(dtype):
    with pytest.raises(ValueError, match="real floating-point"):
        wrap(np.zeros((2, 2), dtype))


def test_cycles_between_counts_whole_cycles():
    phase = np.linspace(-40, 40, 50)
    np.testing.assert_allclose(wrap(phase) + 2 * np.pi * cycles_between(phase, wrap(phase)), phase, atol=1e-5)
