"""The interferograms table as a lock file: it only ever grows, and merging changes nothing it does not have to."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from fringeflow.config.tables import Interferogram
from fringeflow.errors import ConfigError, nearest
from fringeflow.files import atomic

COLUMNS = list(Interferogram.model_fields)


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read an interferograms table as text cells; a table that is not there has no rows.

    Raises
    ------
    ConfigError
        If it is no such table; it is then left alone.
    """
    if not path.is_file():
        return []
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline=""), delimiter="\t")
        rows, found = list(reader), list(reader.fieldnames or [])
    except (OSError, ValueError, csv.Error) as error:
        raise ConfigError([f"{path}: cannot be read ({error}); expected a tab-separated table in UTF-8"]) from error
    problems = [f"{path}: unknown column '{name}': {nearest(name, COLUMNS)}" for name in found if name not in COLUMNS]
    problems += [
        f"{path}: no column '{name}'; found {', '.join(found) or 'an empty file'}"
        for name in ("event", "frame", "pair")
        if name not in found
    ]
    if problems:
        raise ConfigError(problems)
    return [{name: (row.get(name) or "").strip() for name in COLUMNS} for row in rows if any(row.values())]


def merge_rows(path: Path, rows: Iterable[Interferogram]) -> int:
    """Add rows to an interferograms table, sorted; no row is removed and no cell changed, empty cells are filled.

    Returns
    -------
    int
        Number of rows that are new.
    """
    table = {(row["event"], row["frame"], row["pair"]): row for row in read_rows(path)}
    before = len(table)
    for found in rows:
        cells = {name: "" if value is None else str(value) for name, value in found.model_dump().items()}
        row = table.setdefault((found.event, found.frame, found.pair), cells)
        for name, value in cells.items():
            row[name] = row[name] or value
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, delimiter="\t", lineterminator="\n")
    writer.writeheader()
    writer.writerows(table[key] for key in sorted(table))
    if not path.is_file() or path.read_text(encoding="utf-8") != text.getvalue():
        with atomic(path) as part:
            part.write_text(text.getvalue(), encoding="utf-8")
    return len(table) - before
