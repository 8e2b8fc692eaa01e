"""What a sound shot gather shows: a direct and a refracted wave, reflections, ground roll, and noise everywhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from fringeflow.config.collections import SimulatedGathers

Traces = NDArray[np.float32]
"""Shape (traces, samples)."""
NEAR_M = 60.0
"""Offset within which amplitudes stop growing: near the source the ground is no longer elastic."""


@dataclass(frozen=True)
class Spread:
    """A source and its geophones.

    Attributes
    ----------
    geophones_m : ndarray of float64, shape (traces,)
        Places along the line, the first at 0.
    source_m : float
        Place of the source along the line, near the middle.
    aside_m : float
        How far the source lies from the line.
    times_s : ndarray of float32, shape (samples,)
        Since the shot.
    """

    geophones_m: NDArray[np.float64]
    source_m: float
    aside_m: float
    times_s: NDArray[np.float32]

    @property
    def offsets_m(self) -> NDArray[np.float64]:
        """Distance of each geophone along the line from the source, negative before it."""
        return self.geophones_m - self.source_m

    @property
    def distances_m(self) -> NDArray[np.float64]:
        """Distance of each geophone from the source, never 0."""
        return np.hypot(self.offsets_m, max(self.aside_m, 1.0))

    @property
    def interval_s(self) -> float:
        """Sampling interval."""
        return float(self.times_s[1] - self.times_s[0])

    @property
    def shape(self) -> tuple[int, int]:
        """Traces and samples."""
        return len(self.geophones_m), len(self.times_s)


def draw_spread(rng: np.random.Generator, settings: SimulatedGathers) -> Spread:
    """Draw where the source lies: within two geophones of the middle of the spread, and a little off the line."""
    geophones = np.arange(settings.traces, dtype=np.float64) * float(settings.spacing_m)
    middle = geophones[-1] / 2 + rng.uniform(-2, 2) * settings.spacing_m
    times = np.arange(settings.samples, dtype=np.float32) * np.float32(settings.interval_ms / 1000)
    return Spread(geophones, float(middle), float(rng.uniform(0, 2) * settings.spacing_m), times)


def ricker(time_s: NDArray[np.floating], peak_hz: float) -> NDArray[np.float32]:
    """Return a Ricker wavelet of height 1 about time 0.

    >>> float(ricker(np.zeros(1), 30.0)[0])
    1.0
    """
    square = np.square(np.float32(np.pi * peak_hz) * time_s.astype(np.float32))
    return ((1 - 2 * square) * np.exp(-square)).astype(np.float32)


def draw_signal(rng: np.random.Generator, spread: Spread) -> Traces:
    """Draw what the shot makes the ground do: first arrivals, reflections, ground roll, and at times the air wave.

    Parameters
    ----------
    rng : Generator
    spread : Spread

    Returns
    -------
    ndarray of float32, shape (traces, samples)
        The direct wave is about 1 near the source. Statics and the coupling of each geophone are in it.
    """
    static = _statics(rng, spread)
    traces = _first_arrivals(rng, spread, static) + _reflections(rng, spread, static) + _ground_roll(rng, spread)
    if rng.random() < 0.4:
        arrival = spread.distances_m / rng.uniform(328, 348)
        traces += _arrive(spread, arrival, rng.uniform(0.15, 0.6) * _decay(spread, 0.7), float(rng.uniform(45, 70)))
    coupling = np.exp(rng.normal(0, rng.uniform(0.08, 0.3), (spread.shape[0], 1)))
    return (traces * coupling).astype(np.float32)


def draw_background(rng: np.random.Generator, spread: Spread) -> Traces:
    """Draw the noise that every gather has: the ground's own unrest, and often a weak wave train that crosses the spread.

    Returns
    -------
    ndarray of float32, shape (traces, samples)
        Its root mean square is 0.002 to 0.012 of the direct wave near the source.
    """
    level = float(np.exp(rng.uniform(np.log(0.002), np.log(0.012))))
    noise = band_noise(rng, spread, (2.0, float(rng.uniform(50, 90)))) * level
    noise *= np.exp(rng.normal(0, 0.25, (spread.shape[0], 1))).astype(np.float32)
    if rng.random() < 0.3:
        centre = float(rng.uniform(8, 22))
        train = band_noise(rng, spread, (0.7 * centre, 1.3 * centre), slowness_s_m=float(rng.choice([-1, 1]) / rng.uniform(400, 1600)))
        noise += train * np.float32(level * rng.uniform(0.5, 1.5))
    return noise


def band_noise(rng: np.random.Generator, spread: Spread, band_hz: tuple[float, float], *, slowness_s_m: float | None = None) -> Traces:
    """Draw stationary noise of a band with root mean square 1 in each trace.

    Parameters
    ----------
    rng : Generator
    spread : Spread
    band_hz : tuple of float
        Where power is kept; it falls smoothly outside.
    slowness_s_m : float, optional
        If given all traces share one noise, a plane wave that crosses the spread so fast; otherwise each has its own.
    """
    count, length = spread.shape
    size = fft.next_fast_len(length + length // 4, real=True)
    frequency = fft.rfftfreq(size, spread.interval_s)
    low, high = band_hz[0], min(band_hz[1], 0.45 / spread.interval_s)
    shape = np.exp(-0.5 * (np.maximum(low - frequency, 0) / (0.2 * low)) ** 2 - 0.5 * (np.maximum(frequency - high, 0) / (0.2 * high)) ** 2)
    draws = rng.standard_normal((2, 1 if slowness_s_m is not None else count, len(frequency)))
    spectrum = (draws[0] + 1j * draws[1]) * shape
    if slowness_s_m is not None:
        spectrum = spectrum * np.exp(-2j * np.pi * frequency * (spread.geophones_m[:, None] * slowness_s_m))
    noise = fft.irfft(spectrum, size)[:, :length]
    return (noise / np.maximum(noise.std(axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _arrive(spread: Spread, arrival_s: NDArray[np.floating], amplitude: NDArray[np.floating], peak_hz: float) -> Traces:
    """Return a wavelet in each trace, at its arrival and of its amplitude."""
    return ricker(spread.times_s - arrival_s[:, None].astype(np.float32), peak_hz) * amplitude[:, None].astype(np.float32)


def _decay(spread: Spread, power: float) -> NDArray[np.float64]:
    """Return how amplitudes fall with the distance from the source, 1 near it."""
    return (1 + spread.distances_m / NEAR_M) ** -power


def _statics(rng: np.random.Generator, spread: Spread) -> NDArray[np.float64]:
    """Draw the delays of the soil under each geophone: a smooth part and one of its own, seconds."""
    rough = rng.normal(0, 1, spread.shape[0])
    width = max(3, spread.shape[0] // 8)
    smooth = np.convolve(np.pad(rough, width, mode="reflect"), np.hanning(width), mode="same")[width:-width]
    smooth *= rng.uniform(0.002, 0.010) / max(float(smooth.std()), 1e-12)
    return smooth + rng.normal(0, rng.uniform(0.0005, 0.003), spread.shape[0])


def _first_arrivals(rng: np.random.Generator, spread: Spread, static: NDArray[np.float64]) -> Traces:
    """Draw the direct wave through the soil and the refraction below it, which overtakes."""
    soil, rock = rng.uniform(550, 1100), rng.uniform(1600, 2600)
    thickness = rng.uniform(8, 40)
    intercept = 2 * thickness * np.sqrt(1 / soil**2 - 1 / rock**2)
    peak = float(rng.uniform(28, 45))
    direct = _arrive(spread, spread.distances_m / soil + static, _decay(spread, rng.uniform(1.0, 1.5)), peak)
    head = intercept + spread.distances_m / rock + static
    return direct + _arrive(spread, head, rng.uniform(0.4, 1.0) * _decay(spread, rng.uniform(0.3, 0.7)), 1.1 * peak)


def _reflections(rng: np.random.Generator, spread: Spread, static: NDArray[np.float64]) -> Traces:
    """Draw two to five layers: hyperbolas, flatter and of lower pitch the later, weaker or stronger with the offset."""
    total = float(spread.times_s[-1])
    traces = np.zeros(spread.shape, np.float32)
    first_velocity, gradient = rng.uniform(1350, 2000), rng.uniform(250, 800)
    pitch = rng.uniform(30, 48)
    for zero_time in np.sort(rng.uniform(0.1, 0.88, rng.integers(2, 6))) * total:
        velocity = first_velocity + gradient * zero_time
        arrival = np.sqrt(zero_time**2 + (spread.distances_m / velocity) ** 2)
        # Shuey's two terms: R(angle) = R0 (1 + b sin^2 angle); spreading and absorption follow the travel time.
        steepness = np.square(spread.distances_m / (velocity * arrival))
        contrast = rng.choice([-1, 1]) * rng.uniform(0.2, 0.7)
        spreading = (0.25 * total / arrival) * np.exp(-arrival / (0.9 * total))
        amplitude = contrast * (1 + rng.uniform(-1.2, 0.6) * steepness) * spreading
        traces += _arrive(spread, arrival + static, amplitude, float(pitch * np.exp(-zero_time / (2 * total))))
    return traces


def _ground_roll(rng: np.random.Generator, spread: Spread) -> Traces:
    """Draw the fan of ground roll: slow, low, and dispersive: the low frequencies, which reach deeper, run ahead."""
    length = spread.shape[1]
    size = fft.next_fast_len(2 * length, real=True)
    frequency = fft.rfftfreq(size, spread.interval_s)
    slow, fast = rng.uniform(230, 480), rng.uniform(550, 1200)
    corner = rng.uniform(5, 10)
    velocity = slow + (fast - slow) / (1 + (frequency / corner) ** 2)
    peak = rng.uniform(7, 14)
    push = (frequency / peak) ** 2 * np.exp(1 - (frequency / peak) ** 2)  # the spectrum of a Ricker wavelet
    distance = spread.distances_m[:, None]
    damping = np.exp(-distance * frequency / (rng.uniform(8, 40) * velocity))
    # The push comes a little after time 0, so that the wave does not begin before the shot.
    delay = np.exp(-2j * np.pi * frequency * (distance / velocity + 0.8 / peak))
    wave = fft.irfft(push * damping * delay, size)[:, :length]
    wave /= max(float(np.abs(wave).max()), 1e-12)
    return (wave * (np.exp(rng.uniform(np.log(0.12), np.log(0.9))) * _decay(spread, 0.25)[:, None])).astype(np.float32)
