"""Choosing an event's interferograms among all that a frame has: coseismic ones, and quiet ones around them."""

from collections.abc import Iterable, Sequence
from datetime import date

from fringeflow.config.models import Catalogue
from fringeflow.config.tables import Event, Interferogram


def choose_pairs(event: Event, candidates: Iterable[Interferogram], listed: set[str], choice: Catalogue) -> list[Interferogram]:
    """Choose an event's interferograms among those of one frame.

    Coseismic pairs: the shortest first, since they stay coherent; those that a mirror lists before those that
    only the event's page names. Quiet pairs: both dates on the same side of the earthquake and not on its day
    (unless the time of day is known), no longer than `max_span_days`; the nearest to the event first, such
    that they do not overlap in time while there are enough of those, since overlapping pairs share their
    atmosphere.

    Parameters
    ----------
    event : Event
        With an origin time.
    candidates : iterable of Interferogram
    listed : set of str
        Names of pairs that a mirror lists.
    choice : Catalogue
        How many of each kind.

    Returns
    -------
    list of Interferogram, sorted by pair
    """
    rows = {row.pair: row for row in candidates}.values()
    coseismic = sorted((row for row in rows if row.is_coseismic(event)), key=lambda row: (row.pair not in listed, _span(row), row.pair))
    before: list[Interferogram] = []
    after: list[Interferogram] = []
    for row in rows:
        side = _side(row, event)
        if side and row.pair in listed and _span(row) <= choice.max_span_days:
            (before if side < 0 else after).append(row)
    assert event.time is not None
    day = event.time.date()
    before.sort(key=lambda row: ((day - row.dates[1]).days, _span(row)))
    after.sort(key=lambda row: ((row.dates[0] - day).days, _span(row)))
    chosen = coseismic[: choice.coseismic_pairs] + _apart(before, choice.quiet_before) + _apart(after, choice.quiet_after)
    return sorted(chosen, key=lambda row: row.pair)


def _span(row: Interferogram) -> int:
    first, second = row.dates
    return (second - first).days


def _side(row: Interferogram, event: Event) -> int:
    """Return -1 if a pair ended before the earthquake, 1 if it began after it, 0 if it spans it or may do so."""
    assert event.time is not None
    first, second = row.dates
    day = event.time.date()
    if day in (first, second):
        if row.acquisition_utc is None or row.is_coseismic(event):
            return 0
        return -1 if second == day else 1
    return -1 if second < day else 1 if first > day else 0


def _apart(rows: Sequence[Interferogram], count: int) -> list[Interferogram]:
    """Return the first `count` rows, those that do not overlap an earlier choice before the others."""
    chosen: list[Interferogram] = []
    for row in rows:
        if len(chosen) < count and all(_disjoint(row.dates, other.dates) for other in chosen):
            chosen.append(row)
    rest = [row for row in rows if row not in chosen]
    return chosen + rest[: count - len(chosen)]


def _disjoint(one: tuple[date, date], other: tuple[date, date]) -> bool:
    return one[1] <= other[0] or other[1] <= one[0]
