"""From tiles to a dataset: which sample is in which part, what that amounts to, and one digest of it all."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from fringeflow.config.classes import AMBIGUOUS, POSITIVE
from fringeflow.config.models import Dataset, FolderSplit, GivenSplit, StratifiedSplit
from fringeflow.datasets.describe import SAMPLE_COLUMNS, TILES, describe, summarise
from fringeflow.datasets.index import merge_shared, read_indexes
from fringeflow.datasets.leaks import check_identical, check_leaks, shared_acquisitions
from fringeflow.datasets.splits import PARTS, given_split, group_events, stratified_split
from fringeflow.errors import DatasetError, bullets
from fringeflow.files import atomic, write_json

Split = GivenSplit | StratifiedSplit | FolderSplit
logger = logging.getLogger(__name__)


def build_dataset(
    name: str,
    settings: Dataset,
    indexes: Mapping[str, str | Path],
    classes: Sequence[str],
    *,
    samples: str | Path,
    dataset: str | Path,
    summary: str | Path,
    positive: str = POSITIVE,
) -> None:
    """Write a dataset: an index over the tiles of its events, not a copy of them.

    Ambiguous tiles are left out and counted; a tile that two events share is kept once. Rows stand in the
    order of event and place in the store, so equal tiles and settings give equal files.

    Parameters
    ----------
    name : str
    settings : Dataset
    indexes : mapping of event to path
        The `tiles.parquet` of each event; its folder holds the stores and is written as `store`.
    classes : sequence of str
        Names of the classes.
    samples, dataset, summary : paths to write
        `samples.parquet`: one row a sample. `dataset.json`: what it is, and the digest of the index. It says
        nothing of views, so that another spectrogram trains nothing on wrapped phase again: the content of
        the views is pinned by their embeddings. `summary.tsv`: counts and prevalence of each part.
    positive : str
        The rare class, whose detection is scored.

    Raises
    ------
    DatasetError
        If stores and indexes disagree, a class or a part is empty, a class is missing from a part, the
        given split does not fit, or anything leaks from one part into another.
    """
    tiles = read_indexes(indexes, settings.views, classes)
    groups = {event: event for event in indexes}  # one without a tile, too, may be named by a given split
    groups |= group_events(tiles[["event", "frame", "pair"]].drop_duplicates().itertuples(index=False, name=None))
    tiles, shared = merge_shared(tiles.assign(group=tiles["event"].map(groups)), positive)
    remedy = f"add events that have {{absent}}, or loosen the label rule of tiling '{settings.tiling}'"
    check_classes(name, tiles[tiles["label"] != AMBIGUOUS], classes, remedy=remedy)
    parts = _parts(name, settings, groups, tiles)
    tiles, shared = (table.assign(split=table["group"].map(parts).fillna("none")) for table in (tiles, shared))
    chosen = tiles[tiles["label"] != AMBIGUOUS].drop(columns="row").rename(columns={"place": "row"})[SAMPLE_COLUMNS].reset_index(drop=True)
    check_parts(name, settings.split, chosen, classes)
    check_leaks(chosen)
    check_identical(chosen, "wrapped" if "wrapped" in settings.views else settings.views[0])
    common = shared_acquisitions(chosen)
    if common:
        logger.warning(
            "dataset '%s': %d acquisitions are part of interferograms in two parts of the split, with the same atmosphere (%s%s)",
            name, len(common), ", ".join(common[:3]), ", ..." if len(common) > 3 else "",
        )  # fmt: skip
    counts = summarise(tiles, shared, classes, positive)
    with atomic(samples) as part:
        chosen.to_parquet(part, index=False)
    with atomic(summary) as part:
        counts.to_csv(part, sep="\t", index=False, float_format="%.6g", lineterminator="\n")
    pixel = float(tiles["pixel_deg"].median())
    more = {"tiling": settings.tiling, "split": settings.split.model_dump(), "shared_acquisitions": common, "words": TILES}
    write_json(dataset, describe(name, chosen, counts, classes, positive, **more, pixel_deg=pixel))


def _parts(name: str, settings: Dataset, groups: Mapping[str, str], tiles: pd.DataFrame) -> dict[str, str]:
    """Return the part of every group; one that has ambiguous tiles only may be left out."""
    try:
        if isinstance(settings.split, GivenSplit):
            return given_split(settings.split, groups)
        assert isinstance(settings.split, StratifiedSplit)
        return stratified_split(settings.split, count_by(tiles[tiles["label"] != AMBIGUOUS], "group"))
    except DatasetError as error:
        raise DatasetError(f"dataset '{name}': {error}") from error


def count_by(samples: pd.DataFrame, by: str) -> dict[str, dict[str, int]]:
    """Count the samples of each class by another column."""
    table = samples.groupby([by, "label"]).size().unstack(fill_value=0)
    return {str(key): {str(label): int(count) for label, count in row.items()} for key, row in table.to_dict("index").items()}


def check_classes(name: str, samples: pd.DataFrame, classes: Sequence[str], *, remedy: str) -> None:
    """Refuse a dataset in which a class has no sample.

    Parameters
    ----------
    name : str
    samples : DataFrame
        Column `label`.
    classes : sequence of str
    remedy : str
        What to do about it; ``{absent}`` stands for the classes.

    Raises
    ------
    DatasetError
        With what there is of each class.
    """
    found = samples["label"].value_counts()
    absent = [label for label in classes if label not in found]
    if absent:
        have = ", ".join(f"{count} of {label}" for label, count in found.items()) or "no sample at all"
        raise DatasetError(
            f"dataset '{name}': {len(found)} of {len(classes)} classes in its {len(samples)} samples "
            f"({have}; none of {', '.join(absent)}); " + remedy.format(absent=" and ".join(absent))
        )


def check_parts(name: str, split: Split, samples: pd.DataFrame, classes: Sequence[str], *, groups: str = "events") -> None:
    """Refuse an empty part, and a part without some class.

    Raises
    ------
    DatasetError
        Naming every gap, the events that have the missing class, and what to change.
    """
    table = count_by(samples, "split")
    gaps = [f"split '{part}' is empty" for part in PARTS if part not in table]
    missing = {label: [part for part in PARTS if part in table and not table[part].get(label)] for label in classes}
    for label, parts in missing.items():
        if parts:
            events = count_by(samples[samples["label"] == label], "event")
            where = samples.drop_duplicates("event").set_index("event")["split"]
            holders = {part: [f"{event} ({row[label]})" for event, row in events.items() if where[event] == part] for part in PARTS}
            shown = "; ".join(f"{part}: {', '.join(names)}" for part, names in holders.items() if names)
            gaps.append(
                f"split {' and '.join(map(repr, parts))} has no sample of class '{label}'. {groups.capitalize()} that have: {shown}"
            )
    if gaps:
        counts = samples.groupby("split")["group"].nunique()
        shown = ", ".join(f"{part} {counts.get(part, 0)}" for part in PARTS)
        todo = {
            "given": f"move {groups} between split.train, split.validation and split.test",
            "stratified": f"change split.seed or the shares, or give the {groups} of each part by hand (split.method: given)",
            "folders": "move pictures between the folders",
        }[split.method]
        raise DatasetError(f"dataset '{name}' (groups of {groups}: {shown}):{bullets(gaps)}\n{todo}, or add {groups}")
