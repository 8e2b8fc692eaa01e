"""A view's array becomes a model's input: what must hold for every view, encoding and size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from fringeflow.encoding.colormaps import colour
from fringeflow.encoding.encodings import encode, normalise
from fringeflow.encoding.resize import resize
from fringeflow.encoding.views import ENCODINGS, PICTURES, VIEWS, resolve_encoding, view_of

PAIRS = [(view.name, encoding) for view in VIEWS.values() for encoding in view.encodings]
PHASES = [pair for pair in PAIRS if VIEWS[pair[0]].quantity != "power"]


def samples_of(view: str, count: int = 3, size: int = 48) -> np.ndarray:
    kind = VIEWS[view]
    samples = np.random.default_rng(7).uniform(1.5 * kind.low, 1.5 * kind.high, (count, size, size)).astype("f4")
    if kind.quantity == "cyclic":
        samples = np.angle(np.exp(1j * samples)).astype("f4")
    samples[0, :10] = np.nan
    samples[-1] = np.nan
    return samples


@pytest.mark.parametrize(("view", "encoding"), PAIRS)
@pytest.mark.parametrize("size", [16, 17, 48, 100])
def test_every_encoding_gives_bounded_finite_images(view, encoding, size):
    images = encode(samples_of(view), view, encoding, size)
    assert images.shape == (3, 3, size, size)
    assert images.dtype == np.float32
    low = 0 if encoding in PICTURES else -1
    assert images.min() >= low - 1e-6
    assert images.max() <= 1 + 1e-6


@pytest.mark.parametrize(("view", "encoding"), PAIRS)
def test_a_sample_is_encoded_alike_alone_and_in_any_batch(view, encoding):
    samples = samples_of(view)
    together = encode(samples, view, encoding, 16)
    for index, sample in enumerate(samples):
        np.testing.assert_allclose(encode(sample[None], view, encoding, 16)[0], together[index], atol=1e-6)


@pytest.mark.parametrize(("view", "encoding"), PAIRS)
def test_an_empty_batch_stays_empty(view, encoding):
    assert encode(np.empty((0, 48, 48), "f4"), view, encoding, 16).shape == (0, 3, 16, 16)


@pytest.mark.parametrize("encoding", VIEWS["wrapped"].encodings)
def test_a_wrapped_phase_means_the_same_after_a_turn(encoding):
    samples = samples_of("wrapped")
    np.testing.assert_allclose(
        encode(samples + np.float32(2 * np.pi), "wrapped", encoding, 24), encode(samples, "wrapped", encoding, 24), atol=0.02
    )


@pytest.mark.parametrize("encoding", ["gray", "colormap"])
def test_an_unwrapped_picture_does_not_know_its_constant(encoding):
    samples = np.clip(samples_of("unwrapped"), -8, 8)
    np.testing.assert_allclose(encode(samples + 100, "unwrapped", encoding, 24), encode(samples, "unwrapped", encoding, 24), atol=0.01)


def test_the_jump_of_a_wrapped_phase_is_not_averaged_to_zero():
    stripes = np.where(np.arange(32) % 2, np.pi - 0.1, -np.pi + 0.1).astype("f4") * np.ones((1, 32, 1), "f4")
    gray = encode(stripes, "wrapped", "gray", 16)[0, 0]
    assert np.minimum(gray, 1 - gray).max() < 0.02, "the mean of pi - 0.1 and -pi + 0.1 is pi, the end of the scale, not its middle"
    sine, cosine, _ = encode(stripes, "wrapped", "sincos", 16)[0]
    assert cosine.max() < -0.99
    assert abs(sine).max() < 1e-5


def test_the_length_of_sine_and_cosine_fades_with_dense_fringes():
    x = np.arange(128, dtype="f4")
    lengths = []
    for period in (64, 16, 8, 4):
        phase = np.angle(np.exp(2j * np.pi * x / period)).astype("f4") * np.ones((1, 128, 1), "f4")
        lengths.append(np.hypot(*encode(phase, "wrapped", "sincos", 32)[0, :2]).mean())
    expected = [abs(np.sin(4 * np.pi / period) / (4 * np.sin(np.pi / period))) for period in (64, 16, 8, 4)]  # four pixels become one
    np.testing.assert_allclose(lengths, expected, atol=1e-4)


def test_no_data_is_zero_and_does_not_leak_into_its_neighbours():
    samples = np.full((1, 32, 32), 1.0, "f4")
    samples[0, :, :16] = np.nan
    sine, cosine, third = encode(samples, "wrapped", "sincos", 16)[0]
    assert not sine[:, :8].any() and not cosine[:, :8].any() and not third.any()
    np.testing.assert_allclose(sine[:, 8:], np.sin(1), atol=1e-6)
    picture = encode(samples, "unwrapped", "gray", 16)[0, 0]
    np.testing.assert_allclose(picture, 0.5, atol=1e-6)
    decibels = encode(np.where(np.isnan(samples), np.nan, 40).astype("f4"), "spectrogram", "gray", 16)[0, 0]
    assert not decibels[:, :8].any()
    np.testing.assert_allclose(decibels[:, 8:], 1)


def test_the_third_channel_of_an_unwrapped_phase_tells_how_many_fringes():
    ramp = np.linspace(0, 15, 64, dtype="f4") * np.ones((1, 64, 1), "f4")
    third = encode(ramp, "unwrapped", "sincos", 32)[0, 2]
    high = VIEWS["unwrapped"].high
    np.testing.assert_allclose(third[0], np.clip((ramp[0, 0].reshape(32, 2).mean(axis=1) - 7.5) / high, -1, 1), atol=0.02)


def test_only_pictures_are_normalised():
    images = np.full((2, 3, 4, 4), 0.5, "f4")
    for encoding in ENCODINGS:
        result = normalise(images.copy(), encoding, (0.5, 0.4, 0.3), (0.5, 0.2, 0.1))
        expected = [0, 0.5, 2] if encoding in PICTURES else [0.5] * 3
        np.testing.assert_allclose(result[0, :, 0, 0], expected, atol=1e-6)


@pytest.mark.parametrize("name", ["twilight", "viridis"])
def test_colours_are_those_of_matplotlib(name):
    matplotlib = pytest.importorskip("matplotlib")
    values = np.linspace(0, 1, 700)
    np.testing.assert_allclose(colour(values, name), matplotlib.colormaps[name](values)[:, :3], atol=4 / 255)


def test_the_colours_of_a_phase_are_cyclic():
    np.testing.assert_array_equal(*colour(np.array([0.0, 1.0]), "twilight"))


def test_what_does_not_exist_is_told_with_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'wrapped'"):
        view_of("wraped")
    with pytest.raises(ValueError, match="did you mean 'sincos'"):
        resolve_encoding("wrapped", "sincs")
    with pytest.raises(ValueError, match="'sincos' is not defined for the view 'spectrogram'; valid: gray, colormap"):
        resolve_encoding("spectrogram", "sincos")
    with pytest.raises(ValueError, match=r"\(4, 4\); expected \(batch, rows, columns\)"):
        encode(np.zeros((4, 4), "f4"), "wrapped", None, 4)


def test_every_registered_encoding_is_described():
    assert {encoding for _, encoding in PAIRS} == set(ENCODINGS) and set(ENCODINGS) >= PICTURES
    for view in VIEWS.values():
        assert view.low < view.high and 0 <= view.no_data <= 1 and view.default_encoding == view.encodings[0]


@settings(max_examples=40, deadline=None)
@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 2), st.integers(2, 24), st.integers(2, 24)), elements=st.floats(-50, 50, width=32)),
    st.integers(1, 30),
)
def test_resizing_keeps_the_range_and_shrinking_keeps_the_mean(planes, size):
    result = resize(planes, size)
    assert result.shape == (*planes.shape[:1], size, size)
    assert result.min() >= planes.min() - 1e-3
    assert result.max() <= planes.max() + 1e-3
    if size <= min(planes.shape[1:]):
        np.testing.assert_allclose(result.mean(axis=(1, 2)), planes.mean(axis=(1, 2)), atol=1e-3)


@pytest.mark.parametrize(("rows", "columns", "size"), [(12, 12, 4), (10, 14, 4), (9, 6, 6), (7, 7, 5)])
def test_shrinking_is_the_exact_average_over_areas(rows, columns, size):
    plane = np.random.default_rng(0).normal(size=(rows, columns)).astype("f4")
    fine = np.kron(plane, np.ones((size, size)))
    expected = fine.reshape(size, rows, size, columns).mean(axis=(1, 3))
    np.testing.assert_allclose(resize(plane[None], size)[0], expected, atol=1e-5)


def test_growing_interpolates_a_ramp_linearly():
    ramp = np.arange(8, dtype="f4") * np.ones((8, 1), "f4")
    grown = resize(ramp[None], 16)[0]
    np.testing.assert_allclose(np.diff(grown[0])[1:-1], 0.5, atol=1e-5)
