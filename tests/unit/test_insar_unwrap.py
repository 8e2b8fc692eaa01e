"""Every unwrapper recovers a phase that is known by construction, up to one number of cycles."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from fringeflow.errors import ConfigError
from fringeflow.insar.phase import wrap
from fringeflow.insar.unwrap import UNWRAPPERS, unwrap

SIDE = 128


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    hills = gaussian_filter(np.random.default_rng(5).normal(size=(SIDE, SIDE)), 14)
    return (hills * 9 / hills.std()).astype("f4")


def noisy(truth: np.ndarray, sigma: float = 0.3) -> np.ndarray:
    return wrap(truth + np.random.default_rng(6).normal(0, sigma, truth.shape))


def right(unwrapped: np.ndarray, truth: np.ndarray) -> float:
    cycles = np.rint((unwrapped - truth) / (2 * np.pi))
    known = np.isfinite(cycles)
    return float((cycles[known] == np.median(cycles[known])).mean())


@pytest.mark.parametrize("method", UNWRAPPERS)
class TestEveryUnwrapper:
    def test_recovers_the_truth_and_is_congruent(self, method, truth, capfd):
        wrapped = noisy(truth)
        unwrapped = unwrap(wrapped, np.full(truth.shape, 0.8, "f4"), method=method)
        assert unwrapped.dtype == np.float32
        assert right(unwrapped, truth) > 0.99
        np.testing.assert_allclose(wrap(unwrapped - wrapped), 0, atol=1e-4)
        assert capfd.readouterr().out == ""

    def test_median_is_nearest_to_zero(self, method, truth):
        assert abs(np.median(unwrap(noisy(truth + 100), method=method))) <= np.pi

    def test_no_data_stays_and_islands_agree_across_it(self, method, truth):
        wrapped = noisy(truth, 0.1)
        wrapped[:, 60:66] = np.nan
        wrapped[:20, :30] = np.nan
        unwrapped = unwrap(wrapped, np.where(np.isnan(wrapped), np.nan, 0.8).astype("f4"), method=method)
        assert np.isnan(unwrapped[np.isnan(wrapped)]).all()
        assert np.isfinite(unwrapped[np.isfinite(wrapped)]).mean() > 0.95
        assert right(unwrapped, truth) > 0.99

    def test_coherence_may_be_missing_or_have_gaps(self, method, truth):
        wrapped = noisy(truth)
        patchy = np.full(truth.shape, 0.8, "f4")
        patchy[40:44, 40:44] = np.nan
        for coherence in (None, patchy):
            unwrapped = unwrap(wrapped, coherence, method=method)
            assert np.isfinite(unwrapped).mean() > 0.9
            assert right(unwrapped, truth) > 0.99

    def test_same_input_gives_the_same_output(self, method, truth):
        np.testing.assert_array_equal(unwrap(noisy(truth), method=method), unwrap(noisy(truth), method=method))


def test_unwrappers_agree_with_each_other(truth):
    wrapped = noisy(truth)
    first, second = (unwrap(wrapped, method=method) for method in ("whirlwind", "snaphu"))
    assert np.isclose(first, second, atol=1e-3).mean() > 0.99


def test_without_any_data_nothing_is_called():
    assert np.isnan(unwrap(np.full((40, 40), np.nan, "f4"))).all()


def test_pure_noise_without_coherence_is_not_trusted():
    rng = np.random.default_rng(7)
    unwrapped = unwrap(rng.uniform(-3, 3, (SIDE, SIDE)).astype("f4"), np.full((SIDE, SIDE), 0.02, "f4"))
    assert np.isfinite(unwrapped).mean() < 0.2


def test_wrong_arguments_are_named():
    phase = np.zeros((8, 8), "f4")
    with pytest.raises(ConfigError, match="did you mean 'snaphu'"):
        unwrap(phase, method="snafu")
    with pytest.raises(ValueError, match=r"\(4, 4\)"):
        unwrap(phase, np.zeros((4, 4), "f4"))
    with pytest.raises(ValueError, match="looks"):
        unwrap(phase, looks=0.5)
    with pytest.raises(ValueError, match="complex"):
        unwrap(np.zeros((8, 8), "c8"))
    with pytest.raises(ValueError, match="2-D"):
        unwrap(np.zeros(8, "f4"))
