"""What the portal publishes about earthquakes and frames: eqs.csv, eqframes.csv, event pages, metadata.txt."""

import re
from dataclasses import dataclass
from datetime import time

from pydantic import ValidationError

from fringeflow.config.tables import FRAME_PATTERN, Event
from fringeflow.licsar.listing import parse_links

EVENT_COLUMNS = {"USGS_ID": "event", "time": "time", "lat": "latitude", "lon": "longitude", "depth": "depth_km", "magnitude": "magnitude"}
FRAME = FRAME_PATTERN.strip("^$")
FRAME_AND_PAIR = re.compile(rf"({FRAME})\s*:\s*([0-9]{{8}}_[0-9]{{8}})(?:\.\w+)?")


@dataclass(frozen=True)
class FrameMetadata:
    """What a frame's metadata.txt says; None where it says nothing usable."""

    acquisition_utc: time | None = None
    heading_deg: float | None = None
    incidence_deg: float | None = None


def parse_events(text: str) -> tuple[list[Event], list[str]]:
    """Read eqs.csv: `USGS_ID;magnitude;depth;time;lat;lon;link;location`.

    Parameters
    ----------
    text : str
        The file; rows of before the column `location` was added are one field shorter.

    Returns
    -------
    list of Event
    list of str
        Lines that could not be read, in words.
    """
    lines = text.lstrip("\ufeff").splitlines()
    if not lines:
        return [], ["eqs.csv: found an empty file"]
    header = [name.strip() for name in lines[0].split(";")]
    absent = sorted(set(EVENT_COLUMNS) - set(header))
    if absent:
        return [], [f"eqs.csv: found the columns {', '.join(header)}; expected also {', '.join(absent)}"]
    events, problems = [], []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split(";", len(header) - 1)]
        row = dict(zip(header, fields, strict=False))
        values = {name: row.get(column, "") for column, name in EVENT_COLUMNS.items()}
        try:
            events.append(Event.model_validate({**values, "source": "portal", "place": row.get("location", "").strip('"')}))
        except ValidationError as error:
            issue = error.errors()[0]
            problems.append(f"eqs.csv line {number}: {'.'.join(map(str, issue['loc'])) or 'row'}: {issue['msg']}")
    return events, problems


def parse_event_frames(text: str, event: str) -> list[str]:
    """Return the frames of an event from eqframes.csv, sorted.

    The file has no header; its columns (outline, frame, event, link, and dates) have changed over the years, so a
    row counts if it names the event in one field and a frame in another.

    >>> parse_event_frames("0103;102A_05000_131313;us7000df40;x;;", "us7000df40")
    ['102A_05000_131313']
    """
    frames: set[str] = set()
    for line in text.splitlines():
        fields = [field.strip().strip('"') for field in line.split(";")]
        if event in fields:
            frames.update(field for field in fields if re.fullmatch(FRAME, field))
    return sorted(frames)


def parse_event_page(text: str) -> list[tuple[str, str]]:
    """Return frames and pairs from an event's page, whose anchors read `FRAME: PAIR`.

    >>> parse_event_page("<a href='x'>102A_05000_131313: 20210218_20210303</a><a>102A_05000_131313 metadata</a>")
    [('102A_05000_131313', '20210218_20210303')]
    """
    found = (FRAME_AND_PAIR.fullmatch(link.text) for link in parse_links(text))
    return sorted({(match[1], match[2]) for match in found if match})


def parse_metadata(text: str) -> FrameMetadata:
    r"""Read a frame's metadata.txt, lines of `name=value`.

    >>> parse_metadata("master=20190504\ncenter_time=4:31:22.51\nheading=-13.775063\navg_incidence_angle=39.1918\n")
    FrameMetadata(acquisition_utc=datetime.time(4, 31, 22), heading_deg=-13.775063, incidence_deg=39.1918)
    """
    parts = (line.partition("=") for line in text.splitlines())
    values = {name.strip(): value.strip() for name, _, value in parts}
    clock = re.fullmatch(r"(?:\d+ days?, )?(\d{1,2}):(\d{2}):(\d{2})(?:\.\d*)?", values.get("center_time", ""), re.ASCII)
    moment = None
    if clock and int(clock[1]) < 24 and int(clock[2]) < 60 and int(clock[3]) < 60:
        moment = time(int(clock[1]), int(clock[2]), int(clock[3]))
    return FrameMetadata(moment, _number(values.get("heading"), -360, 360), _number(values.get("avg_incidence_angle"), 1, 89))


def _number(text: str | None, low: float, high: float) -> float | None:
    """Return a number within bounds, else None."""
    try:
        value = float(text or "nan")
    except ValueError:
        return None
    return value if low <= value <= high else None
