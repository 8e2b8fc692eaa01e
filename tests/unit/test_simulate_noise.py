"""Phase noise, coherence, and random fields against their theory."""

import numpy as np
import pytest
from scipy import integrate, special

from fringeflow.simulate.fields import power_law_field
from fringeflow.simulate.noise import gradient_coherence, land_coherence, noise_coherence, speckle
from fringeflow.simulate.streams import stream


def phase_density(phase, coherence, looks):
    """Lee et al. (1994), equation 17 with the hypergeometric function written out, for zero mean phase."""
    beta = coherence * np.cos(phase)
    first = special.gamma(looks + 0.5) * (1 - coherence**2) ** looks * beta
    first /= 2 * np.sqrt(np.pi) * special.gamma(looks) * (1 - beta**2) ** (looks + 0.5)
    return first + (1 - coherence**2) ** looks / (2 * np.pi) * special.hyp2f1(looks, 1, 0.5, beta**2)


@pytest.mark.parametrize("looks", [1, 4, 20])
@pytest.mark.parametrize("coherence", [0.1, 0.5, 0.75, 0.95])
def test_phase_noise_spreads_as_theory_says(coherence, looks):
    phasor, _ = speckle(stream(1, "speckle"), np.full((400, 500), coherence, np.float32), looks)
    noise = np.angle(phasor)
    variance = integrate.quad(lambda phase: phase**2 * phase_density(phase, coherence, looks), -np.pi, np.pi, limit=200)[0]
    assert np.std(noise) == pytest.approx(np.sqrt(variance), rel=0.01)
    assert abs(np.mean(noise)) < 0.02
    np.testing.assert_allclose(np.abs(phasor), 1.0, rtol=1e-5)


@pytest.mark.parametrize("looks", [2, 20])
def test_coherence_is_estimated_with_the_bias_that_looks_cause(looks):
    """Touzi and Lopes (1996): mean estimate of zero coherence is gamma(L) gamma(3/2) / gamma(L + 1/2)."""
    _, zero = speckle(stream(2, "speckle"), np.zeros((300, 300), np.float32), looks)
    expected = special.gamma(looks) * special.gamma(1.5) / special.gamma(looks + 0.5)
    assert zero.mean() == pytest.approx(expected, rel=0.01) and noise_coherence(looks) == pytest.approx(expected)
    _, high = speckle(stream(2, "speckle"), np.full((300, 300), 0.9, np.float32), 20)
    assert high.mean() == pytest.approx(0.9, abs=0.01)
    assert zero.min() >= 0 and zero.max() <= 1


def test_speckle_equals_averaging_pairs_of_complex_images():
    """The shortcut against brute force: looks of correlated complex normal pairs, multiplied and summed."""
    rng, looks, coherence, pixels = np.random.default_rng(3), 5, 0.6, 40_000
    first, other = (rng.normal(size=(looks, pixels)) + 1j * rng.normal(size=(looks, pixels)) for _ in range(2))
    second = coherence * first + np.sqrt(1 - coherence**2) * other
    product = (second * first.conj()).sum(axis=0)
    estimate = np.abs(product) / np.sqrt((np.abs(first) ** 2).sum(axis=0) * (np.abs(second) ** 2).sum(axis=0))
    phasor, short = speckle(stream(3, "speckle"), np.full(pixels, coherence, np.float32), looks)
    levels = np.linspace(0.02, 0.98, 25)
    np.testing.assert_allclose(np.quantile(np.angle(phasor), levels), np.quantile(np.angle(product), levels), atol=0.04)
    np.testing.assert_allclose(np.quantile(short, levels), np.quantile(estimate, levels), atol=0.01)


def test_full_coherence_has_no_noise():
    phasor, estimate = speckle(stream(4, "speckle"), np.ones((50, 50), np.float32), 20)
    np.testing.assert_allclose(np.angle(phasor), 0.0, atol=1e-6)
    np.testing.assert_allclose(estimate, 1.0, atol=1e-6)


def test_land_has_the_mean_coherence_asked_for_and_loses_it_with_time():
    fading = np.exp(1.5 * power_law_field(stream(5, "land"), (256, 256), (0.1, 0.1), exponents=[3.0]))
    for mean in (0.3, 0.75, 0.95):
        assert land_coherence(fading, mean, days=12).mean() == pytest.approx(mean, abs=0.02)
    by_days = [land_coherence(fading, 0.75, days=days).mean() for days in (6, 12, 24, 48)]
    assert by_days == sorted(by_days, reverse=True)
    assert (land_coherence(fading, 1.0, days=48) == 1).all()
    assert land_coherence(fading, 0.0, days=12).max() < 0.05


def test_steep_phase_decorrelates_as_a_sinc():
    steps = np.arange(64, dtype=np.float32)
    for cycles in (0.0, 0.25, 0.5):
        ramp = np.broadcast_to(2 * np.pi * cycles * steps, (64, 64)).astype(np.float32)
        np.testing.assert_allclose(gradient_coherence(ramp), np.sinc(cycles), atol=1e-3)
    assert gradient_coherence(np.broadcast_to(7.0 * steps, (64, 64)).astype(np.float32)).max() == 0.0


def slope(waves, **spectrum):
    """Return the exponent of the power of random fields, 25.6 km wide, between two wave numbers."""
    power = np.zeros(129)
    taper = np.hanning(256)
    ring = np.rint(np.hypot(*np.meshgrid(np.fft.fftfreq(256, 1 / 256), np.fft.fftfreq(256, 1 / 256)))).astype(int)
    for number in range(8):
        field = power_law_field(stream(6, "field", str(number)), (256, 256), (0.1, 0.1), **spectrum)
        assert field.mean() == pytest.approx(0.0, abs=1e-5) and field.std() == pytest.approx(1.0, abs=1e-4)
        squared = np.abs(np.fft.fft2(field * taper * taper[:, None])) ** 2
        power += np.bincount(ring.ravel(), squared.ravel())[:129] / np.bincount(ring.ravel())[:129]
    waves = np.arange(*waves)
    return -np.polyfit(np.log(waves), np.log(power[waves]), 1)[0]


@pytest.mark.parametrize("exponent", [5 / 3, 8 / 3, 11 / 3])
def test_fields_have_the_spectrum_asked_for(exponent):
    assert slope((8, 80), exponents=[exponent]) == pytest.approx(exponent, abs=0.15)


def test_the_spectrum_bends_and_levels_off_where_it_should():
    bent = {"exponents": [8 / 3, 11 / 3], "breaks_km": [1.0]}  # wave 25.6
    assert slope((6, 22), **bent) == pytest.approx(8 / 3, abs=0.3)
    assert slope((32, 110), **bent) == pytest.approx(11 / 3, abs=0.3)
    assert slope((3, 8), exponents=[8 / 3], outer_km=2.0) == pytest.approx(0.0, abs=0.4)  # flat beyond wave 12.8


def test_breaks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="2 exponents need 1 breaks_km"):
        power_law_field(stream(1, "x"), (8, 8), (0.1, 0.1), exponents=[2.0, 3.0])


def test_streams_depend_on_every_name_and_on_nothing_else():
    drawn = {tuple(stream(*key).random(3)) for key in [(1, "a", "b"), (1, "a", "c"), (1, "b", "a"), (2, "a", "b"), (1, "ab")]}
    assert len(drawn) == 5
    assert tuple(stream(1, "a", "b").random(3)) in drawn
