"""The index of a collection of recordings: a row for each labelled piece, checked against the files."""

import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from obspy import UTCDateTime

from fringeflow.errors import DatasetError
from fringeflow.files import atomic
from fringeflow.progress import track
from fringeflow.seismic.labels import read_labels
from fringeflow.seismic.problems import refuse
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.recording import ALL, window_bounds

COLUMNS: dict[str, Any] = {
    "sample": str, "file": str, "recording": str, "begin_s": "float64", "end_s": "float64", "first_trace": "int32",
    "last_trace": "int32", "label": str, "group": str, "split": str,
}  # fmt: skip
"""Columns of every collection's `index.parquet`, and their types."""

PLACE = ["recording", "begin_s", "end_s", "first_trace", "last_trace"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extent:
    """What is kept of a recording that was read: its size, its time and its content."""

    shape: tuple[int, ...]
    interval_s: float
    start: str | None
    digest: str


def index_recordings(
    recordings: str | Path | Sequence[str | Path],
    labels: str | Path,
    classes: Sequence[str],
    out: str | Path,
    *,
    interval_ms: float | None = None,
    inventory: str | Path | None = None,
    response: str = "none",
    threads: int = 2,
) -> None:
    """Write `index.parquet` of a collection of recordings.

    Every labelled recording is read once, as the views read it, and held against its labels; memory is bounded by `threads`
    recordings. Pieces of one recording, and recordings with the same samples under two names, become one group, so that no
    split separates them.

    Parameters
    ----------
    recordings : path, or sequence of paths
        A folder, searched with its subfolders, or the files themselves.
    labels : str or Path
        See `fringeflow.seismic.labels.read_labels`.
    classes : sequence of str
    out : str or Path
        The index to write: columns `COLUMNS`, ordered by recording and place in it. `begin_s` and `end_s` are seconds from
        the recording's first sample (NaN: from its start, to its end), traces are counted from 0, the last included (-1: all).
    interval_ms, inventory, response
        See `fringeflow.seismic.reader.read_recording`.
    threads : int
        Recordings that are read at the same time.

    Raises
    ------
    DatasetError
        With every problem: a label whose recording is not there (the nearest name is suggested), cannot be read, or ends
        before the label does; a class without a label; a recording or a group in two splits.
    """
    table = read_labels(labels, classes)
    files = _find_files(recordings, {Path(path).resolve() for path in (labels, inventory) if path is not None})
    problems: list[str] = []
    table["name"] = [_match(row, files, problems) for row in _records(table)]
    wanted = sorted(set(table["name"].dropna()))

    def survey(name: str) -> Extent | str:
        try:
            recording = read_recording(files[name], interval_ms=interval_ms, inventory=inventory, response=response)
        except DatasetError as error:
            return str(error)
        digest = hashlib.sha256(f"{recording.traces.shape} {recording.interval_s}".encode() + recording.traces.tobytes()).hexdigest()
        return Extent(recording.traces.shape, recording.interval_s, recording.start, digest)

    with ThreadPoolExecutor(threads) as pool:
        surveyed = dict(zip(wanted, track(pool.map(survey, wanted), desc="read recordings", total=len(wanted)), strict=True))
    problems += [told for told in surveyed.values() if isinstance(told, str)]
    extents = {name: told for name, told in surveyed.items() if isinstance(told, Extent)}
    rows = [_row(row, files, extents[row["name"]], problems) for row in _records(table) if row["name"] in extents]
    if not problems:
        counts = Counter(row["label"] for row in rows)
        problems += [f"class '{name}' has no label; add some, or take it out of classes" for name in classes if not counts[name]]
    refuse(f"{labels}: its labels do not fit the recordings", problems)
    index = join_same(pd.DataFrame(rows), {row["recording"]: extents[row["recording"]].digest for row in rows})
    write_index(index.sort_values(PLACE, na_position="first", kind="stable"), out, str(labels))
    logger.info(
        "%d labels of %d recordings, %s; %d files without a label are left out",
        len(index), len(wanted), ", ".join(f"{name}: {counts[name]}" for name in classes), len(files) - len(wanted),
    )  # fmt: skip


def write_index(index: pd.DataFrame, out: str | Path, source: str) -> None:
    """Write an index, atomically.

    Parameters
    ----------
    index : DataFrame
        With the columns `COLUMNS`.
    out : str or Path
    source : str
        What it was made from, for messages.

    Raises
    ------
    DatasetError
        If a sample stands twice, or a recording or a group in two splits: siblings would be trained on and tested.
    """
    twice = index["sample"][index["sample"].duplicated()]
    refuse(f"{source}: samples are named twice", [f"'{sample}' stands twice; keep one" for sample in twice])
    problems: list[str] = []
    told: set[str] = set()
    for column, verb in (("recording", "has pieces"), ("group", "stands")):
        for name, rows in index[~index["group"].isin(told)].groupby(column, sort=True):
            parts = rows.drop_duplicates("split")
            if len(parts) > 1:
                seen = " and ".join(f"'{row.sample}' in {row.split}" for row in parts.itertuples())
                problems.append(f"{column} '{name}' {verb} in {len(parts)} splits: {seen}; put all of it into one")
                told |= set(rows["group"])
    refuse(f"{source}: a split would separate what belongs together", problems)
    with atomic(out) as part:
        pd.DataFrame({name: index[name].astype(kind) for name, kind in COLUMNS.items()}).to_parquet(part, index=False)


def join_same(index: pd.DataFrame, digests: dict[str, str]) -> pd.DataFrame:
    """Give the pieces of one recording, and recordings of the same content, one group, and with them all of their groups.

    Pieces of a recording may overlap, and share its noise, source and geophones: the table's groups only add to this.

    Parameters
    ----------
    index : DataFrame
        With the columns `recording` and `group`.
    digests : dict
        The content of each recording.

    Returns
    -------
    DataFrame
        The same rows; of several groups that belong together, the first in the alphabet names them all.
    """
    chief = {group: group for group in index["group"]}

    def find(group: str) -> str:
        while chief[group] != group:
            group = chief[group]
        return group

    def join(rows: pd.DataFrame) -> None:
        names = sorted({find(group) for group in rows["group"]})
        chief.update(dict.fromkeys(names, names[0]))

    shared: list[str] = []
    for recording, pieces in index.groupby("recording", sort=True):
        if pieces["group"].nunique() > 1:
            shared.append(str(recording))
            join(pieces)
    if shared:
        sizes = [size for size in Counter(map(find, chief)).values() if size > 1]
        logger.warning(
            "%d groups are joined into %d: %d recordings have pieces in several of them (%s), and no split may separate pieces of one",
            sum(sizes), len(sizes), len(shared), ", ".join(shared[:5]),
        )  # fmt: skip
    for _, same in index.groupby(index["recording"].map(digests), sort=False):
        copies = sorted(set(same["recording"]))
        if len(copies) > 1:
            join(same)
            logger.warning("the same content under %d names, kept together in a split: %s", len(copies), ", ".join(copies[:5]))
    return index.assign(group=[find(group) for group in index["group"]])


def _find_files(recordings: str | Path | Sequence[str | Path], others: set[Path]) -> dict[str, Path]:
    """Return the files by name, relative to the folder, sorted; without hidden files and the tables in `others`."""
    if not isinstance(recordings, str | Path):
        files = {Path(path).name: Path(path) for path in recordings}
        if len(files) < len(recordings):
            raise DatasetError("two of the recordings have the same file name; give them different ones, or put them into one folder")
        return dict(sorted(files.items()))
    folder = Path(recordings)
    if not folder.is_dir():
        raise DatasetError(f"{folder}: there is no such folder; expected the recordings of the collection")
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.resolve() not in others]
    found = {path.relative_to(folder).as_posix(): path for path in paths}
    files = {name: path for name, path in found.items() if not any(piece.startswith(".") for piece in name.split("/"))}
    if not files:
        raise DatasetError(f"{folder}: holds no file; expected the recordings of the collection")
    return files


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, values, strict=True)) for values in table.itertuples(index=False)]


def _match(row: dict[str, Any], files: dict[str, Path], problems: list[str]) -> str | None:
    """Return the file that a label names, by its path in the folder or by its name alone."""
    name = row["recording"].removeprefix("./")
    if name in files:
        return name
    same = [known for known in files if known.rsplit("/", 1)[-1] == name]
    if len(same) == 1:
        return same[0]
    if same:
        problems.append(f"{row['where']}: '{name}' may be {' or '.join(same[:4])}; give its path in the folder")
    else:
        close = get_close_matches(name, files, n=1)
        hint = f"did you mean '{close[0]}'?" if close else f"the folder holds for example '{next(iter(files))}'"
        problems.append(f"{row['where']}: there is no recording '{name}' among {len(files)} files; {hint}")
    return None


def _row(row: dict[str, Any], files: dict[str, Path], extent: Extent, problems: list[str]) -> dict[str, Any]:
    """Return the index's row of a label, its times in seconds and held against the recording."""
    name, (traces, samples) = row["name"], extent.shape
    begin, end = (_seconds(row, column, extent, problems) for column in ("start", "end"))
    first, last = row["first_trace"], row["last_trace"]
    try:
        window_bounds(f"{row['where']}: {name}", extent.shape, extent.interval_s, (begin, end, first, last))
    except DatasetError as error:
        problems.append(str(error))
    sample = name
    if not (np.isnan(begin) and np.isnan(end)):
        sample += f"/{_short(0 if np.isnan(begin) else begin)}-{_short(samples * extent.interval_s if np.isnan(end) else end)}s"
    if (first, last) != (ALL, ALL):
        sample += f"/traces{max(first, 0)}-{traces - 1 if last == ALL else last}"
    return {
        "sample": sample, "file": files[name].as_posix(), "recording": name, "begin_s": begin, "end_s": end, "first_trace": first,
        "last_trace": last, "label": row["label"], "group": row["group"] or name, "split": row["split"],
    }  # fmt: skip


def _short(seconds: float) -> str:
    """Write seconds to the microsecond, without zeros at the end.

    >>> _short(86400.25), _short(10)
    ('86400.25', '10')
    """
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def _seconds(row: dict[str, Any], column: str, extent: Extent, problems: list[str]) -> float:
    """Return a label's time as seconds from the recording's first sample, NaN where it has none."""
    value = row[column]
    if isinstance(value, str):
        if extent.start is None:
            problems.append(f"{row['where']}: {column} is a time ({value}), but {row['name']} does not tell when it starts; give seconds")
            return float("nan")
        return float(UTCDateTime(value) - UTCDateTime(extent.start))
    return float("nan") if value is None else float(value)
