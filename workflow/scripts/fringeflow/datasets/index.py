"""The tile indexes of many events, read as one table and held against their stores."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from fringeflow.config.classes import AMBIGUOUS
from fringeflow.errors import DatasetError, bullets, nearest
from fringeflow.store import open_samples

COLUMNS = ("sample", "event", "frame", "pair", "row", "column", "pixel_deg", "coseismic", "label")
TILE = ["frame", "pair", "row", "column"]
"""What makes a tile, whichever event it was cut for."""

logger = logging.getLogger(__name__)


def read_indexes(indexes: Mapping[str, str | Path], views: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """Read the tile indexes of events and check each against the event's sample stores.

    Parameters
    ----------
    indexes : mapping of event to path
        `tiles.parquet` files; the stores `{view}.zarr` lie beside them.
    views : sequence of str
    classes : sequence of str
        Names of the classes; a tile may also be `ambiguous`.

    Returns
    -------
    DataFrame
        One row a tile, ordered by event and place in the store whatever the order of `indexes`. Columns are
        those of `COLUMNS` and `store` (the folder of the stores) and `place` (row in the stores).

    Raises
    ------
    DatasetError
        With every problem: a file that is missing or lacks columns, an index that belongs to another
        event, an unknown label, samples listed twice, a store with another number of samples.
    """
    frames, problems = [], []
    for event in sorted(indexes):
        path = Path(indexes[event])
        try:
            tiles = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            problems.append(f"{path}: cannot be read as a tile index ({error}); remove it and run the workflow again")
            continue
        found = _index_problems(tiles, event, classes)
        problems += [f"{path}: {problem}" for problem in found]
        if found:
            continue
        if tiles.empty:
            logger.warning("%s: event '%s' has no tile; it plays no part in the dataset", path, event)
            continue
        for view in views:
            try:
                store = open_samples(path.parent / f"{view}.zarr")
            except DatasetError as error:
                problems.append(str(error))
                continue
            if store.count != len(tiles):
                problems.append(
                    f"{store.path}: holds {store.count} samples, but {path} lists {len(tiles)} tiles; "
                    "remove both and run the workflow again"
                )
        frames.append(tiles[list(COLUMNS)].assign(store=path.parent.as_posix(), place=range(len(tiles))))
    if not frames and not problems:
        problems.append(f"none of the {len(indexes)} events has a tile; lower min_valid of the tiling, or widen its radius_km")
    if problems:
        raise DatasetError(f"the tiles of the dataset cannot be used:{bullets(problems)}")
    return pd.concat(frames, ignore_index=True)


def _index_problems(tiles: pd.DataFrame, event: str, classes: Sequence[str]) -> list[str]:
    """Say what is wrong with one event's index."""
    missing = [name for name in COLUMNS if name not in tiles]
    if missing:
        found = ", ".join(map(str, tiles.columns)) or "none"
        return [f"no column {', '.join(missing)}; found {found}; remove it and run the workflow again"]
    problems = []
    others = sorted(set(tiles["event"]) - {event})
    if others:
        problems.append(f"is given for event '{event}' but lists tiles of {', '.join(others)}")
    problems += [
        f"unknown label '{label}'; {nearest(label, [*classes, AMBIGUOUS])}" for label in sorted(set(tiles["label"]) - {*classes, AMBIGUOUS})
    ]
    twice = tiles["sample"][tiles["sample"].duplicated()]
    if len(twice):
        problems.append(f"lists {len(twice)} samples twice, for example {twice.iloc[0]}; remove it and run the workflow again")
    return problems


def merge_shared(tiles: pd.DataFrame, positive: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep once each tile that several events share.

    A pair that spans two shocks is cut for both events, and a tile that one event's model calls quiet may
    hold the fringes of the other. So the `positive` label wins; failing that, labels that disagree make the tile
    ambiguous.

    Parameters
    ----------
    tiles : DataFrame
        From `read_indexes`.
    positive : str

    Returns
    -------
    kept, dropped : DataFrame
        Rows of `tiles` in their order, `kept` with the label and `coseismic` decided.
    """
    shared = tiles.duplicated(TILE, keep=False)
    if not shared.any():
        return tiles, tiles.iloc[:0]
    tiles = tiles.copy()
    keep = ~shared
    for _, same in tiles[shared].groupby(TILE, sort=False):
        labels = set(same["label"])
        label = positive if positive in labels else labels.pop() if len(labels) == 1 else AMBIGUOUS
        kept = same.index[same["label"] == label].append(same.index)[0]
        keep[kept] = True
        tiles.loc[kept, ["label", "coseismic"]] = [label, bool(same["coseismic"].any())]
    return tiles[keep].reset_index(drop=True), tiles[~keep].reset_index(drop=True)
