"""Coherence, and the phase noise that comes with it."""

import math

import numpy as np
from numpy.typing import NDArray

from fringeflow.simulate.fields import Field

REPEAT_DAYS = 12.0
"""The baseline in time at which land has the mean coherence of the settings."""


def land_coherence(fading: Field, mean: float, *, days: float, weather: float = 1.0) -> Field:
    """Return the coherence of land after some days.

    It falls as exp(-rate), with the rate of each place in proportion to its `fading` and growing slower
    than time, as volume and weather take their share at once.

    Parameters
    ----------
    fading : ndarray of float32
        As in `Terrain`.
    mean : float
        Mean coherence over the field after 12 days in fair weather.
    days : float
        Between the two acquisitions.
    weather : float
        Multiplies the rate: rain or snow above 1.

    Returns
    -------
    ndarray of float32, 0..1
    """
    if mean >= 1.0:
        return np.ones_like(fading)
    sample = fading[::8, ::8].astype(np.float64)
    low, high = -12.0, 12.0
    for _ in range(40):  # the mean falls with the rate, so halving finds it
        middle = 0.5 * (low + high)
        low, high = (middle, high) if float(np.exp(-np.exp(middle) * sample).mean()) > mean else (low, middle)
    rate = np.exp(low) * weather * (days / REPEAT_DAYS) ** 0.5
    return np.exp(-rate * fading).astype(np.float32)


def gradient_coherence(phase: Field) -> Field:
    """Return the coherence that is left where the phase changes within a pixel, as near a rupture.

    Averaging exp(i phase) over a pixel across which the phase grows by g leaves sinc(g / 2 pi) of it.
    From 2 pi on nothing is left.

    Parameters
    ----------
    phase : ndarray of float32, shape (rows, columns), radians, not wrapped

    Returns
    -------
    ndarray of float32, 0..1
    """
    left = np.ones_like(phase)
    for change in np.gradient(phase):
        cycles = np.abs(change) / np.float32(2.0 * np.pi)
        left *= np.where(cycles < 1.0, np.sinc(cycles), 0.0).astype(np.float32)
    return left


def noise_coherence(looks: float) -> float:
    """Return the mean sample coherence of pure noise: how far its estimate is biased (Touzi and Lopes 1996).

    >>> round(noise_coherence(5.0), 2)
    0.41
    """
    return math.exp(math.lgamma(looks) + math.lgamma(1.5) - math.lgamma(looks + 0.5))


def speckle(rng: np.random.Generator, coherence: Field, looks: float) -> tuple[NDArray[np.complex64], Field]:
    """Draw a multilooked interferogram of a flat scene, and its estimated coherence.

    The sample covariance of two images over independent looks is complex Wishart. Its Bartlett
    decomposition gives the interferogram of any number of looks from one gamma and one complex normal
    draw a pixel: it has the phase of g sqrt(G) + sqrt(1 - g^2) z, with coherence g, G ~ Gamma(looks)
    and z ~ CN(0, 1). The phase follows Lee et al. (1994), the coherence estimate Touzi and Lopes (1996),
    with its bias towards 1 where the true coherence is small.

    Parameters
    ----------
    rng : numpy.random.Generator
    coherence : ndarray of float32, 0..1
    looks : float
        At least 1.

    Returns
    -------
    ndarray of complex64
        Unit phasors: exp(i noise).
    ndarray of float32
        Sample coherence, 0..1.

    References
    ----------
    Lee, J.-S. et al. (1994). Intensity and phase statistics of multilook polarimetric and
    interferometric SAR imagery. IEEE TGRS 32(5), 1017-1028.
    """
    rest = np.sqrt(np.maximum(1.0 - coherence * coherence, 0.0)).astype(np.float32)
    common = np.sqrt(rng.standard_gamma(looks, size=coherence.shape, dtype=np.float32))
    half = np.float32(np.sqrt(0.5))
    real = coherence * common + rest * half * rng.standard_normal(coherence.shape, dtype=np.float32)
    imaginary = rest * half * rng.standard_normal(coherence.shape, dtype=np.float32)
    power = real * real + imaginary * imaginary
    other = rest * rest * (rng.standard_gamma(looks - 1, size=coherence.shape, dtype=np.float32) if looks > 1 else np.float32(0.0))
    modulus = np.sqrt(np.maximum(power, np.float32(1e-30)))
    phasor = np.empty(coherence.shape, dtype=np.complex64)
    phasor.real, phasor.imag = real / modulus, imaginary / modulus
    return phasor, np.sqrt(power / np.maximum(power + other, np.float32(1e-30)))
