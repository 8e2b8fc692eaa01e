"""The spectrogram view: a known fringe pattern peaks where it must, noise averages 0 dB, gaps do not matter."""

import numpy as np
import pytest
from scipy.signal.windows import get_window

from fringeflow.config.interferograms import Spectrogram
from fringeflow.errors import ConfigError
from fringeflow.insar.phase import wrap
from fringeflow.insar.spectrum import TAPERS, spectrogram, spectrogram_event, spectrogram_shape
from fringeflow.store import content_digest, open_samples, write_samples

WIDE = {"floor_db": -200.0, "ceiling_db": 200.0}


def full(window: int, **settings) -> Spectrogram:
    """Keep the whole band, as a plain transform does."""
    return Spectrogram(window=window, bins=window, max_wavenumber=0.5, **settings)


def plane(cycles_down: float, cycles_right: float, side: int = 64) -> np.ndarray:
    y, x = np.mgrid[:side, :side]
    return wrap(2 * np.pi * (cycles_down * y + cycles_right * x + 0.3))[None]


@pytest.mark.parametrize("taper", ["hann", "hamming", "boxcar"])
@pytest.mark.parametrize(("down", "right"), [(0, 0), (5, -9), (-32, 3), (0, 20), (-1, 0)])
def test_plane_fringes_peak_in_their_bin(down, right, taper):
    power = spectrogram(plane(down / 64, right / 64), full(64, hop=64, taper=taper, **WIDE))[0]
    assert np.unravel_index(power.argmax(), power.shape) == (32 + down, 32 + right)
    window = np.outer(*[{"hann": np.hanning, "hamming": np.hamming, "boxcar": np.ones}[taper](65)[:64]] * 2)
    assert power.max() == pytest.approx(10 * np.log10(window.sum() ** 2 / (window**2).sum()), abs=1e-3)


def test_mosaic_keeps_the_order_of_the_windows():
    tile = np.block([[plane(4 / 32, 0, 32)[0], plane(0, 6 / 32, 32)[0]], [plane(-4 / 32, 0, 32)[0], np.full((32, 32), np.nan)]])
    mosaic = spectrogram(tile[None].astype("f4"), full(32, hop=32))[0]
    assert mosaic.shape == (64, 64)
    peaks = {
        (i, j): np.unravel_index(mosaic[i * 32 : i * 32 + 32, j * 32 : j * 32 + 32].argmax(), (32, 32)) for i in (0, 1) for j in (0, 1)
    }
    assert peaks[0, 0] == (20, 16)
    assert peaks[0, 1] == (16, 22)
    assert peaks[1, 0] == (12, 16)
    assert (mosaic[32:, 32:] == -20).all()


@pytest.mark.parametrize("missing", [0.0, 0.3, 0.9])
def test_white_noise_averages_0_db_whatever_is_missing(missing):
    rng = np.random.default_rng(1)
    tiles = rng.uniform(-np.pi, np.pi, (40, 128, 128)).astype("f4")
    tiles[rng.random(tiles.shape) < missing] = np.nan
    power = 10 ** (spectrogram(tiles, full(64, hop=32, **WIDE)) / 10)
    assert 10 * np.log10(power.mean()) == pytest.approx(0, abs=0.03)


def test_parseval():
    tile = np.random.default_rng(2).normal(0, 2, (3, 32, 32)).astype("f4")
    power = 10 ** (spectrogram(tile, full(32, hop=32, **WIDE)).astype("f8") / 10)
    # sum |FFT|^2 = N sum |w z|^2, and |z| = 1: in these units the mean over wavenumbers is 1 exactly.
    np.testing.assert_allclose(power.mean(axis=(1, 2)), 1, rtol=1e-4)


def test_wrapping_and_a_constant_do_not_matter_and_conjugation_turns_the_spectrum():
    rng = np.random.default_rng(3)
    unwrapped = np.cumsum(rng.normal(0, 0.5, (1, 64, 64)), axis=1).astype("f4")
    settings = full(64, hop=64)
    power = spectrogram(unwrapped, settings)
    np.testing.assert_allclose(spectrogram(wrap(unwrapped), settings), power, atol=0.02)
    np.testing.assert_allclose(spectrogram(wrap(unwrapped + 1), settings), power, atol=0.02)
    np.testing.assert_allclose(spectrogram(-unwrapped, settings)[0, 1:, 1:], power[0, :0:-1, :0:-1], atol=0.02)


def test_no_data_gives_the_floor_and_never_nan():
    tiles = np.full((2, 64, 64), np.nan, "f4")
    tiles[1, 10, 10] = 1.0
    out = spectrogram(tiles, full(64, hop=64))
    assert out.dtype == np.float32
    assert (out[0] == -20).all()
    np.testing.assert_allclose(out[1], 0, atol=1e-4)


def test_power_is_clipped():
    out = spectrogram(plane(3 / 64, 0), full(64, hop=64, floor_db=-5, ceiling_db=10))
    assert out.min() == -5
    assert out.max() == 10


def test_window_larger_than_a_tile_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"window is 64.*32 x 32"):
        spectrogram(np.zeros((1, 32, 32), "f4"), full(64, hop=64))
    write_samples(tmp_path / "w", [np.zeros((1, 32, 32))], count=1, shape=(32, 32), attrs={}, units="rad")
    with pytest.raises(ConfigError, match="window is 64"):
        spectrogram_event(tmp_path / "w", full(64, hop=64), tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(("hop", "threads"), [(32, 1), (16, 2)])
def test_event_is_the_same_as_tile_by_tile(tmp_path, hop, threads):
    tiles = np.random.default_rng(4).uniform(-3, 3, (50, 64, 64)).astype("f4")
    write_samples(tmp_path / "w", [tiles], count=50, shape=(64, 64), attrs={"event": "e", "view": "wrapped"}, units="rad")
    settings = full(32, hop=hop)
    digest = spectrogram_event(tmp_path / "w", settings, tmp_path / "s", threads=threads)
    store = open_samples(tmp_path / "s")
    assert store.shape == spectrogram_shape((64, 64), settings)
    assert (store.attrs["event"], store.attrs["view"], store.attrs["units"]) == ("e", "spectrogram", "dB")
    assert digest == content_digest(np.concatenate([spectrogram(tile[None], settings) for tile in tiles]))


@pytest.mark.parametrize("taper", TAPERS)
def test_tapers_are_the_periodic_windows_of_signal_processing(taper):
    assert np.allclose(TAPERS[taper](33)[:-1], get_window(taper, 32, fftbins=True))


def test_the_zoom_shows_the_same_spectrum_as_zero_padding():
    tile = np.random.default_rng(5).normal(0, 1, (2, 64, 64)).cumsum(1).astype("f4")
    zoom = spectrogram(tile, Spectrogram(window=64, hop=64, bins=32, max_wavenumber=1 / 16, **WIDE))
    taper = np.outer(np.hanning(65)[:-1], np.hanning(65)[:-1])
    padded = np.fft.fftshift(np.abs(np.fft.fft2(np.exp(1j * tile) * taper, (256, 256))) ** 2, axes=(1, 2)) / (taper**2).sum()
    np.testing.assert_allclose(10 ** (zoom / 10), padded[:, 112:144, 112:144], rtol=1e-3, atol=1e-3)
