"""The view `spectrogram` of recordings: the power that scipy finds, over traces and around gaps."""

import numpy as np
import pytest
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import get_window

from fringeflow.config.collections import Stft
from fringeflow.errors import ConfigError
from fringeflow.seismic import stft
from fringeflow.seismic.stft import mean_power, spectrogram_view
from tests.unit.toy_gathers import INTERVAL_S, recording

WIDE = Stft(window_s=0.128, rows=17, columns=73, floor_db=-300, ceiling_db=300)
NOISE = np.random.default_rng(0).normal(0, 1, (6, 32 + 72 * 8)).astype("f4")
TIME = np.arange(NOISE.shape[1]) * INTERVAL_S


@pytest.mark.parametrize("taper", ["hann", "hamming", "boxcar"])
@pytest.mark.parametrize(("combine", "over"), [("mean", np.mean), ("median", np.median)])
def test_power_is_that_of_scipy_for_whole_windows(taper, combine, over):
    settings = WIDE.model_copy(update={"taper": taper, "combine": combine})
    transform = ShortTimeFFT(get_window(taper, 32), 8, 1 / INTERVAL_S)
    first, last = transform.lower_border_end[1], transform.upper_border_begin(NOISE.shape[1])[1]
    reference = np.abs(transform.stft(NOISE.astype("f8"), first, last)) ** 2
    # Its slices are centred on multiples of the hop: slice 2 is the first that is whole, and begins with the first sample.
    assert transform.delta_t * first == pytest.approx(16 * INTERVAL_S)
    ours = mean_power(recording(NOISE), settings) * np.abs(NOISE).max() ** 2
    assert ours.shape == (17, 73)
    np.testing.assert_allclose(ours[:, : reference.shape[-1]], over(reference, axis=0), rtol=1e-4, atol=1e-4)


def test_many_windows_are_taken_a_block_at_a_time(monkeypatch):
    whole = mean_power(recording(NOISE), WIDE)
    monkeypatch.setattr(stft, "BLOCK_BYTES", 4 * 32 * 6 * 5)
    np.testing.assert_array_equal(mean_power(recording(NOISE), WIDE), whole)


@pytest.mark.parametrize(("hertz", "row"), [(125.0, 0), (31.25, 12), (0.0, 16)])
def test_a_tone_lies_in_its_row_the_highest_on_top(hertz, row):
    picture = spectrogram_view(recording(0.01 * NOISE[0] + np.cos(2 * np.pi * hertz * TIME)), WIDE)
    assert (picture.shape, picture.dtype) == ((17, 73), np.float32)
    assert (picture.argmax(axis=0) == row).all()
    low = spectrogram_view(
        recording(0.01 * NOISE[0] + np.cos(2 * np.pi * 31.25 * TIME)), WIDE.model_copy(update={"max_frequency_hz": 62.5, "rows": 18})
    )
    assert abs(np.median(low.argmax(axis=0)) - 8.5) < 1


def test_a_burst_lies_in_its_column():
    burst = 0.01 * NOISE[0]
    burst[300:310] += np.cos(2 * np.pi * 60 * TIME[300:310])
    picture = spectrogram_view(recording(burst), WIDE)
    assert abs(picture.max(axis=0).argmax() - (305 - 16) / 8) < 1.5


def test_neither_gain_nor_units_show_and_half_lies_above_0_db():
    picture = spectrogram_view(recording(NOISE), WIDE)
    assert np.median(picture) == pytest.approx(0, abs=0.01)
    for gain in (1e-15, 1e12):
        np.testing.assert_allclose(spectrogram_view(recording(NOISE * np.float32(gain)), WIDE), picture, atol=1e-3)


def test_dead_traces_shift_a_mean_by_what_they_lack_and_a_failed_one_leaves_a_median():
    dead = NOISE.copy()
    dead[3:] = 0
    np.testing.assert_allclose(spectrogram_view(recording(dead), WIDE), spectrogram_view(recording(dead[:3]), WIDE), atol=1e-3)
    failed = np.tile(NOISE[:1], (7, 1))
    failed[2] += 1000 * np.cos(2 * np.pi * 50 * TIME)
    median = spectrogram_view(recording(failed), WIDE.model_copy(update={"combine": "median"}))
    np.testing.assert_allclose(median, spectrogram_view(recording(NOISE[0]), WIDE), atol=0.05)


@pytest.mark.parametrize("combine", ["mean", "median"])
def test_a_window_that_touches_a_gap_has_no_power_and_traces_fill_in_for_one_another(combine):
    settings = WIDE.model_copy(update={"combine": combine})
    gap = NOISE.copy()
    gap[:, 200:210] = np.nan
    lost = np.isnan(spectrogram_view(recording(gap), settings))
    touched = [column for column in range(73) if column * 8 < 210 and column * 8 + 32 > 200]
    assert (np.flatnonzero(lost.all(axis=0)) == touched).all()
    assert lost.any(axis=0).sum() == len(touched)
    partial = NOISE.copy()
    partial[:4, 200:210] = np.nan
    power, rest, all_of_them = (mean_power(recording(traces), settings) for traces in (partial, NOISE[4:], NOISE))
    scale = np.array([np.nanmax(np.abs(traces)) ** 2 for traces in (partial, NOISE[4:], NOISE)])
    assert np.isfinite(power).all()
    np.testing.assert_allclose(power[:, touched] * scale[0], rest[:, touched] * scale[1], rtol=1e-4)
    np.testing.assert_allclose(np.delete(power, touched, axis=1) * scale[0], np.delete(all_of_them, touched, axis=1) * scale[2], rtol=1e-4)


def test_silence_is_the_floor_nothing_is_no_data_and_power_is_clipped():
    settings = Stft(rows=20, columns=30)
    np.testing.assert_allclose(spectrogram_view(recording(np.zeros((3, 300))), settings), -20, rtol=1e-6)
    assert np.isnan(spectrogram_view(recording(np.full((3, 300), np.nan)), settings)).all()
    quiet = np.zeros((1, 300))
    quiet[0, 250:] = NOISE[0, :50]
    picture = spectrogram_view(recording(quiet), settings)
    np.testing.assert_allclose(picture[:, :20], -20, rtol=1e-6)
    assert picture.max() > 0
    loud = spectrogram_view(recording(NOISE[:1] + 1e4 * np.cos(2 * np.pi * 60 * TIME)), settings.model_copy(update={"ceiling_db": 12}))
    assert loud.max() == 12
    assert loud.min() >= -20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window_s": 3.0}, r"window_s is 3 s, longer than toy\.sgy, which lasts 2\.432 s; lower it to 2\.432 s or less"),
        ({"window_s": 0.008}, r"window_s is 0\.008 s, which is 2 samples of 0\.004 s; expected at least 4; raise it to 0\.016 s or more"),
        ({"max_frequency_hz": 5.0}, r"max_frequency_hz is 5, but a window of 0\.128 s tells frequencies 7\.8125 Hz apart"),
    ],
)
def test_windows_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        spectrogram_view(recording(NOISE), Stft(**settings))


@pytest.mark.parametrize("overlap", [0.0, 0.5, 0.99])
def test_the_longest_window_that_fits_gives_one_spectrum(overlap):
    settings = Stft(window_s=NOISE.shape[1] * INTERVAL_S, overlap=overlap, rows=16, columns=16)
    picture = spectrogram_view(recording(NOISE), settings)
    np.testing.assert_array_equal(picture, np.repeat(picture[:, :1], 16, axis=1))
