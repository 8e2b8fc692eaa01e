"""The view `gather`: amplitudes of a recording as a picture, time down and traces across."""

from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter1d

from fringeflow.config.collections import Gather
from fringeflow.seismic.recording import Recording
from fringeflow.seismic.resample import area_weights, resampled
from fringeflow.seismic.stores import Maker
from fringeflow.seismic.windows import Reading, begin_of, cut

QUIET = 1e-6
"""Share of a trace's largest sliding mean below which the gain `agc` grows no more: what rounding leaves is no signal."""


def gather_view(recording: Recording, settings: Gather, *, begin_s: float = 0.0) -> np.ndarray:
    """Return a recording's amplitudes as a picture of a fixed size.

    Three steps. Gain: `time` multiplies by t**time_power, which undoes the spreading of a wave from a shot, t being
    seconds since the first sample of the whole recording plus one interval; `agc` divides each trace by its root mean square in a
    centred window of `agc_s`, so that all of it is equally loud. Clipping: the percentile `clip_percentile` of the size
    of the amplitudes becomes 1, and what is larger is 1, too. Traces that are all 0 are dead and have no part in the
    percentile. Fitting: each pixel is the mean of the area that it covers; a trace that covers several columns looks
    the same in each. One trace fills all columns.

    Parameters
    ----------
    recording : Recording
        NaN marks no data.
    settings : Gather
    begin_s : float
        Where in the whole recording it begins, if it is a window of it; the gain `time` counts from there.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        In [-1, 1]. A dead trace is 0; NaN where at most half of a pixel's area has data.
    """
    traces = _gained(recording, settings, begin_s)
    seen = np.isfinite(traces)
    live = seen & np.any(traces != 0, axis=1, where=seen, keepdims=True)
    limit = float(np.percentile(np.abs(traces[live]), settings.clip_percentile)) if live.any() else 0.0
    # Most samples of a gather may be exactly 0, as those of a block that died on the way; any percentile of them may be.
    if limit == 0 and live.any():
        limit = float(np.abs(traces[live]).max())
    if limit > 0:
        traces = np.clip(traces / np.float32(limit), -1, 1)
    down, across = area_weights(traces.shape[1], settings.rows), area_weights(traces.shape[0], settings.columns)
    return np.clip(resampled(traces.T, down, across), -1, 1)  # weights add up to 1 but for rounding


def gather_maker(settings: Gather, reading: Reading) -> Maker:
    """Return how the view `gather` of recordings is made."""

    def make(recording: Recording, row: Any) -> np.ndarray:
        return gather_view(cut(recording, row), settings, begin_s=begin_of(row))

    return Maker(reading.reader, make, (settings.rows, settings.columns), {"view": "gather", **settings.model_dump(mode="json")}, "1")


def _gained(recording: Recording, settings: Gather, begin_s: float) -> np.ndarray:
    """Return the traces after the gain, shape (traces, samples), float32."""
    traces = recording.traces
    if settings.gain == "time":
        time = begin_s + (np.arange(traces.shape[1]) + 1) * recording.interval_s
        return traces * (time**settings.time_power).astype(np.float32)
    if settings.gain == "agc":
        return _agc(traces, max(1, round(settings.agc_s / recording.interval_s)))
    return traces


def _agc(traces: np.ndarray, window: int) -> np.ndarray:
    """Divide each sample by the root mean square of the `window` samples about it that have data."""
    result = np.empty(traces.shape, np.float32)
    width = min(window, traces.shape[1])
    for trace, out in zip(traces, result, strict=True):  # one at a time: the sums take eight bytes a sample
        seen = np.isfinite(trace)
        power = uniform_filter1d(np.where(seen, trace, 0).astype(np.float64) ** 2, width, mode="constant")
        share = uniform_filter1d(seen.astype(np.float64), width, mode="constant")
        size = np.sqrt(np.maximum(power, 0) / np.maximum(share, 0.5 / width))
        size = np.maximum(size, QUIET * size.max(initial=0))
        np.divide(trace, np.where(size > 0, size, 1), out=out, casting="same_kind")
    return result
