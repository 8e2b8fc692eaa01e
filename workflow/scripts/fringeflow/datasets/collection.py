"""From the index of a collection to a dataset: samples, labels, groups and parts of recordings or pictures."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fringeflow.config.models import Dataset, FolderSplit, GivenSplit, StratifiedSplit
from fringeflow.datasets.build import check_classes, check_parts, count_by
from fringeflow.datasets.describe import SAMPLE_COLUMNS, describe, summarise
from fringeflow.datasets.leaks import check_identical
from fringeflow.datasets.splits import given_split, stratified_split
from fringeflow.errors import DatasetError, bullets
from fringeflow.files import atomic, write_json
from fringeflow.store import open_samples

WORDS = {
    "recordings": {"sample": "recording", "group": "recording", "source": "recording"},
    "pictures": {"sample": "picture", "group": "original", "source": "picture"},
}
"""What people call a sample, a group of samples and their source."""
LOGGER = logging.getLogger(__name__)


def build_collection(
    name: str,
    settings: Dataset,
    index: Path,
    classes: Sequence[str],
    positive: str | None,
    kind: str,
    *,
    samples: Path,
    dataset: Path,
    summary: Path,
    duplicates: Path | None = None,
) -> None:
    """Write a dataset of a collection: an index over its samples, not a copy of them.

    Parameters
    ----------
    name : str
    settings : Dataset
        Its `views` are the stores that lie beside the index.
    index : Path
        The collection's index.parquet.
    classes : sequence of str
    positive : str or None
        The class to be found, if there is one.
    kind : {"recordings", "pictures"}
    samples, dataset, summary : Path
        As `build.build_dataset` writes them; the collection stands for the frame and the recording for the pair.
    duplicates : Path, optional
        Table of pictures that look alike: pairs that the split parts are counted and warned of.

    Raises
    ------
    DatasetError
        If stores and index disagree, a class or a part is empty, a class is missing from a part, the split does not
        fit, or anything leaks from one part into another.
    """
    table = pd.read_parquet(index)
    _check_stores(table, index, settings.views)
    table = table.assign(store=index.parent.as_posix(), row=range(len(table)), event=table["group"], coseismic=False)
    table = table.assign(frame=settings.collection, pair=table["recording"])
    check_classes(name, table, classes, remedy="add some of {absent}, or take the class out of the collection's `classes`")
    chosen = table.assign(split=_parts(name, settings, table))[SAMPLE_COLUMNS]
    words = WORDS[kind]
    check_parts(name, settings.split, chosen, classes, groups=f"{words['group']}s")
    parts = chosen.groupby("group")["split"].unique()
    leaks = [f"{words['group']} {group} stands in {' and '.join(sorted(found))}" for group, found in parts[parts.map(len) > 1].items()]
    if leaks:
        raise DatasetError(f"dataset '{name}': the split leaks:{bullets(leaks)}\nput each {words['group']} into one part")
    alike = None if duplicates is None else _across(pd.read_csv(duplicates, sep="\t"), chosen)
    if not isinstance(settings.split, FolderSplit):
        check_identical(chosen, settings.views[0])
    if alike:
        LOGGER.warning("dataset '%s': %d pairs of pictures look alike in two parts of the split; see %s", name, alike, duplicates)
    counts = summarise(chosen, chosen.iloc[:0], classes, positive)
    with atomic(samples) as part:
        chosen.to_parquet(part, index=False)
    with atomic(summary) as part:
        counts.to_csv(part, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    more: dict[str, Any] = {"collection": settings.collection, "split": settings.split.model_dump(), "words": words}
    more["near_duplicates"] = alike
    write_json(dataset, describe(name, chosen, counts, classes, positive, **more))


def _across(alike: pd.DataFrame, chosen: pd.DataFrame) -> int:
    """Count the pairs of samples that look alike and stand in two parts."""
    parts = chosen.set_index("sample")["split"]
    return int((alike["sample"].map(parts) != alike["other"].map(parts)).sum())


def _check_stores(table: pd.DataFrame, index: Path, views: Sequence[str]) -> None:
    """Refuse stores that do not hold what the index lists."""
    problems = []
    for view in views:
        store = open_samples(index.parent / f"{view}.zarr")
        if store.count != len(table):
            problems.append(
                f"{store.path}: holds {store.count} samples, but {index} lists {len(table)}; remove both and run the workflow again"
            )
    if problems:
        raise DatasetError(f"the samples of the dataset cannot be used:{bullets(problems)}")


def _parts(name: str, settings: Dataset, table: pd.DataFrame) -> pd.Series:
    """Return the part of every sample."""
    split = settings.split
    if isinstance(split, FolderSplit):
        bare = table[table["split"] == ""]
        if len(bare):
            raise DatasetError(
                f"dataset '{name}': split.method is 'folders', but {bare['file'].iloc[0]} lies in no folder train, val or test, and no column `split` of "
                "a label table gives its part; give one, or use the method 'stratified'"
            )
        return table["split"]
    if (table["split"] != "").any():
        LOGGER.warning(
            "dataset '%s': the split of the collection's own folders or table is not used; for that set split.method: folders", name
        )
    try:
        if isinstance(split, GivenSplit):
            parts = given_split(split, {group: group for group in table["group"]})
        else:
            assert isinstance(split, StratifiedSplit)
            parts = stratified_split(split, count_by(table, "group"))
    except DatasetError as error:
        raise DatasetError(f"dataset '{name}': {error}") from error
    return table["group"].map(parts)
