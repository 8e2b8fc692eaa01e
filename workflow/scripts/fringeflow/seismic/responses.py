"""The instruments' responses of fetched recordings: StationXML from the data centre, one inventory for the collection."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import obspy
from obspy.core.inventory import Inventory

from fringeflow.errors import DatasetError
from fringeflow.files import atomic
from fringeflow.seismic.requests import Request
from fringeflow.transfer.content import Content, ContentError


def station_requests(requests: Iterable[Request]) -> dict[str, Request]:
    """Return what to ask for the responses of recordings: each choice of channels once, over all of its times.

    Parameters
    ----------
    requests : iterable of Request

    Returns
    -------
    dict of str to Request
        By the name of the file.
    """
    joined: dict[str, Request] = {}
    for request in requests:
        known = joined.setdefault(f"{request.codes}.xml", request)
        joined[f"{request.codes}.xml"] = replace(known, start=min(known.start, request.start), end=max(known.end, request.end))
    return joined


def read_stations(path: Path) -> Inventory:
    """Read a StationXML file.

    Raises
    ------
    ContentError
        If it is none, or is cut off.
    """
    try:
        with path.open("rb") as handle:  # a name would be a pattern to ObsPy, and an archive be unpacked whatever its size
            return obspy.read_inventory(handle, format="STATIONXML")
    except Exception as error:  # lxml's errors are of many kinds
        told = " ".join(str(error).split()).replace(str(path), path.name)
        raise ContentError(f"not StationXML that can be read ({type(error).__name__}: {told})") from error


def _check(path: Path) -> None:
    """Refuse what is no StationXML, and what names no response."""
    stations = read_stations(path)
    if not any(channel.response for network in stations for station in network for channel in station):
        raise DatasetError("StationXML without a response came")


def _sniff(start: bytes) -> None:
    """Refuse a body that is no XML, or is a page."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith(b"<"):
        raise ContentError(f"not StationXML: it begins with {' '.join(text[:120].decode('ascii', errors='replace').split())!r}")
    if text[:14].lower().startswith((b"<!doctype html", b"<html")):
        raise ContentError("an HTML page came instead of a file")


STATIONS = Content(_sniff, _check)
"""How StationXML with responses is recognised. Its check raises `DatasetError` for sound StationXML without one."""


def write_inventory(paths: Iterable[Path], out: Path) -> None:
    """Put StationXML files together; the same files give the same bytes.

    Parameters
    ----------
    paths : iterable of Path
    out : Path
    """
    parts = [read_stations(path) for path in paths]
    created = max(part.created for part in parts)
    whole = Inventory(networks=[network for part in parts for network in part], source="Fringeflow", created=created)
    with atomic(out) as temporary:
        whole.write(str(temporary), format="STATIONXML")
