"""Where the events of a dataset lie: points over a graticule, as a drawing inside the page (no base map has to be fetched)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, cos, floor, radians
from typing import Any

WIDTH = 960.0
"""Units of the drawing; the page scales it."""
STEPS = (0.5, 1, 2, 5, 10, 20, 30)
LINES = 9
"""Most meridians that are drawn."""
MARGIN = 0.08
"""Of the span, around the outermost events."""
PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Point:
    """An event on the map: its place in the drawing, its radius, the part it belongs to, and its number in the table."""

    x: float
    y: float
    radius: float
    part: str
    number: int
    text: str


@dataclass(frozen=True)
class Line:
    """A meridian or a parallel: where it stands, and what it is called."""

    at: float
    label: str


@dataclass(frozen=True)
class EventMap:
    """A drawing of so many units."""

    width: float
    height: float
    meridians: Sequence[Line]
    parallels: Sequence[Line]
    points: Sequence[Point]
    parts: Sequence[str]


def draw_map(events: Sequence[Mapping[str, Any]], parts: Mapping[str, str]) -> EventMap | None:
    """Place events on a plate carrée, true to scale in its middle.

    Parameters
    ----------
    events : sequence of mappings
        Rows with `event`, `latitude`, `longitude` (degrees) and, where known, `magnitude` and `place`; those without a place on Earth
        are not drawn. Their order numbers them from 1.
    parts : mapping
        Event -> part of the dataset; an event without one is drawn hollow.

    Returns
    -------
    EventMap or None
        None if no event can be drawn.
    """
    placed = [(number, row) for number, row in enumerate(events, 1) if row.get("latitude") is not None and row.get("longitude") is not None]
    if not placed:
        return None
    west, east = _span([float(row["longitude"]) for _, row in placed], 180, least=8)
    south, north = _span([float(row["latitude"]) for _, row in placed], 90, least=4)
    squeeze = max(0.2, cos(radians((south + north) / 2)))
    scale = WIDTH / (east - west)
    height = round(max(0.25 * WIDTH, min(0.7 * WIDTH, (north - south) * scale / squeeze)), 1)
    up = height / (north - south)
    step = next((step for step in STEPS if (east - west) / step <= LINES), STEPS[-1])
    points = [
        Point(
            round((float(row["longitude"]) - west) * scale, 1),
            round((north - float(row["latitude"])) * up, 1),
            round(min(17.0, max(8.0, 9 + 3 * (float(row["magnitude"]) - 5.5))) if row.get("magnitude") is not None else 8.0, 1),
            parts.get(str(row["event"]), "other"),
            number,
            _words(row, parts.get(str(row["event"]))),
        )
        for number, row in placed
    ]
    used = {point.part for point in points}
    return EventMap(
        WIDTH,
        height,
        [Line(round((at - west) * scale, 1), _degrees(at, "E", "W")) for at in _ticks(west, east, step)],
        [Line(round((north - at) * up, 1), _degrees(at, "N", "S")) for at in _ticks(south, north, step)],
        sorted(points, key=lambda point: (-point.radius, point.number)),  # small ones on top
        [part for part in (*PARTS, "other") if part in used],
    )


def _span(values: Sequence[float], limit: float, least: float) -> tuple[float, float]:
    """Return where a side of the map begins and ends: around the values, within the globe, never too small."""
    low, high = min(values), max(values)
    margin = max(MARGIN * (high - low), (least - (high - low)) / 2)
    return max(-limit, low - margin), min(limit, high + margin)


def _ticks(low: float, high: float, step: float) -> list[float]:
    """Return the multiples of a step between two ends.

    >>> _ticks(-7, 12, 5)
    [-5, 0, 5, 10]
    """
    return [step * number for number in range(ceil(low / step), floor(high / step) + 1)]


def _degrees(value: float, positive: str, negative: str) -> str:
    """Write a longitude or latitude.

    >>> _degrees(-20, "E", "W"), _degrees(0, "E", "W")
    ('20°W', '0°')
    """
    return f"{abs(value):g}°{'' if value == 0 else positive if value > 0 else negative}"


def _words(row: Mapping[str, Any], part: str | None) -> str:
    """Say what a point is, for who points at it."""
    magnitude = f", Mw {row['magnitude']}" if row.get("magnitude") is not None else ""
    return f"{row.get('place') or row['event']}{magnitude} ({part or 'not in this dataset'})"
