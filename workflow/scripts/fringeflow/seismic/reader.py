"""Reading a recording: any file that ObsPy reads becomes traces on one time axis."""

import logging
from pathlib import Path

import numpy as np
from obspy import Stream, UTCDateTime

from fringeflow.errors import DatasetError
from fringeflow.seismic.condition import common_interval, remove_response, resample
from fringeflow.seismic.formats import open_stream, shot_header
from fringeflow.seismic.miniseed import check_records
from fringeflow.seismic.recording import Recording
from fringeflow.seismic.segy import read_uniform_segy
from fringeflow.transfer.content import ContentError

SHOT_FORMATS = ("SEGY", "SU")
"""Formats that count time from the shot: traces are aligned by their delay after it, not by clocks of whole seconds."""
LARGEST = 2**29
"""Most samples of a recording, traces times time, gaps included: 2 GiB."""

logger = logging.getLogger(__name__)


def read_recording(
    path: str | Path,
    *,
    interval_ms: float | None = None,
    inventory: str | Path | None = None,
    response: str = "none",
) -> Recording:
    """Read a recording: SEG-Y or SU shot gather, miniSEED, or another file that ObsPy reads (never a pickle).

    Traces of one SEED id are segments of one and are merged. Where two segments overlap and disagree, one of the clocks is
    wrong and nothing tells which: ObsPy's merge method 0 then makes the whole overlap no data, while method 1 would take the
    later segment's word. Traces without a station and channel (SEG-Y, SEG-2) are a geophone each, in the file's order; SEED ids are sorted.
    Traces that start at different times are shifted to the nearest sample of a common time axis. Response and resampling
    see gap-free pieces only, so that a gap never spreads. Amplitudes are the file's own (counts) unless the response is removed.

    Parameters
    ----------
    path : str or Path
    interval_ms : float or None
        Sampling interval to resample to, in milliseconds; None keeps the file's, which must then be one.
    inventory : str, Path or None
        StationXML with the instruments' responses.
    response : {"none", "VEL", "DISP", "ACC"}
        Ground motion that amplitudes become, in m/s, m or m/s^2.

    Returns
    -------
    Recording

    Raises
    ------
    DatasetError
        If the file is missing, empty, unreadable, cut off within a miniSEED record or a SEG-Y or SU trace, holds no trace or no
        finite sample, or spans more than `LARGEST` samples; if sampling rates differ and `interval_ms` is
        None; if a response is wanted and not there.

    References
    ----------
    Krischer et al. (2015), ObsPy: a bridge for seismology into the scientific Python ecosystem, doi:10.1088/1749-4699/8/1/014003.
    """
    path = Path(path)
    if interval_ms is None and response == "none" and (plain := read_uniform_segy(path)) is not None:
        return plain
    source = str(path)
    stream, form = open_stream(path)
    if form == "MSEED":
        _check_whole(path)
    if form in SHOT_FORMATS:
        _count_from_shot(stream)
    names = _name_traces(stream)
    interval_s = common_interval(source, stream) if interval_ms is None else interval_ms / 1000
    origin, end = min(trace.stats.starttime for trace in stream), max(trace.stats.endtime for trace in stream)
    start = _start(source, origin)
    _check_size(source, end - origin, interval_s, len(names))
    pieces = _gap_free(stream)
    if not pieces:
        raise DatasetError(
            f"{source}: none of the samples of its {len(names)} trace{'s' * (len(names) > 1)} is a finite number; "
            "expected data. Take it out of the label table"
        )
    if response != "none":
        pieces = _without_response(source, pieces, form, inventory, response)
    for piece in pieces:
        resample(piece, interval_s) if interval_ms is not None else piece.stats.update({"delta": interval_s})
    samples = int((end - origin) / interval_s + 1e-3) + 1
    traces = _on_one_axis(pieces, list(names), samples, origin, interval_s)
    return Recording(traces=traces, interval_s=interval_s, start=start, names=tuple(names.values()), source=source)


def _check_whole(path: Path) -> None:
    """Refuse a miniSEED file that does not consist of whole records."""
    try:
        check_records(path)
    except ContentError as error:
        raise DatasetError(
            f"{path}: looks like MSEED but is not whole: {error}; expected whole records up to its end ({path.stat().st_size} bytes). "
            "Copy it again, or take it out of the label table"
        ) from error


def _count_from_shot(stream: Stream) -> None:
    """Let all traces start at the first one's time, each after its own delay (milliseconds, relative to the smallest)."""
    origin = min(trace.stats.starttime for trace in stream)
    delays = [shot_header(trace).delay_recording_time / 1000 for trace in stream]
    for trace, delay in zip(stream, delays, strict=True):
        trace.stats.starttime = origin + (delay - min(delays))


def _name_traces(stream: Stream) -> dict[str, str]:
    """Return the name of every trace id, in order; traces without station and channel get an id each, their number."""
    nameless: dict[str, str] = {}
    for number, trace in enumerate(stream):
        if not (trace.stats.station or trace.stats.channel):
            trace.id = f".{number}.."
            nameless[trace.id] = str(number)
    return nameless | {name: name for name in sorted({trace.id for trace in stream} - set(nameless))}


def _start(source: str, origin: UTCDateTime) -> str | None:
    """Return the time of the first sample, ISO 8601; None where the file does not tell."""
    try:
        return None if origin == UTCDateTime(0) else str(origin)
    except (OverflowError, ValueError) as error:
        raise DatasetError(
            f"{source}: its first sample has a time beyond the years 1 to 9999; the header may be damaged: copy it again, or take it out of "
            "the label table"
        ) from error


def _check_size(source: str, span: float, interval_s: float, count: int) -> None:
    """Refuse a recording that would not fit into memory once its gaps are filled in."""
    samples = span / interval_s + 1
    if samples * count > LARGEST:
        raise DatasetError(
            f"{source}: {count} traces over {span:g} s, gaps included, are {samples * count:.3g} samples every {interval_s:g} s; "
            f"at most {LARGEST:.3g} fit. Split the file into shorter ones"
        )


def _gap_free(stream: Stream) -> Stream:
    """Merge the segments of each trace and return its pieces between gaps, float32; what is masked or not finite is a gap."""
    for trace in stream:
        trace.stats.calib = 1.0  # never applied, and ObsPy merges no segments that differ in it
        known = ~np.ma.getmaskarray(trace.data) & np.isfinite(np.ma.getdata(trace.data))
        data = np.ma.getdata(trace.data).astype(np.float32)
        trace.data = data if known.all() else np.ma.masked_array(data, ~known)
    rates = {trace.stats.delta for trace in stream}
    pieces = Stream()
    for rate in sorted(rates):
        alike = _split(Stream([trace for trace in stream if trace.stats.delta == rate]))
        if len({trace.id for trace in alike}) < len(alike):
            alike = _split(alike.merge(method=0))
        pieces += alike
    return pieces


def _split(stream: Stream) -> Stream:
    """Split the traces that have gaps; ObsPy's own `split` also copies those that have none."""
    pieces = Stream()
    for trace in stream:
        pieces += trace.split() if np.ma.is_masked(trace.data) else trace
    return pieces


def _without_response(source: str, pieces: Stream, form: str, inventory: str | Path | None, response: str) -> Stream:
    """Remove the instruments' responses, or say why that cannot be."""
    if inventory is None:
        raise DatasetError(f"{source}: response {response} needs an inventory; give a StationXML file, or set response to none")
    if any(not trace.stats.channel for trace in pieces):
        raise DatasetError(
            f"{source}: {form} names no station and channel, so its traces have no response in {inventory}; set response to none"
        )
    pieces = remove_response(source, pieces, Path(inventory), response)
    if not pieces:
        raise DatasetError(f"{source}: no piece between gaps is long enough to remove the response from; set response to none")
    return pieces


def _on_one_axis(pieces: Stream, names: list[str], samples: int, origin: UTCDateTime, interval_s: float) -> np.ndarray:
    """Place gap-free pieces on a common time axis, shape (traces, samples); pieces that overlap and disagree are no data."""
    firsts = [round((piece.stats.starttime - origin) / interval_s) for piece in pieces]
    rows = {name: row for row, name in enumerate(names)}
    samples = max(samples, *(first + piece.stats.npts for first, piece in zip(firsts, pieces, strict=True)))
    traces = np.full((len(names), samples), np.nan, np.float32)
    for first, piece in zip(firsts, pieces, strict=True):
        place = traces[rows[piece.id], first : first + piece.stats.npts]
        contradicted = np.isfinite(place) & (place != piece.data)
        place[:] = piece.data
        place[contradicted] = np.nan
    return traces
