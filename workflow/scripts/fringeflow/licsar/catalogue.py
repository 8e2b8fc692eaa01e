"""Resolving events to interferograms: coseismic pairs, and quiet ones before and after, from what mirrors list."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pydantic import ValidationError

from fringeflow.config.models import Catalogue, Download, Mirror
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import SHOWN, DownloadError, FringeflowError
from fringeflow.licsar.lookup import Lookup
from fringeflow.licsar.mirrors import events_folder, layout_of, metadata_location
from fringeflow.licsar.pairs import choose_pairs
from fringeflow.licsar.portal import FrameMetadata, parse_event_frames, parse_event_page, parse_events, parse_metadata
from fringeflow.licsar.table import merge_rows, read_rows
from fringeflow.progress import track
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.transport import GaveUpError, MissingError, UnreachableError

logger = logging.getLogger(__name__)


@dataclass
class Resolution:
    """Interferograms that were found, in words what was not, and the events that only unreachable hosts could tell about."""

    rows: list[Interferogram] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)
    unreached: list[str] = field(default_factory=list)


def resolve(
    events: Iterable[Event],
    mirrors: Sequence[Mirror],
    settings: Download,
    choice: Catalogue | None = None,
    known: Iterable[tuple[str, str]] = (),
) -> Resolution:
    """Look up interferograms of some events.

    Parameters
    ----------
    events : iterable of Event
    mirrors : sequence of Mirror
        Those with an earthquake catalogue say which frames saw an event; all are asked for a frame's pairs.
    settings : Download
    choice : Catalogue, optional
        How many pairs of each kind.
    known : iterable of (event, frame)
        Frames that are known to have seen an event, beside those the portal names.

    Returns
    -------
    Resolution
        One event that fails does not stop the others; a host that cannot be reached is not asked again for each.

    Raises
    ------
    DownloadError
        If hosts could not be reached and therefore not one earthquake could be looked up.
    """
    events = list(events)
    for mirror in mirrors:
        layout_of(mirror)
    frames = sorted(known)
    result = Resolution()
    with Downloader(settings, forsake=True) as downloader:
        portal = _Portal(downloader, mirrors)
        for event in track(events, desc="catalogue", unit="event"):
            one = _resolve_event(event, portal, choice or Catalogue(), {frame for name, frame in frames if name == event.event})
            result.rows += one.rows
            result.unresolved += one.unresolved
            result.unreached += one.unreached
    if downloader.unreachable:
        told = _out_of_reach(downloader.unreachable.values(), result.unreached)
        if result.unreached and not result.rows and len(result.unreached) == sum(event.is_earthquake for event in events):
            raise DownloadError(told)
        result.unresolved.insert(0, told)
    return result


def _out_of_reach(errors: Iterable[UnreachableError], events: Sequence[str]) -> str:
    """Return one line on the hosts that could not be reached, what that cost, and what to do."""
    hosts = " and ".join(f"{error.host} ({error})" for error in errors)
    names = ", ".join(events[:SHOWN]) + (f" and {len(events) - SHOWN} more" if len(events) > SHOWN else "")
    cost = f"{len(events)} event{'s' * (len(events) > 1)} could not be looked up: {names}" if events else "the other mirrors were asked"
    return f"cannot reach {hosts}; {cost}. To do: check the network, the proxy (HTTPS_PROXY) and `mirrors`, then run again."


def _resolve_event(event: Event, portal: "_Portal", choice: Catalogue, known: set[str]) -> Resolution:
    """Look up one event, whatever happens."""
    result = Resolution()
    if not event.is_earthquake:
        if not known:
            result.unresolved.append(
                f"event '{event.event}' is no earthquake, so no portal lists frames for it; add its interferograms by hand"
            )
        return result
    try:
        frames, reasons = portal.frames(event.event)
        for frame in known:
            frames.setdefault(frame, set())
        if not frames and reasons and all(isinstance(error, UnreachableError) for error in reasons.values()):
            result.unreached.append(event.event)
        elif not frames:
            sure = all(isinstance(error, MissingError) for error in reasons.values())
            told = "; ".join(f"{page}: {error}" for page, error in reasons.items()) or "no mirror has an earthquake catalogue"
            what = "no frame is known for it" if sure else "its frames could not be looked up"
            result.unresolved.append(f"event '{event.event}': {what} ({told}){portal.like(event.event)}")
        found = cut_off = False
        unsure: list[str] = []
        for frame, named in sorted(frames.items()):
            listed, failures = portal.pairs(frame)
            rows = [row for pair in sorted(named | listed) if (row := _row(event, frame, pair, portal.metadata(frame)))]
            chosen = choose_pairs(event, rows, listed, choice)
            found |= any(row.is_coseismic(event) for row in chosen)
            result.rows += chosen
            for root, error in failures.items():
                if isinstance(error, UnreachableError):
                    cut_off = True
                else:
                    told = f"{root} cannot be asked for its pairs ({error})"
                    result.unresolved.append(f"event '{event.event}', frame {frame}: {told}")
            unsure += [row.key for row in rows if row.acquisition_utc is None and event.time and event.time.date() in row.dates]
        if cut_off and not found:
            result.unreached.append(event.event)
        elif frames and not found:
            hint = f"; acquisition_utc would decide for {', '.join(unsure)}, which fall on that day" if unsure else ""
            result.unresolved.append(
                f"event '{event.event}' ({event.time:%Y-%m-%d %H:%M}): no coseismic pair in {', '.join(sorted(frames))}{hint}"
            )
    except (FringeflowError, OSError, ValueError) as error:
        result.unresolved.append(f"event '{event.event}': {error}")
    return result


def _row(event: Event, frame: str, pair: str, metadata: FrameMetadata) -> Interferogram | None:
    """Return a row of the table; None for a name that is no pair of dates."""
    values = {"event": event.event, "frame": frame, "pair": pair, **vars(metadata)}
    try:
        return Interferogram.model_validate(values)
    except (ValidationError, ValueError):
        return None


class _Portal:
    """What the mirrors say about events and frames, each page read once."""

    def __init__(self, downloader: Downloader, mirrors: Sequence[Mirror]):
        self.downloader, self.mirrors = downloader, list(mirrors)
        self.lookup = Lookup(downloader, mirrors)
        self._pages: dict[str, str | DownloadError] = {}

    def page(self, location: str) -> str:
        """Return a page; raises the same error each time it is asked for in vain."""
        if location not in self._pages:
            try:
                self._pages[location] = self.downloader.page(location)[0]
            except (MissingError, GaveUpError) as error:
                self._pages[location] = error
        page = self._pages[location]
        if isinstance(page, DownloadError):
            raise page
        return page

    def frames(self, event: str) -> tuple[dict[str, set[str]], dict[str, DownloadError]]:
        """Return frames that saw an event with the pairs its page names, and by page why one could not be read."""
        found: dict[str, set[str]] = {}
        reasons: dict[str, DownloadError] = {}
        for folder in filter(None, map(events_folder, self.mirrors)):
            for name in (f"{event}.html", "eqframes.csv"):
                try:
                    text = self.page(f"{folder}/{name}")
                except (MissingError, GaveUpError) as error:
                    reasons[f"{folder}/{name}"] = error
                    continue
                if name.endswith(".html"):
                    for frame, pair in parse_event_page(text):
                        found.setdefault(frame, set()).add(pair)
                else:
                    for frame in parse_event_frames(text, event):
                        found.setdefault(frame, set())
        return found, reasons

    def pairs(self, frame: str) -> tuple[set[str], dict[str, GaveUpError]]:
        """Return the pairs of a frame that any mirror lists; if none does, also by root why one could not be asked."""
        listed: set[str] = set()
        failures: dict[str, GaveUpError] = {}
        for mirror in self.mirrors:
            try:
                listed.update(self.lookup.pairs(mirror, frame))
            except MissingError:
                continue
            except GaveUpError as error:
                failures[mirror.root] = error
        return listed, {} if listed else failures

    def metadata(self, frame: str) -> FrameMetadata:
        """Return a frame's metadata from the first mirror that has it."""
        for mirror in self.mirrors:
            try:
                return parse_metadata(self.page(metadata_location(mirror, frame)))
            except (MissingError, GaveUpError):
                continue
        return FrameMetadata()

    def like(self, event: str) -> str:
        """Return a hint at an event of a similar name in the portal's list."""
        names: set[str] = set()
        for folder in filter(None, map(events_folder, self.mirrors)):
            try:
                names.update(row.event for row in parse_events(self.page(f"{folder}/eqs.csv"))[0])
            except (MissingError, GaveUpError):
                continue
        near = get_close_matches(event, names - {event}, n=1)
        return f"; did you mean '{near[0]}'?" if near and event not in names else ""


def write_catalogue(
    events: Iterable[Event], mirrors: Sequence[Mirror], settings: Download, out: Path, choice: Catalogue | None = None
) -> list[str]:
    """Look up interferograms of some events and add them to a table.

    Parameters
    ----------
    events : iterable of Event
    mirrors : sequence of Mirror
    settings : Download
    out : Path
        The table; made if it is not there, and never shorter afterwards.
    choice : Catalogue, optional
        How many pairs of each kind.

    Returns
    -------
    list of str
        What could not be resolved, in words; also logged.

    Raises
    ------
    ConfigError
        If `out` holds something else than a table of interferograms.
    DownloadError
        If not one earthquake could be looked up, since no host was reached; the table stays as it is.
    """
    out = Path(out)
    known = {(row["event"], row["frame"]) for row in read_rows(out)}
    result = resolve(events, mirrors, settings, choice, known)
    added = merge_rows(out, result.rows)
    logger.info("%s: %d interferograms found, %d of them new", out, len(result.rows), added)
    for problem in result.unresolved:
        logger.warning("%s", problem)
    return result.unresolved
