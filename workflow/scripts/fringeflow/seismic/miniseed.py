"""What must come when waveforms are asked for: miniSEED, of whole records, of the channels and the time that were asked for."""

import logging
import mmap
import re
import struct
from collections import defaultdict
from pathlib import Path

from obspy import Stream

from fringeflow.errors import DatasetError
from fringeflow.seismic.formats import open_stream
from fringeflow.seismic.requests import Request
from fringeflow.transfer.content import Content, ContentError, refuse_page

HEADER = re.compile(rb"[0-9 \0]{6}[DRQM][ \0]")
"""How a record begins: its number, the quality of its data, a reserved byte."""
BESIDE = re.compile(rb"[0-9 \0]{6}([VAST][ *]| {42})")
"""How what holds no samples begins: a control header of full SEED, or an empty record."""
SHORTEST, LONGEST = 7, 20
"""Exponents of the lengths that a record without blockette 1000 may have, and steps in which one is looked for."""
SHORTFALL = 2.0
"""Samples that may be missing from a window without a word: its ends seldom fall on samples."""

logger = logging.getLogger(__name__)


def miniseed_content(request: Request) -> Content:
    """Return how the answer to a request is recognised.

    Parameters
    ----------
    request : Request
    """
    return Content(_sniff, lambda path: check_waveforms(path, request))


def check_waveforms(path: Path, request: Request) -> None:
    """Read a file as the later stages will, and refuse what is not the answer to a request.

    Data that fill only a part of the window are accepted, and a warning says which part.

    Parameters
    ----------
    path : Path
    request : Request

    Raises
    ------
    ContentError
        If the file is not miniSEED, is cut off, cannot be read, or holds another channel or another time.
    """
    check_records(path)
    try:
        stream, form = open_stream(path)
    except DatasetError as error:
        raise ContentError(str(error)) from error
    if form != "MSEED":
        raise ContentError(f"{form} came instead of miniSEED")
    strangers = sorted({trace.id for trace in stream if not request.matches(trace.id)})
    if strangers:
        raise ContentError(f"waveforms of {', '.join(strangers)} came, which were not asked for")
    _check_window(stream, request)


def check_records(path: Path) -> None:
    """Walk through a file from record to record; ObsPy leaves out a last one that is cut off, and bytes between two, without a word.

    Parameters
    ----------
    path : Path

    Raises
    ------
    ContentError
        If a record is cut off, or something else lies where one should begin. Control headers of full SEED and empty
        records are passed over. A file cut off between two records is whole as far as anyone can tell.

    References
    ----------
    FDSN (2012), SEED Reference Manual 2.4, chapter 8.
    """
    with open(path, "rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place, size = 0, len(data)
        while place < size:
            length = _record_length(data, place)
            if place + length > size:
                raise ContentError(f"cut off: {size - place} bytes of its last record, which has {length} and begins at byte {place}")
            place += length


def _record_length(data: mmap.mmap, place: int) -> int:
    """Return the bytes of the record at a place, which its blockette 1000 tells, or else what follows."""
    header = data[place : place + 48]
    if BESIDE.match(header):
        steps = range(1 << SHORTEST, len(data) - place, 1 << SHORTEST)
        return next((step for step in steps if HEADER.match(data, place + step)), len(data) - place)
    if not HEADER.match(header):
        raise ContentError(f"no miniSEED record at byte {place}: found {header[:8]!r}")
    if len(header) < 48:
        raise ContentError(f"cut off: {len(header)} bytes of a record's header, at byte {place}")
    order = ">" if 1900 <= struct.unpack_from(">H", header, 20)[0] <= 2100 else "<"
    offset, last = struct.unpack_from(f"{order}H", header, 46)[0], 0
    while offset > last and place + offset + 7 <= len(data):
        kind, following = struct.unpack_from(f"{order}HH", data, place + offset)
        if kind == 1000 and 7 <= data[place + offset + 6] <= 24:
            return 1 << data[place + offset + 6]
        offset, last = following, offset
    for length in (1 << exponent for exponent in range(SHORTEST, LONGEST + 1)):
        end = place + length
        if end == len(data) or HEADER.match(data, end) or BESIDE.match(data, end):
            return length
    raise ContentError(f"the record at byte {place} does not tell its length (no blockette 1000), or is cut off")


def _check_window(stream: Stream, request: Request) -> None:
    """Refuse traces that all lie outside the window; warn if one leaves a part of it empty."""
    begin, end = request.start.timestamp(), request.end.timestamp()
    covered: dict[str, float] = defaultdict(float)
    for trace in stream:
        first, last = trace.stats.starttime.timestamp, trace.stats.endtime.timestamp + trace.stats.delta
        covered[trace.id] += max(0.0, min(last, end) - max(first, begin))
    if not any(covered.values()):
        span = f"{min(trace.stats.starttime for trace in stream)} to {max(trace.stats.endtime for trace in stream)}"
        raise ContentError(f"waveforms from {span} came, none of them in the window that was asked for")
    for name, seconds in sorted(covered.items()):
        missing = request.window_s - seconds
        if missing > SHORTFALL * max(trace.stats.delta for trace in stream if trace.id == name):
            told = f"{name} fills {seconds:g} of the {request.window_s:g} s that were asked for"
            logger.warning("%s: %s: %s; what is missing will be no data", request.where, request, told)


def _sniff(start: bytes) -> None:
    """Refuse a body that does not begin as a miniSEED record does; what text it is instead is told."""
    refuse_page(start)
    if len(start) >= 8 and not HEADER.match(start):
        text = " ".join(start[:120].decode("ascii", errors="replace").split())
        raise ContentError(f"not miniSEED: it begins with {text!r}")
