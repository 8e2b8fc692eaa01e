"""Tables of the page: which columns, how numbers are written, what a row is sorted by."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.errors import DatasetError
from fringeflow.evaluation.summary import read_comparison

MINUS = "\N{MINUS SIGN}"
TONES = {"better": "good", "worse": "bad", "confirmed": "good", "refuted": "bad"}
"""How words that decide something are coloured."""


@dataclass(frozen=True)
class Plot:
    """A score drawn as a dot with its interval, in percent of a cell's width.

    Attributes
    ----------
    low, at, high, base : float
        `base` is where knowing nothing stands.
    """

    low: float
    at: float
    high: float
    base: float

    @classmethod
    def of(cls, value: float, low: float, high: float, base: float, ends: tuple[float, float]) -> "Plot":
        """Scale a score onto 0..100 between two ends."""
        scale = 100 / (ends[1] - ends[0])
        return cls(*(round(min(100.0, max(0.0, (x - ends[0]) * scale)), 1) for x in (low, value, high, base)))


@dataclass(frozen=True)
class Cell:
    """A cell: what is written, what it is sorted by, and what else is shown in it."""

    text: str
    order: str = ""
    bounds: str = ""
    href: str = ""
    tone: str = ""
    plot: Plot | None = None
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """A column: its title, what it means, and whether it holds numbers."""

    title: str
    note: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """A row, with the marks that stand beside its first cell."""

    cells: Sequence[Cell]
    marks: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    name : str
        Its identifier in the page.
    caption : str
        What it is of, above it.
    download : str
        Data URI of the file with every column; none if empty.
    file : str
        The name under which that file is saved.
    note : str
        What to know before it is read, if anything.
    """

    name: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    download: str = ""
    file: str = ""
    note: str = ""


def read_table(path: Path) -> pd.DataFrame:
    """Read a tab-separated table; the strategy `none` is a name.

    Raises
    ------
    DatasetError
        If the file is no table.
    """
    try:
        return read_comparison(path)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected a tab-separated table, found {error}; run the workflow to make it again") from error


def download_of(path: Path) -> str:
    """Return the data URI of a table's file."""
    return f"data:text/tab-separated-values;base64,{b64encode(path.read_bytes()).decode()}"


def number(value: Any, digits: int = 3, signed: bool = False) -> str:
    """Write a number for people; what is missing is empty.

    Examples
    --------
    >>> number(0.8614), number(-0.02, signed=True), number(1204), number(float("nan")), number(3.0, 0)
    ('0.861', '−0.020', '1,204', '', '3')
    """
    if value is None or pd.isna(value):
        return ""
    if isinstance(value, int) or (not isinstance(value, float) and float(value).is_integer()):
        return f"{int(value):,}".replace("-", MINUS)
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", MINUS)


def text_cell(value: Any) -> Cell:
    """Return a cell with words; a word that decides something has its tone."""
    text = "" if value is None or value is pd.NA or (isinstance(value, float) and pd.isna(value)) else str(value)
    return Cell(text, text.lower(), tone=TONES.get(text, ""))


def number_cell(value: Any, digits: int = 3) -> Cell:
    """Return a cell with a number."""
    return Cell(number(value, digits), "" if value is None or pd.isna(value) else repr(float(value)))


def score_cell(row: Any, name: str, *, signed: bool = False, base: float | None = None, ends: tuple[float, float] = (0.0, 1.0)) -> Cell:
    """Return a cell with a score and its interval, drawn as well where a baseline is given."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_lower", "_upper"))
    if value is None or pd.isna(value):
        return Cell("")
    text, order = number(float(value), signed=signed), repr(float(value))
    if low is None or high is None or pd.isna(low) or pd.isna(high):
        return Cell(text, order)
    plot = None if base is None or pd.isna(base) else Plot.of(float(value), float(low), float(high), float(base), ends)
    return Cell(text, order, bounds_text(low, high, signed), plot=plot)


def bounds_text(low: float, high: float, signed: bool = False) -> str:
    """Write an interval.

    >>> bounds_text(0.5646, 0.98851)
    '0.565 to 0.989'
    """
    return f"{number(float(low), signed=signed)} to {number(float(high), signed=signed)}"


def plain_table(
    path: Path,
    name: str,
    caption: str,
    *,
    titles: dict[str, str],
    select: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    missing: dict[str, str] | None = None,
) -> Table | None:
    """Show a file's columns that have a title and are not all empty, a score with its interval in one cell.

    Parameters
    ----------
    path : Path
        Tab-separated table.
    titles : dict
        Column -> title, in the order of the page.
    select : callable, optional
        Chooses rows.
    missing : dict, optional
        Column -> what an empty cell of it means.

    Returns
    -------
    Table or None
        None if no row is left.
    """
    frame = read_table(path)
    frame = frame if select is None else select(frame)
    shown = {column: title for column, title in titles.items() if column in frame and frame[column].notna().any()}
    if frame.empty or not shown:
        return None
    kinds = {column: _kind(frame, column) for column in shown}
    columns = [Column(title, numeric=kinds[column] != "text") for column, title in shown.items()]
    rows = [Row([_cell(row, column, kinds[column], missing or {}) for column in shown]) for row in frame.to_dict("records")]
    return Table(name, caption, columns, rows, download_of(path), path.name)


def _kind(frame: pd.DataFrame, column: str) -> str:
    """Tell whether a column holds text, whole numbers, or others."""
    values = frame[column]
    if values.dtype == bool or not pd.api.types.is_numeric_dtype(values):
        return "text"
    return "whole" if f"{column}_lower" not in frame and (values.dropna() % 1 == 0).all() else "number"


def _cell(row: Any, column: str, kind: str, missing: dict[str, str]) -> Cell:
    """Return a cell of a column of some kind; large numbers have fewer digits."""
    value = row[column]
    if pd.isna(value):
        return text_cell(missing.get(column))
    if kind == "text":
        return text_cell({True: "yes", False: "no"}[value] if isinstance(value, bool) else value)
    if kind == "whole":
        return number_cell(int(value))
    if abs(value) >= 10:
        return number_cell(float(value), 1 if abs(value) >= 100 else 2)
    return score_cell(row, column, signed="difference" in column)
