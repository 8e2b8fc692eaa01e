"""A recording in memory: traces on one time axis, NaN where nothing was recorded."""

from dataclasses import dataclass, field, replace
from math import isnan

import numpy as np

from fringeflow.errors import DatasetError

ALL = -1
"""A first or last trace that means: no bound."""
SLACK = 0.5
"""Samples that a label may reach beyond a recording, since times in tables are rounded."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Traces that were recorded together, on one time axis.

    Attributes
    ----------
    traces : ndarray of float32, shape (traces, samples)
        Amplitudes; NaN where there are no data (gaps, masked samples, before a trace begins or after it ends).
    interval_s : float
        Sampling interval in seconds.
    start : str or None
        Time of the first sample, ISO 8601, UTC; None where the file does not tell (most SEG-Y files).
    names : tuple of str
        A name for each trace: its SEED id, or its number counted from 0.
    source : str
        The file, for messages.
    """

    traces: np.ndarray = field(repr=False)
    interval_s: float
    start: str | None
    names: tuple[str, ...] = field(repr=False)
    source: str = "recording"

    def window(self, begin_s: float, end_s: float, first_trace: int = ALL, last_trace: int = ALL) -> "Recording":
        """Cut out some seconds of some traces.

        Parameters
        ----------
        begin_s, end_s : float
            Seconds from the first sample, the end excluded, rounded to whole samples. NaN: from the start, to the end.
        first_trace, last_trace : int
            Traces counted from 0, the last one included. -1: from the first, to the last.

        Returns
        -------
        Recording
            A view of the same samples; `start` moves along.

        Raises
        ------
        DatasetError
            If the window lies outside the recording, or holds no sample or no trace.
        """
        first, last, low, high = window_bounds(self.source, self.traces.shape, self.interval_s, (begin_s, end_s, first_trace, last_trace))
        start = self.start
        if start is not None and first > 0:
            from obspy import UTCDateTime

            start = str(UTCDateTime(start) + first * self.interval_s)
        return replace(self, traces=self.traces[low:high, first:last], start=start, names=self.names[low:high])


def window_bounds(
    source: str, shape: tuple[int, ...], interval_s: float, window: tuple[float, float, int, int]
) -> tuple[int, int, int, int]:
    """Return the first sample, the end sample, the first trace and the end trace of a window; both ends are excluded.

    Parameters
    ----------
    source : str
        Names the recording in messages.
    shape : tuple of int
        Traces and samples of the recording.
    interval_s : float
        Its sampling interval.
    window : tuple
        begin_s, end_s, first_trace, last_trace, as in `Recording.window`.

    Raises
    ------
    DatasetError
        If the window lies outside the recording, or holds no sample or no trace.

    Examples
    --------
    >>> window_bounds("shot.sgy", (96, 750), 0.004, (1.0, float("nan"), 10, 19))
    (250, 750, 10, 20)
    """
    begin_s, end_s, first_trace, last_trace = window
    traces, samples = shape
    begin = 0.0 if isnan(begin_s) else begin_s / interval_s
    end = float(samples) if isnan(end_s) else end_s / interval_s
    if begin < -SLACK or end > samples + SLACK or begin >= samples:
        raise DatasetError(
            f"{source}: a label from {begin * interval_s:g} s to {end * interval_s:g} s lies outside the recording, "
            f"which spans 0 to {samples * interval_s:g} s; correct `start` and `end` in the label table"
        )
    first, last = max(0, round(begin)), min(samples, round(end))
    if last <= first:
        raise DatasetError(
            f"{source}: a label from {begin * interval_s:g} s to {end * interval_s:g} s holds no sample "
            f"(one every {interval_s:g} s); correct `start` and `end` in the label table"
        )
    low = 0 if first_trace == ALL else first_trace
    high = traces if last_trace == ALL else last_trace + 1
    if low < 0 or high > traces or high <= low:
        raise DatasetError(
            f"{source}: a label of the traces {low} to {high - 1} lies outside the recording, which has the traces 0 to {traces - 1} "
            "(counted from 0); correct `first_trace` and `last_trace` in the label table"
        )
    return first, last, low, high
