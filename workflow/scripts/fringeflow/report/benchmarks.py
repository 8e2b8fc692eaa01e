"""How long each rule took and how much memory it needed, from the files that Snakemake's benchmarks leave."""

import logging
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fringeflow.errors import DatasetError
from fringeflow.report.inputs import Files
from fringeflow.report.tables import Cell, Column, Row, Table, number_cell, read_table, text_cell

LOGGER = logging.getLogger(__name__)
FOLDER = "benchmarks"


def benchmark_table(files: Files) -> Table | None:
    """Return a row a rule: jobs, seconds of all and of the longest, highest memory; the costliest rule first.

    Parameters
    ----------
    files : paths `.../benchmarks/{rule}/....tsv`
        With columns `s` (seconds) and `max_rss` (MiB); a job too short to be seen has no memory.
    """
    frame = pd.DataFrame(_rows(files), columns=["rule", "seconds", "memory"])
    if frame.empty:
        return None
    found = frame.groupby("rule", sort=True).agg(
        jobs=("seconds", "size"), total=("seconds", "sum"), longest=("seconds", "max"), memory=("memory", "max")
    )
    found = found.sort_values("total", ascending=False, kind="stable")
    columns = [
        Column("Rule", numeric=False),
        Column("Jobs"),
        Column("Time of all jobs", "the sum over jobs, as if one ran after the other"),
        Column("Longest job"),
        Column("Highest memory (MiB)", "of one job"),
    ]
    rows = [
        Row(
            [
                text_cell(rule),
                number_cell(int(row["jobs"])),
                Cell(_time(row["total"]), repr(float(row["total"])), bar=_share(row["total"], found["total"].max())),
                Cell(_time(row["longest"]), repr(float(row["longest"])), bar=_share(row["longest"], found["longest"].max())),
                Cell(
                    "" if pd.isna(row["memory"]) else f"{row['memory']:,.0f}",
                    "" if pd.isna(row["memory"]) else repr(float(row["memory"])),
                    bar=_share(row["memory"], found["memory"].max()),
                ),
            ]
        )
        for rule, row in found.iterrows()
    ]
    whole = f"{len(frame):,} jobs, {_time(frame['seconds'].sum())} of work"
    return Table("benchmarks", f"Time and memory by rule, of everything that was run in this folder: {whole}", columns, rows)


def _rows(files: Iterable[Path]) -> Iterable[tuple[str, float, float]]:
    """Read rule, seconds and memory of every job."""
    for path in files:
        folders = path.parts[:-1]
        rule = folders[folders.index(FOLDER) + 1] if FOLDER in folders[:-1] else path.parent.name
        if (table := _whole(path)) is None:
            continue
        memory = pd.to_numeric(table["max_rss"], errors="coerce") if "max_rss" in table else pd.Series([float("nan")] * len(table))
        for seconds, highest in zip(pd.to_numeric(table["s"], errors="coerce"), memory, strict=True):
            yield rule, float(seconds), float(highest)


def _whole(path: Path) -> pd.DataFrame | None:
    """Read what a job took; None, told, if the file holds no whole table.

    Snakemake writes in place. What it was killed at stays half-written once its job is configured no more, and must not end every report.
    """
    try:
        table = read_table(path)
        if "s" in table and len(table) and path.read_bytes().endswith(b"\n"):
            return table
    except DatasetError:
        pass
    LOGGER.warning("%s: expected a job's time as Snakemake writes it, found no whole table, as after a kill: left out", path)
    return None


def _share(value: float, most: float) -> float | None:
    """Return the length of a bar, in percent."""
    return None if pd.isna(value) or pd.isna(most) or most <= 0 else round(100 * float(value) / float(most), 1)


def _time(seconds: float) -> str:
    """Write a time for people.

    >>> _time(8.71), _time(75.2), _time(7322)
    ('8.7 s', '1 min 15 s', '2 h 02 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
