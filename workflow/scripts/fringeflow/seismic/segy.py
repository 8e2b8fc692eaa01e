"""A short cut for the commonest recording: a SEG-Y gather whose traces are all alike, read in one piece.

ObsPy makes an object of every trace, which takes several times as long as the spectrogram of them all.
"""

import io
from pathlib import Path

import numpy as np

from fringeflow.seismic.recording import Recording

SUFFIXES = (".sgy", ".segy")
FILE_HEADER, TRACE_HEADER = 3600, 240
IBM, IEEE = 1, 5
"""Data sample formats that are read here: floats of four bytes."""
REVISIONS = (0x0000, 0x0100, 0x0010, 0x0001)
"""What files of revision 0 and 1 hold, in the orders in which they are found."""
LARGEST_BYTES = 1 << 28


def read_uniform_segy(path: Path) -> Recording | None:
    """Read a SEG-Y file if it is a plain one.

    Plain is: big-endian, revision 0 or 1 without extended headers, IBM or IEEE floats, all traces of the same length,
    sampling interval, delay and date, nothing cut off, at least one finite sample.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Recording or None
        What `seismic.reader` makes of it by way of ObsPy, bit by bit; None for any other file, and for one with which
        something is wrong: the long way reads it or says what it is.
    """
    if path.suffix.lower() not in SUFFIXES or not path.is_file() or not FILE_HEADER < path.stat().st_size <= LARGEST_BYTES:
        return None
    content = path.read_bytes()
    header = np.frombuffer(content, ">i2", offset=3200, count=200)
    interval_us, samples, form = int(header[8]), int(header[10]), int(header[12])
    revision, extended = int(header[150]), int(header[152])
    if form not in (IBM, IEEE) or revision not in REVISIONS or extended != 0 or interval_us <= 0 or samples <= 0:
        return None
    count, rest = divmod(len(content) - FILE_HEADER, TRACE_HEADER + 4 * samples)
    if rest or min(header[6], header[7], header[151]) < 0:
        return None
    blocks = np.frombuffer(content, np.uint8, offset=FILE_HEADER).reshape(count, -1)
    fields = blocks[:, :TRACE_HEADER].view(">i2")
    # In halves of 4 bytes: delay (109-110), samples and interval (115-118), year to second (157-166).
    alike = fields[:, [54, 57, 58, 78, 79, 80, 81, 82]]
    length, interval, year, *date = map(int, alike[0, 1:])
    if np.any(alike != alike[0]) or length != samples or interval <= 0 or (year > 0 and (year < 100 or date[0] < 1)):
        return None
    traces = _floats(blocks[:, TRACE_HEADER:], form)
    seen = np.isfinite(traces)
    if not seen.any():
        return None
    if not seen.all():
        traces[~seen] = np.nan
    try:
        start = _start(year, *date) if year > 0 else None
    except ValueError:
        return None
    return Recording(traces, interval / 1e6, start, tuple(map(str, range(count))), str(path))


def _floats(content: np.ndarray, form: int) -> np.ndarray:
    """Return big-endian samples, shape (traces, bytes), as native floats, shape (traces, samples)."""
    from obspy.io.segy.unpack import unpack_4byte_ibm

    count, width = content.shape[0], content.shape[1] // 4
    if form == IBM:
        return unpack_4byte_ibm(io.BytesIO(content.tobytes()), count * width).reshape(count, width)
    return np.ascontiguousarray(content).view(">f4").astype(np.float32)


def _start(year: int, day: int, hour: int, minute: int, second: int) -> str:
    """Return the time of the first sample, ISO 8601.

    Raises
    ------
    ValueError
        If there is no such time.
    """
    from obspy import UTCDateTime

    return str(UTCDateTime(year=year, julday=day, hour=hour, minute=minute, second=second))
