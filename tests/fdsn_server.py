"""A data centre on the loopback interface: it speaks dataselect and station, and misbehaves on request as `tests.servers` do.

Its archive are waveforms and stations that ObsPy ships: three channels of BW.RJOB, 30 s at 100 Hz from 2009-08-24T00:20:03.
Scripts name a request by its path, and for a query by the channel asked for:

    with run(DataCentre()) as server:
        server.script("dataselect EHZ", status(503), reset(1000))
"""

import io
from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl

import obspy
from obspy import Inventory, Stream, UTCDateTime
from obspy.clients import fdsn

from tests.servers import Answer, Misbehaviour, Request, Server, offer

BEGIN = UTCDateTime("2009-08-24T00:20:03")
KNOWN = {
    "dataselect": {"starttime", "endtime", "network", "station", "location", "channel", "nodata", "format"},
    "station": {"starttime", "endtime", "network", "station", "location", "channel", "level", "nodata", "format"},
}
WADL = Path(fdsn.__file__).parent / "tests" / "data"


@cache
def archive() -> Stream:
    """The waveforms, as whole counts."""
    stream = obspy.read()
    for trace in stream:
        trace.data = trace.data.round().astype("int32")
    return stream


@cache
def stations() -> Inventory:
    """The stations, with responses."""
    return obspy.read_inventory()


def refuse(code: int, text: str) -> Misbehaviour:
    """Answer with a status and plain words, as the specification has it."""
    return lambda answer: Answer(code, f"Error {code}: {text}\n\nMore details are available\n".encode(), {"Content-Type": "text/plain"})


def text(words: str) -> Misbehaviour:
    """Answer 200 with words that are no waveforms."""
    return lambda answer: Answer(200, words.encode(), {"Content-Type": "application/vnd.fdsn.mseed"})


def changed(change: Callable[[bytes], bytes]) -> Misbehaviour:
    """Answer well, but with other bytes, whose length is declared."""

    def change_body(answer: Answer) -> Answer:
        answer.body = change(answer.body)
        return answer

    return change_body


class DataCentre(Server):
    """A running data centre.

    Parameters
    ----------
    ranges : bool
        Whether it gives an ETag and can go on in the middle; real ones seldom do.
    """

    def __init__(self, ranges: bool = False):
        super().__init__(Path(), "jasmin")
        self.ranges = ranges

    def queries(self, service: str = "dataselect") -> list[dict[str, str]]:
        """Return what was asked of a service, in order."""
        return [dict(parse_qsl(request.query)) for request in self.asked(f"/fdsnws/{service}/1/query")]

    def key(self, request: Request) -> str:
        parts = request.path.strip("/").split("/")
        return f"{parts[1]} {dict(parse_qsl(request.query)).get('channel')}" if parts[-1] == "query" else request.path

    def good(self, request: Request) -> Answer:
        parts = request.path.strip("/").split("/")
        if len(parts) != 4 or parts[0] != "fdsnws" or parts[1] not in KNOWN or parts[2] != "1":
            return Answer(404, b"<html>Not Found</html>", {"Content-Type": "text/html"})
        service, method = parts[1], parts[3]
        if method == "version":
            return Answer(200, b"1.1.1", {"Content-Type": "text/plain"})
        if method == "application.wadl":
            return Answer(200, (WADL / f"2014-01-07_iris_{service}.wadl").read_bytes(), {"Content-Type": "application/xml"})
        query = dict(parse_qsl(request.query))
        strangers = sorted(set(query) - KNOWN[service])
        if strangers:
            return refuse(400, f"Unrecognized parameter {strangers[0]}")(Answer(200, b""))
        content = _waveforms(query) if service == "dataselect" else _stationxml(query)
        if not content:
            return Answer(204, b"")
        kind = "application/vnd.fdsn.mseed" if service == "dataselect" else "application/xml"
        if self.ranges:
            return offer(request, content, "Mon, 24 Aug 2009 00:30:00 GMT", kind)
        return Answer(200, content, {"Content-Type": kind})


def _wanted(query: dict[str, str], codes: list[str]) -> bool:
    asked = [query.get(name, "*") for name in ("network", "station", "location", "channel")]
    return all(
        any(fnmatchcase(code, part.replace("--", "")) for part in parts.split(",")) for parts, code in zip(asked, codes, strict=True)
    )


def _waveforms(query: dict[str, str]) -> bytes:
    """Cut a window out of the archive, as miniSEED with records of 512 bytes; nothing if it holds no data."""
    found = Stream([trace for trace in archive() if _wanted(query, trace.id.split("."))])
    found = found.slice(UTCDateTime(query["starttime"]), UTCDateTime(query["endtime"]))
    if not found:
        return b""
    target = io.BytesIO()
    found.write(target, format="MSEED", reclen=512)
    return target.getvalue()


def _stationxml(query: dict[str, str]) -> bytes:
    """Choose stations, with responses only at that level."""
    codes = {name: query.get(name, "*").replace("--", "") for name in ("network", "station", "location", "channel")}
    found = stations().select(**codes, starttime=UTCDateTime(query["starttime"]), endtime=UTCDateTime(query["endtime"]))
    if not found.networks:
        return b""
    if query.get("level") != "response":
        found = found.copy()
        for channel in (channel for network in found for station in network for channel in station):
            channel.response = None
    target = io.BytesIO()
    found.write(target, format="STATIONXML")
    return target.getvalue()
