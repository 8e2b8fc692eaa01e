"""The label table of recordings: which part of which recording belongs to which class."""

import csv
import math
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.config.strict import in_utc
from fringeflow.errors import DatasetError, nearest
from fringeflow.seismic.problems import PARTS, refuse
from fringeflow.seismic.recording import ALL

REQUIRED = ("recording", "class")
OPTIONAL = ("start", "end", "first_trace", "last_trace", "group", "split")
PLACE = ["recording", "start", "end", "first_trace", "last_trace"]
"""What makes a labelled piece."""


def read_labels(path: str | Path, classes: Sequence[str]) -> pd.DataFrame:
    """Read a label table.

    Parameters
    ----------
    path : str or Path
        Tab-separated text, or parquet if its name ends so. Columns: `recording` (path relative to the collection's folder, or
        the file's name) and `class`; optional `start`, `end` (seconds from the first sample, or ISO 8601 times, UTC unless
        they say otherwise; the end excluded), `first_trace`, `last_trace` (counted from 0, the last included), `group`
        (recordings that belong together) and `split` (train, validation or test, in every row or in none).
    classes : sequence of str

    Returns
    -------
    DataFrame
        One row a label, in the table's order: `where` (line or row, for messages), `recording`, `label`, `start` and `end`
        (float seconds, a str of an ISO 8601 time in UTC, or None), `first_trace` and `last_trace` (int, -1 where not given),
        `group` and `split` (str, empty where not given).

    Raises
    ------
    DatasetError
        With every problem and its line: a column that is missing or unknown, an unknown class (the nearest is suggested),
        a time or a trace that is none, an end before its start, a label that stands twice, a `split` for some rows only;
        or if the table cannot be read or is empty.
    """
    path = Path(path)
    columns, rows = _read_parquet(path) if path.suffix == ".parquet" else _read_text(path)
    known = set(REQUIRED + OPTIONAL)
    problems = [f"no column '{name}'; found {', '.join(columns) or 'an empty file'}" for name in REQUIRED if name not in columns]
    problems += [f"unknown column '{name}': {nearest(name, known)}" for name in columns if name not in known]
    if not problems and not rows:
        problems.append("it has no row; expected a label a row")
    refuse(f"{path}: cannot be used as a label table", problems)
    labels = [_parse(where, row, classes, problems) for where, row in rows]
    table = pd.DataFrame(labels).astype({"start": object, "end": object})
    table[["start", "end"]] = table[["start", "end"]].where(table[["start", "end"]].notna(), None)
    _check_twice(table, problems)
    with_split = table["split"] != ""
    if with_split.any() and not with_split.all():
        bare = table.loc[~with_split, "where"]
        problems.append(
            f"{bare.iloc[0]}: no split, while {with_split.sum()} rows have one; give it in every row or in none ({len(bare)} lack it)"
        )
    refuse(f"{path}: its labels cannot be used", problems)
    return table


def _read_text(path: Path) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """Return the columns of a tab-separated table, and its rows with their lines."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, delimiter="\t")
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            rows = [(f"line {reader.line_num}", {name: (value or "").strip() for name, value in row.items() if name}) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path}: cannot be read ({error}); expected a tab-separated label table in UTF-8") from error
    if len(columns) == 1 and columns[0] not in REQUIRED + OPTIONAL:
        raise DatasetError(f"{path}: its columns are not separated by tabs; found the header '{columns[0]}'")
    return columns, [(where, row) for where, row in rows if any(row.values())]


def _read_parquet(path: Path) -> tuple[list[str], list[tuple[str, dict[str, Any]]]]:
    """Return the columns of a parquet table, and its rows as text with their numbers, counted from 1."""
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError, LookupError, TypeError, NotImplementedError) as error:  # pandas trusts its own notes in the file
        raise DatasetError(f"{path}: cannot be read ({type(error).__name__}: {error}); expected a label table in parquet") from error
    columns = [str(name) for name in table.columns]
    values = ({name: "" if pd.isna(value) else str(value).strip() for name, value in row.items()} for row in table.to_dict("records"))
    return columns, [(f"row {number}", {str(name): value for name, value in row.items()}) for number, row in enumerate(values, 1)]


def _parse(where: str, row: dict[str, str], classes: Sequence[str], problems: list[str]) -> dict[str, Any]:
    """Turn a row of text into values; append what is wrong with it to `problems`."""

    def number(column: str) -> int:
        text = row.get(column, "")
        try:
            value = float(text) if text else ALL
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value != int(value) or (text and value < 0):
            problems.append(f"{where}: {column}: found '{text}'; expected a whole number, counted from 0")
            return ALL
        return int(value)

    times = {column: _time(where, column, row.get(column, ""), problems) for column in ("start", "end")}
    first, last = number("first_trace"), number("last_trace")
    label, split = row["class"], row.get("split", "")
    if not row["recording"]:
        problems.append(f"{where}: no recording; expected the name of a file")
    if label not in classes:
        problems.append(f"{where}: unknown class '{label}': {nearest(label, classes)}")
    if split and split.lower() not in PARTS:
        problems.append(f"{where}: unknown split '{split}': {nearest(split, PARTS)}")
    start, end = times["start"], times["end"]
    if start is not None and end is not None and type(start) is type(end) and end <= start:
        problems.append(f"{where}: end ({row['end']}) is not after start ({row['start']})")
    if ALL not in (first, last) and last < first:
        problems.append(f"{where}: last_trace ({last}) lies before first_trace ({first})")
    return {
        "where": where,
        "recording": row["recording"].replace("\\", "/"),
        "label": label,
        **times,
        "first_trace": first,
        "last_trace": last,
        "group": row.get("group", ""),
        "split": PARTS.get(split.lower(), ""),
    }


def _time(where: str, column: str, text: str, problems: list[str]) -> Any:
    """Return seconds, an ISO 8601 time in UTC as text that sorts by time, or None for an empty cell."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        if 0 <= seconds < float("inf"):
            return seconds
        problems.append(f"{where}: {column}: found '{text}'; expected seconds from the first sample, 0 or more")
        return None
    try:
        moment = in_utc(datetime.fromisoformat(text))
    except ValueError:
        problems.append(f"{where}: {column}: found '{text}'; expected seconds from the first sample, or an ISO 8601 time")
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _check_twice(table: pd.DataFrame, problems: list[str]) -> None:
    """Append labels that stand twice, with the same class or another."""
    for _, same in table[table.duplicated(PLACE, keep=False)].groupby(PLACE, dropna=False, sort=False):
        which = ", ".join(same["where"])
        told = " and ".join(f"'{label}'" for label in dict.fromkeys(same["label"]))
        problems.append(f"{which}: '{same['recording'].iloc[0]}' is labelled {len(same)} times for the same part ({told}); keep one row")
