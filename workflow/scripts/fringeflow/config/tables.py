"""The two tables of the catalogue: events.tsv and interferograms.tsv, one typed row each."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from fringeflow.config.strict import Name, Strict, in_utc
from fringeflow.errors import SHOWN, nearest

FRAME_PATTERN = r"^[0-9]{3}[AD]_[0-9]{5}_[0-9]{6}$"
PAIR_PATTERN = r"^[0-9]{8}_[0-9]{8}$"
Angle = Annotated[float, Field(ge=-360, le=360)]
DAYS = 30
"""An earthquake that many days before the first or after the second date of a pair may belong to it: afterslip, or a wrong date."""


class Event(Strict):
    """One earthquake; or, with no time and no magnitude, an area where nothing deformed by one."""

    event: Name = Field(description="Identifier, for example the USGS one; its folder in the results.")
    source: Literal["simulated", "portal"] = Field(
        "portal", description="`simulated`: written by the simulator; `portal`: fetched from `mirrors`."
    )
    time: datetime | None = Field(None, description="Origin time, ISO 8601, UTC.")
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(None, description="Epicentre, degrees north.")
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = Field(None, description="Epicentre, degrees east.")
    depth_km: Annotated[float, Field(ge=0, le=800)] | None = Field(None, description="Depth of the hypocentre, km.")
    magnitude: Annotated[float, Field(ge=0, le=10)] | None = Field(None, description="Moment magnitude; empty means no earthquake.")
    strike_deg: Angle | None = Field(None, description="Strike of the fault plane, degrees clockwise from north (Aki and Richards).")
    dip_deg: Annotated[float, Field(ge=0, le=90)] | None = Field(None, description="Dip of the fault plane, degrees.")
    rake_deg: Angle | None = Field(None, description="Rake of the slip, degrees.")
    place: str = Field("", description="For people.")

    @field_validator("time")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        return None if value is None else in_utc(value)

    @model_validator(mode="after")
    def _whole(self) -> "Event":
        needed = ("time", "latitude", "longitude", "depth_km")
        missing = [name for name in needed if getattr(self, name) is None]
        if self.magnitude is not None and missing:
            raise ValueError(f"an earthquake (magnitude {self.magnitude}) needs {', '.join(missing)}")
        if self.magnitude is None and self.time is not None:
            raise ValueError("time is given without a magnitude: give both for an earthquake, neither for a quiet area")
        mechanism = [self.strike_deg, self.dip_deg, self.rake_deg]
        if any(value is None for value in mechanism) and not all(value is None for value in mechanism):
            raise ValueError("give strike_deg, dip_deg and rake_deg together or not at all")
        if self.source == "simulated" and self.latitude is None:
            raise ValueError("a simulated event needs latitude and longitude")
        if self.source == "simulated" and self.magnitude is not None and self.strike_deg is None:
            raise ValueError("a simulated earthquake needs strike_deg, dip_deg and rake_deg")
        return self

    @property
    def is_earthquake(self) -> bool:
        """Whether an earthquake happened at all."""
        return self.magnitude is not None

    @property
    def has_mechanism(self) -> bool:
        """Whether strike, dip and rake are known."""
        return self.strike_deg is not None


class Interferogram(Strict):
    """One interferogram that belongs to an event."""

    event: Name = Field(description="An event of the events table.")
    frame: Annotated[str, Field(pattern=FRAME_PATTERN)] = Field(description="LiCSAR frame, for example `102A_05000_131313`.")
    pair: Annotated[str, Field(pattern=PAIR_PATTERN)] = Field(description="First and second date, `YYYYMMDD_YYYYMMDD`.")
    acquisition_utc: time | None = Field(
        None, description="Time of day of the acquisitions, `HH:MM:SS` UTC; decides pairs that begin or end on the day of the earthquake."
    )
    heading_deg: Angle | None = Field(
        None, description="Flight direction, degrees clockwise from north; empty: typical for Sentinel-1 and the frame's A or D."
    )
    incidence_deg: Annotated[float, Field(gt=0, lt=90)] | None = Field(
        None, description="Incidence angle at the scene's centre, degrees; empty: 39."
    )

    @field_validator("pair")
    @classmethod
    def _ordered_dates(cls, pair: str) -> str:
        first, second = (pair_date(part) for part in pair.split("_"))
        if first >= second:
            raise ValueError(f"the first date of a pair must come before the second: {pair}")
        return pair

    @property
    def dates(self) -> tuple[date, date]:
        """First and second date."""
        first, second = self.pair.split("_")
        return pair_date(first), pair_date(second)

    @property
    def key(self) -> str:
        """`frame/pair`: where its files lie."""
        return f"{self.frame}/{self.pair}"

    def is_coseismic(self, event: Event) -> bool:
        """Whether the earthquake happened between the two acquisitions.

        On the day of an acquisition its time of day decides; without `acquisition_utc` the pair does
        not count as coseismic, since it may lie on either side.
        """
        if event.time is None:
            return False
        first, second = self.dates
        day = event.time.date()
        if day in (first, second):
            if self.acquisition_utc is None:
                return False
            begin, end = (datetime.combine(d, self.acquisition_utc, UTC) for d in (first, second))
            return begin < event.time < end
        return first < day < second


@dataclass(frozen=True)
class Tables:
    """Both tables, read and checked against each other."""

    events: dict[str, Event] = field(default_factory=dict)
    interferograms: dict[str, list[Interferogram]] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    """Events that `snakemake catalogue` still has to find interferograms for."""

    def select(self, events: str | list[str]) -> list[str]:
        """Return event names: all of them, those of one source, or the list itself, sorted."""
        if isinstance(events, list):
            return sorted(events)
        return sorted(name for name, row in self.events.items() if events in ("all", row.source))


def pair_date(text: str) -> date:
    """Read `YYYYMMDD`.

    >>> pair_date("20210218")
    datetime.date(2021, 2, 18)
    """
    if len(text) != 8 or not text.isdigit():
        raise ValueError(f"found '{text}', expected a date as YYYYMMDD")
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))  # strptime took most of the time of reading 100,000 rows
    except ValueError as error:
        raise ValueError(f"found '{text}', expected a date as YYYYMMDD: {error}") from None


def days_outside(day: date, dates: tuple[date, date]) -> int:
    """Return how many days a day lies outside of two dates.

    >>> days_outside(date(2021, 3, 3), (date(2021, 2, 18), date(2021, 3, 2)))
    1
    """
    first, second = dates
    return min(0, (day - first).days) + max(0, (day - second).days)


def _rows(path: Path, model: type[Strict], problems: list[str]) -> list[Any]:
    """Read a table into rows of `model`; append what is wrong to `problems`."""
    try:
        reader = csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines(), delimiter="\t")
        lines = [(reader.line_num, row) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        problems.append(f"{path}: cannot be read ({error}); expected a tab-separated table")
        return []
    columns = set(model.model_fields)
    needed = {name for name, info in model.model_fields.items() if info.is_required()}
    header = reader.fieldnames or []
    found = set(header)
    if len(found) == 1 and not found & columns:
        problems.append(f"{path}: its columns are not separated by tabs; found the header '{found.pop()}'")
        return []
    for name in sorted(found - columns):
        problems.append(f"{path}: unknown column '{name}': {nearest(name, columns)}")
    for name in sorted(needed - found):
        problems.append(f"{path}: no column '{name}'; found {', '.join(sorted(found)) or 'an empty file'}")
    for name in sorted(found):
        if header.count(name) > 1:
            problems.append(f"{path}: the column '{name}' stands {header.count(name)} times; keep one")
    if found - columns or needed - found or len(found) < len(header):
        return []
    rows = []
    for number, row in lines:
        values = {name: value.strip() for name, value in row.items() if name and value and value.strip()}
        try:
            rows.append(model.model_validate(values))
        except ValidationError as error:
            for issue in error.errors():
                column = ".".join(str(part) for part in issue["loc"]) or "row"
                given = values.get(column, "nothing")
                shown = f"found '{given}', " if column != "row" else ""
                problems.append(f"{path} line {number}: {column}: {shown}{issue['msg']}")
    return rows


def _without_interferogram(names: list[str], tables: list[str]) -> str:
    """Say which events wait for interferograms, and the two ways to give them some."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    who = f"event '{names[0]}' has" if len(names) == 1 else f"{len(names)} events have"
    shown = "" if len(names) == 1 else f" ({', '.join(names[:SHOWN])}{more})"
    return (
        f"{who} no interferogram yet{shown}; run `snakemake --cores 1 catalogue` with the same --configfile to look them up, "
        f"add rows to {', '.join(map(str, tables))} by hand, or take out the event{'s' if len(names) > 1 else ''}"
    )


def read_tables(events: Iterable[str], interferograms: Iterable[str]) -> tuple[Tables, list[str]]:
    """Read the catalogue's tables.

    Parameters
    ----------
    events, interferograms : iterables of paths

    Returns
    -------
    Tables
    list of str
        Every problem found, empty when the tables are sound.
    """
    problems: list[str] = []
    interferograms = list(interferograms)
    known: dict[str, Event] = {}
    for path in map(Path, events):
        for row in _rows(path, Event, problems):
            if row.event in known:
                problems.append(f"{path}: event '{row.event}' stands twice; keep one row")
            known[row.event] = row
    pairs: dict[str, list[Interferogram]] = {name: [] for name in known}
    gaps: list[str] = []
    for path in map(Path, interferograms):
        if not path.exists():
            gaps.append(f"{path}: there is no such table; `snakemake catalogue` makes it, or write it yourself")
            continue
        for row in _rows(path, Interferogram, problems):
            if row.event not in known:
                problems.append(f"{path}: interferogram {row.key} names the unknown event '{row.event}': {nearest(row.event, known)}")
            elif any(row.key == other.key for other in pairs[row.event]):
                problems.append(f"{path}: interferogram {row.key} of event '{row.event}' stands twice; keep one row")
            else:
                pairs[row.event].append(row)
    bare = sorted(name for name in known if not pairs[name])
    if bare:
        gaps.append(_without_interferogram(bare, interferograms))
    for name, row in known.items():
        if not pairs[name]:
            continue
        if row.is_earthquake and not any(pair.is_coseismic(row) for pair in pairs[name]):
            gaps.append(
                f"event '{name}' ({row.time:%Y-%m-%d %H:%M}) has no coseismic pair among "
                f"{', '.join(pair.key for pair in pairs[name])}; add one that spans it, give acquisition_utc where it falls "
                "on the day of an acquisition, or remove the event"
            )
    ordered = {name: sorted(pairs[name], key=lambda pair: pair.key) for name in sorted(pairs)}
    return Tables(dict(sorted(known.items())), ordered, gaps), problems
