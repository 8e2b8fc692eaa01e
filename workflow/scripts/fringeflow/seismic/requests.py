"""The request table of a data centre: which channels and which times make a recording, a recording a row."""

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlencode

from fringeflow.config.strict import in_utc
from fringeflow.errors import ConfigError, nearest

COLUMNS = ("network", "station", "location", "channel", "start", "end")
CODES = COLUMNS[:4]
PATTERNS = {
    "network": r"_?[A-Za-z0-9*?][A-Za-z0-9*?-]*",
    "station": r"[A-Za-z0-9*?][A-Za-z0-9*?-]*",
    "location": r"--|[A-Za-z0-9*?]+",
    "channel": r"[A-Za-z0-9*?]+",
}
"""What codes look like; a virtual network begins with `_`."""
BLANK = "--"
"""How a blank location is asked for."""
LONGEST_NAME = 200
"""Most characters of a file's name; file systems allow 255, and the names beside it are longer."""
PLAIN = str.maketrans({"?": "_", "*": "+"})
"""What stands for wildcards in a file's name, so that no shell and no pattern takes them up again."""


@dataclass(frozen=True)
class Request:
    """What is asked of a data centre for one recording.

    Attributes
    ----------
    network, station, location, channel : str
        SEED codes; each may hold the wildcards `*` and `?`, or be a list with commas. A blank location is empty.
    start, end : datetime
        In UTC.
    where : str
        Its line in the table, for messages.
    """

    network: str
    station: str
    location: str
    channel: str
    start: datetime
    end: datetime
    where: str = field(default="", compare=False)

    @property
    def codes(self) -> str:
        """The four codes with dots between them, as they stand in a file's name."""
        return ".".join((self.network, self.station, self.location, self.channel)).translate(PLAIN)

    @property
    def name(self) -> str:
        """Name of the recording's file: `{network}.{station}.{location}.{channel}.{start}_{end}.mseed`."""
        return f"{self.codes}.{_compact(self.start)}_{_compact(self.end)}.mseed"

    @property
    def window_s(self) -> float:
        """Length of the window in seconds."""
        return (self.end - self.start).total_seconds()

    def __str__(self) -> str:
        return f"{self.network}.{self.station}.{self.location}.{self.channel} from {_iso(self.start)} to {_iso(self.end)}"

    def matches(self, seed_id: str) -> bool:
        """Whether a trace belongs to what is asked for.

        Parameters
        ----------
        seed_id : str
            For example `IU.ANMO.00.BHZ`.
        """
        return all(_code_matches(getattr(self, name), code) for name, code in zip(CODES, seed_id.split("."), strict=True))

    def url(self, base: str, service: str, **more: str) -> str:
        """Return the URL that asks for it.

        Parameters
        ----------
        base : str
            Of the data centre, for example `https://service.iris.edu`.
        service : {"dataselect", "station"}
        **more : str
            Further parameters.

        References
        ----------
        FDSN Web Service Specifications 1.2 (2019), https://www.fdsn.org/webservices/.
        """
        asked = {
            "network": self.network,
            "station": self.station,
            "location": self.location or BLANK,
            "channel": self.channel,
            "starttime": _iso(self.start),
            "endtime": _iso(self.end),
            **more,
        }
        return f"{base.rstrip('/')}/fdsnws/{service}/1/query?{urlencode(asked, safe=':,*')}"


def _iso(time: datetime) -> str:
    """Return a time as the services read it; they take UTC for granted."""
    return time.replace(tzinfo=None).isoformat()


def _compact(time: datetime) -> str:
    """Return a time for a file's name.

    >>> _compact(datetime(2010, 2, 27, 6, 34, 0, 250000))
    '20100227T063400.25'
    """
    return time.strftime("%Y%m%dT%H%M%S.%f").rstrip("0").rstrip(".")


def _code_matches(asked: str, code: str) -> bool:
    """Whether a code is meant by what a row asks for; virtual networks, whose names begin with `_`, stand for any."""
    if asked.startswith("_"):
        return True
    return any(fnmatchcase(code, "" if part == BLANK else part) for part in asked.split(","))


def read_requests(path: str | Path) -> list[Request]:
    """Read a request table.

    Parameters
    ----------
    path : str or Path
        Tab-separated text in UTF-8 with the columns `network`, `station`, `location` (empty or `--`: blank), `channel`, `start`
        and `end` (ISO 8601, UTC unless they say otherwise). Codes may hold wildcards: such a row is one recording of all
        channels that match.

    Returns
    -------
    list of Request
        One a row, in the table's order.

    Raises
    ------
    ConfigError
        With every problem and its line: a column that is missing or unknown, a code or a time that is none, an end that is not
        after its start, a row that stands twice; or if the table cannot be read or has no row.
    """
    path = Path(path)
    problems: list[str] = []
    requests: dict[str, Request] = {}
    for where, row in _rows(path):
        request = _parse(where, row, problems)
        if request is None:
            continue
        first = requests.setdefault(request.name, request)
        if first is not request:
            problems.append(f"{where}: asks for the same as {first.where} ({request}), or would get the same name; keep one row")
        elif len(request.name) > LONGEST_NAME:
            problems.append(f"{where}: its codes are too long for a file's name; split the row into several")
    if problems:
        raise ConfigError([f"{path} {problem}" for problem in problems])
    if not requests:
        raise ConfigError([f"{path}: it has no row; expected a recording a row with {', '.join(COLUMNS)}"])
    return list(requests.values())


def _rows(path: Path) -> list[tuple[str, dict[str, str]]]:
    """Return the rows of the table, each with its line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, delimiter="\t")
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            rows = [(f"line {reader.line_num}", {name: (value or "").strip() for name, value in row.items() if name}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([f"{path}: cannot be read ({error}); expected a tab-separated request table in UTF-8"]) from error
    if len(columns) == 1 and columns[0] not in COLUMNS:
        raise ConfigError([f"{path}: its columns are not separated by tabs; found the header '{columns[0]}'"])
    problems = [f"{path}: no column '{name}'; found {', '.join(columns) or 'an empty file'}" for name in COLUMNS if name not in columns]
    problems += [f"{path}: unknown column '{name}': {nearest(name, COLUMNS)}" for name in columns if name not in COLUMNS]
    if problems:
        raise ConfigError(problems)
    return [(where, row) for where, row in rows if any(row.values())]


def _parse(where: str, row: Mapping[str, str], problems: list[str]) -> Request | None:
    """Turn a row of text into a request; append what is wrong with it to `problems`."""
    before = len(problems)
    for name in CODES:
        if name == "location" and not row[name]:
            continue
        if not all(re.fullmatch(PATTERNS[name], part) for part in row[name].split(",")):
            blank = ", or nothing for a blank one" if name == "location" else ""
            problems.append(f"{where}: {name}: found '{row[name]}'; expected letters and digits, with `*` and `?` as wildcards{blank}")
    times = {}
    for name in ("start", "end"):
        try:
            times[name] = in_utc(datetime.fromisoformat(row[name]))
        except ValueError:
            problems.append(f"{where}: {name}: found '{row[name]}'; expected an ISO 8601 time, for example 2010-02-27T06:34:00")
    if len(times) == 2 and times["end"] <= times["start"]:
        problems.append(f"{where}: end ({row['end']}) is not after start ({row['start']})")
    if len(problems) > before:
        return None
    location = "" if row["location"] == BLANK else row["location"]
    return Request(row["network"], row["station"], location, row["channel"], times["start"], times["end"], where)
