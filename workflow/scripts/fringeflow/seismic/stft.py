"""The view `spectrogram` of a recording: power by frequency and time, of one trace or of many together."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy import fft
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import get_window

from fringeflow.config.collections import Stft
from fringeflow.errors import ConfigError
from fringeflow.seismic.recording import Recording
from fringeflow.seismic.resample import line_weights, resampled
from fringeflow.seismic.stores import Maker
from fringeflow.seismic.windows import Reading, cut

SHORTEST = 4
"""Samples that a window must have."""
BLOCK_BYTES = 1 << 23
"""Windows that are transformed at once take about this much."""


def spectrogram_view(recording: Recording, settings: Stft) -> np.ndarray:
    """Return a recording's short-time spectra as a picture of a fixed size.

    Power is |X(f, t)|^2 of `scipy.signal.ShortTimeFFT` for windows that lie in the recording whole; the first begins with
    the first sample. A window that touches a gap has no power. Of several traces the powers are averaged (`combine`: the
    mean, or the median, which a few failed traces do not move), at each time over those traces that have data there. All is told in dB over the median power of
    the whole recording, so that neither the gain of an instrument nor the size of an event shows. The picture is
    fitted to its size by means over areas where it shrinks and by straight lines where it grows, both of the dB.

    Parameters
    ----------
    recording : Recording
        NaN marks no data.
    settings : Stft

    Returns
    -------
    ndarray of float32, shape (rows, columns), dB
        Clipped to `floor_db`..`ceiling_db`. Frequencies down the rows, the highest first, the last row at 0 Hz; time across.
        NaN where there are no data. Where the power is 0 it is the floor; so is all of a recording that is 0.

    Raises
    ------
    ConfigError
        If the window is longer than the recording or shorter than four samples, or no frequency is kept.
    """
    power = mean_power(recording, settings)
    decibels = _decibels(power, settings)
    rows, columns = decibels.shape
    picture = resampled(decibels[::-1], line_weights(rows, settings.rows), line_weights(columns, settings.columns))
    return np.clip(picture, settings.floor_db, settings.ceiling_db, out=picture)  # weights add up to 1 but for rounding


def spectrogram_maker(settings: Stft, reading: Reading) -> Maker:
    """Return how the view `spectrogram` of recordings is made."""

    def make(recording: Recording, row: Any) -> np.ndarray:
        return spectrogram_view(cut(recording, row), settings)

    return Maker(reading.reader, make, (settings.rows, settings.columns), {"view": "spectrogram", **settings.model_dump(mode="json")}, "dB")


def transform_of(interval_s: float, settings: Stft) -> ShortTimeFFT:
    """Return the transform of recordings with a sampling interval.

    Raises
    ------
    ConfigError
        If the window has fewer than four samples.
    """
    length = round(settings.window_s / interval_s)
    if length < SHORTEST:
        raise ConfigError(
            [
                f"spectrogram: window_s is {settings.window_s:g} s, which is {length} samples of {interval_s:g} s; "
                f"expected at least {SHORTEST}; raise it to {SHORTEST * interval_s:g} s or more"
            ]
        )
    hop = max(1, round(length * (1 - settings.overlap)))
    return ShortTimeFFT(get_window(settings.taper, length), hop, 1 / interval_s)


def mean_power(recording: Recording, settings: Stft) -> np.ndarray:
    """Return the power of a recording by frequency and time, over all of its traces.

    Memory is bounded by a few windows of every trace, however long the recording.

    Parameters
    ----------
    recording : Recording
    settings : Stft

    Returns
    -------
    ndarray of float32, shape (frequencies, times)
        Over the square of the recording's largest amplitude, so that metres and counts alike fit into float32. The lowest
        frequency first; NaN where no trace has data.

    Raises
    ------
    ConfigError
        As `spectrogram_view`.
    """
    taper, hop, frequencies = _plan(recording.interval_s, settings)
    traces, length = recording.traces, len(taper)
    samples = traces.shape[1]
    if length > samples:
        raise ConfigError(
            [
                f"spectrogram: window_s is {settings.window_s:g} s, longer than {recording.source}, which lasts "
                f"{samples * recording.interval_s:g} s; lower it to {samples * recording.interval_s:g} s or less"
            ]
        )
    times = (samples - length) // hop + 1
    result = np.empty((frequencies, times), np.float32)
    largest, smallest = np.nanmax(traces, initial=0), np.nanmin(traces, initial=0)
    taper = taper / (max(largest, -smallest) or np.float32(1))
    whole = bool(np.isfinite(traces).all())
    step = max(1, BLOCK_BYTES // (4 * length * len(traces)))
    for first in range(0, times, step):
        last = min(first + step, times)
        part = traces[:, first * hop : (last - 1) * hop + length]
        # The same windows as ShortTimeFFT.stft takes one by one, all at once: several times as fast.
        windows = np.lib.stride_tricks.sliding_window_view(part, length, axis=1)[:, ::hop]
        spectrum = fft.rfft(windows * taper, axis=-1)[..., :frequencies]
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        result[:, first:last] = _combined(power, settings.combine, whole).T
    return result


@lru_cache(maxsize=16)
def _plan(interval_s: float, settings: Stft) -> tuple[np.ndarray, int, int]:
    """Return the taper, the samples from one window to the next, and how many frequencies are kept.

    Raises
    ------
    ConfigError
        If the window is too short, or no frequency but 0 is kept.
    """
    transform = transform_of(interval_s, settings)
    frequency = transform.f
    limit = settings.max_frequency_hz
    kept = len(frequency) if limit is None else int(np.count_nonzero(frequency <= limit * (1 + 1e-9)))
    if kept < 2:
        raise ConfigError(
            [
                f"spectrogram: max_frequency_hz is {limit:g}, but a window of {settings.window_s:g} s tells frequencies "
                f"{frequency[1]:g} Hz apart; raise it, or lengthen the window"
            ]
        )
    return transform.win.astype(np.float32), transform.hop, kept


def _combined(power: np.ndarray, how: str, whole: bool) -> np.ndarray:
    """Return the mean or median over the first axis, over what has data; NaN where nothing has."""
    if whole:
        return power.mean(axis=0) if how == "mean" else np.median(power, axis=0)
    seen = np.isfinite(power)
    count = np.count_nonzero(seen, axis=0)
    if how == "mean":
        total = np.sum(power, axis=0, where=seen)
        return np.where(count > 0, total / np.maximum(count, 1), np.float32(np.nan))
    # The lost ones go last in order; the median is in the middle of the others.
    order = np.sort(np.where(seen, power, np.inf), axis=0)
    low, high = (np.take_along_axis(order, np.maximum(place, 0)[None], axis=0)[0] for place in ((count - 1) // 2, count // 2))
    return np.where(count > 0, 0.5 * (low + np.where(count > 0, high, 0)), np.float32(np.nan))


def _decibels(power: np.ndarray, settings: Stft) -> np.ndarray:
    """Return power in dB over its own median, clipped."""
    seen = np.isfinite(power)
    positive = power[seen & (power > 0)]
    if positive.size == 0:
        return np.where(seen, np.float32(settings.floor_db), np.float32(np.nan))
    median = np.median(power[seen])
    # More than half of it may be silence; then what is not decides.
    median = median if median > 0 else np.median(positive)
    smallest = np.float32(10 ** (settings.floor_db / 10))
    return np.clip(10 * np.log10(np.maximum(power / median, smallest)), settings.floor_db, settings.ceiling_db).astype(np.float32)
