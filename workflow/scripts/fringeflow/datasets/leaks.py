"""Proof that nothing of one part of a dataset stands in another."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from fringeflow.chunks import leaf_digest
from fringeflow.errors import DatasetError, bullets
from fringeflow.store import open_samples

BLOCK = 64
"""Tiles read at once."""


def check_leaks(samples: pd.DataFrame) -> None:
    """Refuse samples of which a group, an event or an interferogram stands in two parts.

    Parameters
    ----------
    samples : DataFrame
        Columns `sample`, `group`, `event`, `frame`, `pair`, `split`.

    Raises
    ------
    DatasetError
        Naming every group, event and interferogram that leaks, and samples listed twice.
    """
    problems = []
    for what, columns in {"group": ["group"], "event": ["event"], "interferogram": ["frame", "pair"]}.items():
        parts = samples.groupby(columns)["split"].unique()
        for name, found in parts[parts.map(len) > 1].items():
            shown = "/".join(name) if isinstance(name, tuple) else name
            problems.append(f"{what} {shown} stands in {' and '.join(sorted(found))}")
    twice = samples["sample"][samples["sample"].duplicated()]
    if len(twice):
        problems.append(f"{len(twice)} samples are listed twice, for example {twice.iloc[0]}")
    if problems:
        raise DatasetError(f"the split leaks:{bullets(problems)}\nput each group of events into one part")


def check_identical(samples: pd.DataFrame, view: str) -> None:
    """Refuse samples of which two with the same content stand in two parts.

    The same product under two names (a frame that was renamed, an archive with copies) passes every
    check of names. Tiles without any variation (all no-data, or constant) are not compared.

    Parameters
    ----------
    samples : DataFrame
        Columns `sample`, `store`, `row`, `split`.
    view : str
        The view whose stores are read, a few tiles at a time.

    Raises
    ------
    DatasetError
        With the number of such pairs and examples.
    """
    first: dict[bytes, tuple[str, str]] = {}
    leaks: list[str] = []
    for store, rows in samples.sort_values("row").groupby("store", sort=True):
        names, parts = rows["sample"].to_numpy(), rows["split"].to_numpy()
        for number, digest in enumerate(_digests(f"{store}/{view}.zarr", rows["row"].to_numpy())):
            if digest is None:
                continue
            name, part = first.setdefault(digest, (names[number], parts[number]))
            if part != parts[number]:
                leaks.append(f"{name} ({part}) = {names[number]} ({parts[number]})")
    if leaks:
        raise DatasetError(
            f"{len(leaks)} tiles have the same content ({view}) in two parts of the split:{bullets(leaks, most=5)}\n"
            "the same interferogram seems to be listed under two names; remove one, or put both events into one part"
        )


def _digests(store: str, rows: np.ndarray) -> Iterator[bytes | None]:
    """Yield the digest of the content of samples in ascending `rows`, None for one without variation."""
    samples = open_samples(store)
    for start in range(0, samples.count, BLOCK):
        # Nearly all rows are wanted, and whole slices are read several times faster than chosen rows.
        inside = rows[(rows >= start) & (rows < start + BLOCK)]
        if not len(inside):
            continue
        tiles = samples.read(slice(start, min(start + BLOCK, samples.count)))[inside - start]
        low, high = (reduce(tiles.reshape(len(tiles), -1), axis=1) for reduce in (np.fmin.reduce, np.fmax.reduce))
        for tile, varies in zip(tiles, low < high, strict=True):
            # A store holds one kind of NaN only, so equal tiles are equal bytes.
            yield leaf_digest(tile) if varies else None


def shared_acquisitions(samples: pd.DataFrame) -> list[str]:
    """Name the acquisitions (frame and date) that interferograms of different parts have in common.

    Not an error: the interferograms differ. But the atmosphere of that day is in both, so it is told.

    Parameters
    ----------
    samples : DataFrame
        Columns `frame`, `pair`, `split`.

    Returns
    -------
    list of str
        `frame date`, sorted.
    """
    pairs = samples[["frame", "pair", "split"]].drop_duplicates()
    dates = pairs.assign(date=pairs["pair"].str.split("_")).explode("date")
    parts = dates.groupby(["frame", "date"])["split"].nunique()
    return [f"{frame} {date}" for frame, date in parts[parts > 1].index]
