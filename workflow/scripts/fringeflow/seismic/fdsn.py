"""Recordings from an FDSN data centre: each window of the request table once, checked, and last the manifest that lists them."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fringeflow.config.collections import Fdsn
from fringeflow.config.models import Download
from fringeflow.errors import SHOWN, DatasetError, DownloadError
from fringeflow.files import remove, sha256_file, write_json
from fringeflow.progress import track
from fringeflow.seismic.miniseed import miniseed_content
from fringeflow.seismic.requests import CODES, Request, read_requests
from fringeflow.seismic.responses import STATIONS, station_requests, write_inventory
from fringeflow.transfer.content import Content
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.parts import Record, kept_record, record_path
from fringeflow.transfer.transport import GaveUpError, MissingError, NoContentError, RefusedError, WrongContentError

logger = logging.getLogger(__name__)
INVENTORY = "inventory.xml"
PATIENCE = 10
"""Time-outs spent in a row on a data centre that does not answer, after which the other windows are not asked for."""


def fetch_waveforms(settings: Fdsn, download: Download, folder: Path, manifest: Path) -> None:
    """Bring the recordings of a request table into a folder and list them.

    Windows are asked for one after another, as data centres wish it. One that is here already, from the same data centre, is
    not asked for again; one that broke off is resumed where the server can. A window without data is told and left out.
    If responses are to be removed and no inventory is given, they are fetched too. A server may send whole records, so
    that a recording begins some seconds before its window: label parts of it by times, not by seconds.

    Parameters
    ----------
    settings : Fdsn
        Its `url`, `requests`, `response` and `inventory` are used.
    download : Download
        How patient fetching is.
    folder : Path
        Where `{network}.{station}.{location}.{channel}.{start}_{end}.mseed` appear once they are whole and checked (wildcards
        `?` and `*` become `_` and `+`); with responses also `inventory.xml`, and what it is made of under `stations/`.
    manifest : Path
        JSON: `url`; `files`, for each its request and its `transfer.parts.Record`; `without_data`, the requests that the data
        centre has nothing for; `inventory` with its SHA-256 and the records of its parts, or null.

    Raises
    ------
    ConfigError
        If the request table is wrong.
    DownloadError
        If no window brought data, one failed or was refused, or a response is not to be had. What came stays.

    References
    ----------
    FDSN Web Service Specifications 1.2 (2019), https://www.fdsn.org/webservices/.
    """
    table = read_requests(settings.requests)
    windows = {request.name: request for request in table}
    try:
        with Downloader(download, forsake=True) as downloader:
            centre = _Centre(settings.url, downloader)
            waveforms = centre.bring("dataselect", windows, folder, miniseed_content)
            waveforms.judge(f"{settings.requests}: {{}} of {len(table)} windows could not be had from {settings.url}")
            if not waveforms.records:
                action = "check the codes, the times, and that `url` is the base of a data centre"
                raise waveforms.nothing(f"{settings.requests}: {settings.url} has no data for any of {len(table)} windows", action)
            inventory = None
            if settings.response != "none" and settings.inventory is None:
                inventory = _bring_inventory(centre, [windows[name] for name in waveforms.records], folder)
    except OSError as error:
        action = "free space or change permissions, then run again"
        raise DownloadError(f"{folder}: a local file cannot be read or written ({error}). To do: {action}.") from error
    files = {name: {**_told(windows[name]), **record.as_dict()} for name, record in waveforms.records.items()}
    without = [_told(request) for name, request in windows.items() if name not in files]
    write_json(manifest, {"url": settings.url, "files": files, "without_data": without, "inventory": inventory})


def _bring_inventory(centre: "_Centre", requests: Iterable[Request], folder: Path) -> dict[str, Any]:
    """Bring the responses for some recordings and write their inventory; return what the manifest says of it."""
    asked = station_requests(requests)
    stations = centre.bring("station", asked, folder / "stations", lambda _: STATIONS, level="response")
    what = f"{folder / INVENTORY}: {{}} of {len(asked)} instrument responses"
    stations.judge(f"{what} could not be had from {centre.url}")
    if stations.empty:
        action = "set `response` to none, or give a StationXML file as `inventory`"
        raise stations.nothing(f"{what} are not to be had from {centre.url}".format(len(stations.empty)), action)
    write_inventory([folder / "stations" / name for name in stations.records], folder / INVENTORY)
    parts = {name: record.as_dict() for name, record in stations.records.items()}
    return {"sha256": sha256_file(folder / INVENTORY), "stations": parts}


def _told(request: Request) -> dict[str, str]:
    """Return a request as the manifest tells it."""
    return {**{name: getattr(request, name) for name in CODES}, "start": request.start.isoformat(), "end": request.end.isoformat()}


@dataclass
class _Answers:
    """What came of some requests: the files, and a line for each that brought none."""

    records: dict[str, Record] = field(default_factory=dict)
    empty: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def judge(self, head: str) -> None:
        """Raise if a request failed or was refused; `head` has a place for their number."""
        lines = [*self.refused, *self.failed]
        if not lines:
            return
        actions = ["correct or take out the rows that the server refused"] if self.refused else []
        actions += ["run again for the others" if self.refused else "run again"] if self.failed else []
        kept = f"{len(self.records)} came and stay; only the rest is asked for again. " if self.records else ""
        raise _error(head.format(len(lines)), lines, f"{kept}To do: {'; '.join(actions)}.")

    def nothing(self, head: str, action: str) -> DownloadError:
        """Return the error that says which requests the data centre has nothing for."""
        return _error(head, self.empty, f"To do: {action}.")


def _error(head: str, lines: list[str], foot: str) -> DownloadError:
    """Return an error that lists lines, not too many."""
    more = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return DownloadError("\n".join([head, *(f"  {line}" for line in [*lines[:SHOWN], *more]), foot]))


class _Centre:
    """A data centre, and how patient one still is with it."""

    def __init__(self, url: str, downloader: Downloader):
        self.url, self.downloader = url, downloader
        self.lost_s: float | None = None
        """Time spent in vain since the last answer; None: it answers."""

    def bring(
        self, service: str, requests: Mapping[str, Request], folder: Path, content: Callable[[Request], Content], **more: str
    ) -> _Answers:
        """Bring the answers to requests, each under its name, and note what became of the others."""
        answers = _Answers()
        for name, request in track(requests.items(), desc=f"fetching from {service}", total=len(requests), unit="file"):
            url = request.url(self.url, service, **more)
            told = f"{request.where}: {request}"
            try:
                answers.records[name] = self._file(url, folder / name, content(request))
            except (MissingError, NoContentError, DatasetError) as error:
                logger.warning("%s: nothing at the data centre (%s)", told, error)
                answers.empty.append(f"{told}: {error}")
            except RefusedError as error:
                answers.refused.append(f"{told}: {error}")
            except GaveUpError as error:
                answers.failed.append(f"{told}: {error}")
        return answers

    def _file(self, url: str, out: Path, content: Content) -> Record:
        """Keep a file that answers this very request already, or bring it; one try must do while the server seems to be down."""
        known = kept_record(out)
        if known and known.url == url:
            return known
        if self.lost_s is not None and self.lost_s > PATIENCE * self.downloader.settings.timeout_s:
            raise GaveUpError("not asked for, since the data centre has not answered for long")
        begin = time.monotonic()
        try:
            record = self.downloader.file(url, out, content, attempts=None if self.lost_s is None else 1)
        except (MissingError, NoContentError):
            remove(out)  # came from another data centre, or for other times, and is not what this one has
            remove(record_path(out))
            raise
        except (RefusedError, WrongContentError):
            raise
        except GaveUpError:
            self.lost_s = 0.0 if self.lost_s is None else self.lost_s + time.monotonic() - begin
            raise
        self.lost_s = None
        return record
