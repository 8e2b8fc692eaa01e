"""Train, validation and test by group: tiles that know of each other never stand on two sides.

A group is one earthquake with all its interferograms, or several earthquakes that share one
(the pair that spans two shocks of a sequence belongs to both, and so do its pixels).
"""

import hashlib
from collections.abc import Iterable, Mapping

import numpy as np

from fringeflow.config.models import GivenSplit, StratifiedSplit
from fringeflow.errors import DatasetError, bullets, nearest

PARTS = ("train", "validation", "test")
TOLERANCE = 1 / 3
"""Relative deviation from its share of a class that a part may have before groups are exchanged."""


def group_events(interferograms: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Name the group of every event: events that share an interferogram, directly or in a chain, are one.

    Parameters
    ----------
    interferograms : iterable of (event, frame, pair)

    Returns
    -------
    dict of str to str
        Event to group. A group is called after the first of its events in the alphabet.

    Examples
    --------
    >>> group_events([("a", "F", "1_2"), ("b", "F", "1_2"), ("c", "F", "2_3")])
    {'a': 'a', 'b': 'a', 'c': 'c'}
    """
    parent: dict[str, str] = {}
    owner: dict[tuple[str, str], str] = {}

    def root(event: str) -> str:
        while parent[event] != event:
            parent[event] = parent[parent[event]]
            event = parent[event]
        return event

    for event, frame, pair in sorted(set(interferograms)):
        parent.setdefault(event, event)
        first, second = sorted((root(owner.setdefault((frame, pair), event)), root(event)))
        parent[second] = first
    return {event: root(event) for event in parent}


def given_split(settings: GivenSplit, groups: Mapping[str, str]) -> dict[str, str]:
    """Read a split by hand.

    Parameters
    ----------
    settings : GivenSplit
    groups : mapping of str to str
        The group of every event of the dataset.

    Returns
    -------
    dict of str to str
        Group to part.

    Raises
    ------
    DatasetError
        With every problem: an unknown event, an event listed twice, an event listed nowhere, a
        group (events that share an interferogram) spread over parts.
    """
    listed = {part: getattr(settings, part) for part in PARTS}
    where: dict[str, list[str]] = {}
    for part, events in listed.items():
        for event in events:
            where.setdefault(event, []).append(part)
    problems = []
    for event, parts in where.items():
        if event not in groups:
            problems.append(f"split.{parts[0]} names the event '{event}', which the dataset does not have: {nearest(event, groups)}")
        elif len(parts) > 1:
            problems.append(f"event '{event}' is listed {len(parts)} times ({', '.join(parts)}); keep one")
    for event in sorted(set(groups) - set(where)):
        problems.append(f"event '{event}' of the dataset is in no part; add it to split.train, split.validation or split.test")
    members: dict[str, list[str]] = {}
    for event in sorted(where):
        if event in groups:
            members.setdefault(groups[event], []).append(event)
    for events in members.values():
        if len({where[event][0] for event in events}) > 1:
            shown = ", ".join(f"{event} ({where[event][0]})" for event in events)
            problems.append(f"events that share an interferogram must be in one part: {shown}")
    if problems:
        raise DatasetError(f"the given split does not fit the dataset:{bullets(problems)}")
    return {groups[event]: parts[0] for event, parts in where.items()}


def stratified_split(settings: StratifiedSplit, counts: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """Divide groups so that every part gets its share of them and of every class.

    1. A group's stratum is the rarest class that it holds (rare over the whole dataset).
    2. Within a stratum the groups are put in the order of a hash of seed and name, and that order is
       cut at the rounded shares. From three groups on, every part gets at least one of the
       stratum. Order of input plays no role.
    3. Groups differ in size, so shares of *tiles* can be far off. While some part's share of some
       class is off by more than `TOLERANCE`, the exchange of two groups of one stratum that improves
       the shares most is made.

    When an event is added, step 2 moves at most two of the groups that were there, those next to a
    cut of the one stratum that grew (unless the event changes which class is rarest, or joins two
    groups). Step 3 can move more, though it stops as soon as the shares are fair: with sizes that
    spread tenfold, adding one event to 10, 20 or 40 moved 2.7, 2.2 and 1.6 of them on average
    (`tests/unit/test_datasets_splits.py` holds bounds). A split that must never change is `given`.

    Parameters
    ----------
    settings : StratifiedSplit
    counts : mapping of group to (mapping of class to number of samples)

    Returns
    -------
    dict of str to str
        Group to part.

    Raises
    ------
    DatasetError
        With fewer groups than parts.
    """
    names = sorted(counts)
    if len(names) < len(PARTS):
        raise DatasetError(
            f"a split into {', '.join(PARTS)} needs at least 3 groups of events, found {len(names)} ({', '.join(names) or 'none'}); "
            "add events (events that share an interferogram count as one group)"
        )
    classes = sorted({name for row in counts.values() for name in row})
    table = np.array([[counts[group].get(name, 0) for name in classes] for group in names], dtype=float)
    rarity = np.argsort(np.where(table.sum(0) > 0, table.sum(0), np.inf), kind="stable")
    strata = np.full(len(names), -1)
    for column in rarity[::-1]:
        strata[table[:, column] > 0] = column
    order = np.array([hashlib.sha256(f"{settings.seed}/{group}".encode()).hexdigest() for group in names])
    parts = np.zeros(len(names), dtype=int)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        first, second = _cuts(len(members), settings.train, settings.train + settings.validation)
        ranks = np.argsort(np.argsort(order[members]))
        parts[members] = (ranks >= first).astype(int) + (ranks >= second)
    shares = np.array([settings.train, settings.validation, 1 - settings.train - settings.validation])
    parts = _exchange(parts, strata, table[:, table.sum(0) > 0], shares)
    return {group: PARTS[part] for group, part in zip(names, parts, strict=True)}


def _cuts(count: int, first: float, second: float) -> tuple[int, int]:
    """Return the ranks at which a stratum is cut; either grows by at most one when `count` does."""
    a, b = int(count * first + 0.5), int(count * second + 0.5)
    if count >= len(PARTS):
        a = min(max(a, 1), count - 2)
        b = min(max(b, a + 1), count - 1)
    return a, b


def _exchange(parts: np.ndarray, strata: np.ndarray, table: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Exchange groups of a stratum between parts until every share of every class is fair, or none helps.

    Parameters
    ----------
    parts, strata : ndarray of int, shape (groups,)
    table : ndarray, shape (groups, classes)
        Samples; every column has some.
    shares : ndarray, shape (3,)
    """
    parts = parts.copy()
    table = table / table.sum(0)
    first, second = np.triu_indices(len(parts), 1)
    same = strata[first] == strata[second]
    first, second = first[same], second[same]
    pairs = np.arange(len(first))
    for _ in range(len(parts)):
        held = np.stack([table[parts == part].sum(0) for part in range(len(PARTS))])
        off = held / shares[:, None] - 1
        unfair = _unfairness(off)
        if unfair == 0 or not len(pairs):
            break
        moved = table[second] - table[first]
        after = np.repeat(off[None], len(pairs), axis=0)
        after[pairs, parts[first]] += moved / shares[parts[first], None]
        after[pairs, parts[second]] -= moved / shares[parts[second], None]
        left = np.where(parts[first] == parts[second], np.inf, _unfairness(after))
        best = int(np.argmin(left))
        if left[best] > unfair - 1e-9:
            break
        i, j = first[best], second[best]
        parts[i], parts[j] = parts[j], parts[i]
    return parts


def _unfairness(off: np.ndarray) -> np.ndarray:
    """Sum the squares by which relative deviations, shape (..., parts, classes), exceed the tolerance."""
    return (np.clip(np.abs(off) - TOLERANCE, 0, None) ** 2).sum(axis=(-2, -1))
