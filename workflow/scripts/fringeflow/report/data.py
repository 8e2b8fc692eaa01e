"""The data of each dataset: where it comes from, how it is split, what it looks like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fringeflow.evaluation.words import Words
from fringeflow.report.captions import EXAMPLES
from fringeflow.report.images import Album, Picture
from fringeflow.report.inputs import About, ReportInputs
from fringeflow.report.map import PARTS, EventMap, draw_map
from fringeflow.report.tables import Cell, Column, Row, Table, number, number_cell, text_cell


@dataclass(frozen=True)
class Data:
    """What the page shows of one dataset."""

    dataset: str
    lead: str
    warnings: Sequence[str]
    notes: Sequence[str]
    counts: Table
    events: Table | None
    map: EventMap | None
    examples: Sequence[Picture]


def describe_data(described: Mapping[str, Mapping[str, Any]], inputs: ReportInputs, about: About, album: Album) -> list[Data]:
    """Return every dataset, by its name."""
    return [_data(name, described[name], inputs, about, album) for name in sorted(described)]


def _data(name: str, found: Mapping[str, Any], inputs: ReportInputs, about: About, album: Album) -> Data:
    parts = {str(event): part for part in PARTS for event in found.get("events", {}).get(part, [])}
    rows = [row for row in about.events if str(row["event"]) in parts] if not found.get("collection") else []
    others = [row for row in about.events if str(row["event"]) not in parts] if rows else []
    warnings = []
    if alike := found.get("near_duplicates"):
        warnings.append(
            f"{alike:,} {'picture looks' if alike == 1 else 'pairs of pictures look'} alike in two parts of the split: scores on the test part flatter. "
            "See duplicates.tsv of the collection."
        )
    return Data(
        name,
        lead_of(name, found),
        warnings,
        _notes(found),
        _counts(name, found),
        _events(name, [*rows, *others], parts, about) if rows else None,
        draw_map([*rows, *others], parts) if rows else None,
        [album.embed(path, EXAMPLES, path.stem.removeprefix("examples_")) for path in inputs.examples if path.parent.name == name],
    )


def lead_of(name: str, found: Mapping[str, Any]) -> str:
    """Say in a sentence or two what a dataset is, and how it is split."""
    words, counts = Words.of(found), found["counts"]
    whole = counts["all"]
    groups = " / ".join(f"{counts[part]['groups']}" for part in PARTS if part in counts)
    samples = f"{whole['tiles']:,} {words.samples}"
    if found.get("collection"):
        what = samples if words.sample == words.group else f"{samples} of {words.counted(whole['groups'])}"
        source = f" of the collection {found['collection']}"
    else:
        what = f"{samples} cut from {whole['interferograms']:,} interferograms of {whole['events']:,} event{'s' if whole['events'] != 1 else ''}"
        source = ""
    positive = found.get("positive")
    share = (
        f"; {100 * found['prevalence']['all']:.1f} % are {positive}" if positive else f"; {len(found['classes'])} classes, none singled out"
    )
    return f"{name}: {what}{source}{share}. Split by {words.group}: {groups} for training, validation and test."


def _notes(found: Mapping[str, Any]) -> list[str]:
    """Say what was left out."""
    notes, words = [], Words.of(found)
    if ambiguous := found.get("ambiguous_left_out", {}).get("all"):
        notes.append(
            f"{ambiguous:,} {words.samples} between the two thresholds of the label rule are ambiguous, and are neither trained on nor scored."
        )
    if shared := found.get("shared_left_out"):
        notes.append(f"{shared:,} {words.samples} that two events share are left out.")
    return notes


def _counts(name: str, found: Mapping[str, Any]) -> Table:
    """Return the table of the split: a row a part."""
    words, counts, collection = Words.of(found), found["counts"], bool(found.get("collection"))
    columns = [Column("Part", numeric=False)]
    keys = []
    if not (collection and words.sample == words.group):
        columns.append(Column(words.groups.capitalize(), "groups; one never stands in two parts"))
        keys.append("groups")
    if not collection:
        columns.append(Column("Interferograms"))
        keys.append("interferograms")
    columns += [Column(words.samples.capitalize()), *(Column(label) for label in found["classes"])]
    keys += ["tiles", *found["classes"]]
    if found.get("positive"):
        columns.append(Column("Prevalence", f"share of {found['positive']}"))
    rows = []
    for part in (*PARTS, "all"):
        if part in counts:
            prevalence = found.get("prevalence", {}).get(part)
            cells = [text_cell(part), *(number_cell(int(counts[part].get(key, 0))) for key in keys)]
            rows.append(Row([*cells, *([_share(prevalence)] if found.get("positive") else [])]))
    return Table(f"counts-{name}", f"Samples of {name} by part and class", columns, rows)


def _share(value: float | None) -> Cell:
    """Return a cell with a share as percent."""
    return Cell("" if value is None else f"{100 * value:.1f} %", "" if value is None else repr(value))


def _events(name: str, rows: Sequence[Mapping[str, Any]], parts: Mapping[str, str], about: About) -> Table:
    """Return the table of events, numbered as on the map."""
    pairs: dict[str, int] = {}
    for row in about.interferograms:
        pairs[str(row["event"])] = pairs.get(str(row["event"]), 0) + 1
    columns = [
        Column("No.", "as on the map"), Column("Event", numeric=False), Column("Place", numeric=False), Column("Time (UTC)", numeric=False),
        Column("Mw"), Column("Depth (km)"), Column("Interferograms"), Column("Part", numeric=False),
    ]  # fmt: skip
    cells = [
        [
            number_cell(place),
            text_cell(row["event"]),
            text_cell(row.get("place")),
            text_cell(str(row.get("time") or "").replace("T", " ")[:16]),
            Cell(number(row.get("magnitude"), 1), str(row.get("magnitude") or "")),
            Cell(number(row.get("depth_km"), 1), str(row.get("depth_km") or "")),
            number_cell(pairs.get(str(row["event"]), 0)),
            text_cell(parts.get(str(row["event"]), "not in this dataset")),
        ]
        for place, row in enumerate(rows, 1)
    ]
    return Table(f"events-{name}", "Events, numbered as on the map", columns, [Row(one) for one in cells])
