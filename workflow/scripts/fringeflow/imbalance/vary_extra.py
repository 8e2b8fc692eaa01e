"""Extra training samples of a collection's rarer classes: mirrored gathers, and gathers of one side twice.

The list of samples is drawn first (`make_variants`); each view is then made of the varied recording or picture itself
(`write_variants_view`), since the spectrogram of two left halves is no change of the spectrogram of the whole.
"""

import json
import logging
from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError
from fringeflow.files import atomic, canonical_json, read_json
from fringeflow.imbalance.extra import COLUMNS
from fringeflow.imbalance.recipes import Recipe, wanted_samples
from fringeflow.seismic.stores import VARIANT, Maker, write_table
from fringeflow.seismic.vary import VARIANTS

LOGGER = logging.getLogger(__name__)


def make_variants(samples: Path, dataset: Path, recipe: Recipe, out: Path) -> None:
    """List the extra samples of the strategy `augmentation` for a dataset of recordings or pictures.

    Rarer classes get variants of their training samples until they have `ratio` times the samples of the largest.
    Each source gives as many as any other, give or take one, and never one variant twice: three at most. Where that
    does not suffice, the log says what ratio is reached.

    Parameters
    ----------
    samples, dataset : Path
        samples.parquet and dataset.json of a dataset.
    recipe : Recipe
        Of the kind `augment`.
    out : Path
        samples.parquet to write: `sample`, `store` (its own folder), `row`, `label`, `source` (the training sample that is
        varied), `group`, `split` (train), `event`, `frame`, `pair`, and `made` (JSON: the variant).

    Raises
    ------
    DatasetError
        If the training split has no sample.
    """
    table = pd.read_parquet(samples)
    train = table[table["split"] == "train"]
    if train.empty:
        raise DatasetError(f"{samples}: the training split has no sample to make variants of; build the dataset again")
    picks = choose_variants(train, recipe, read_json(dataset))
    result = picks.assign(
        sample=[f"{recipe.name}/{number:06d}" for number in range(len(picks))],
        source=picks["sample"],
        store=Path(out).parent.as_posix(),
        row=np.arange(len(picks)),
        made=[canonical_json({VARIANT: name}) for name in picks[VARIANT]],
    )
    with atomic(out) as part:
        result[list(COLUMNS)].to_parquet(part, index=False)


def choose_variants(train: pd.DataFrame, recipe: Recipe, about: Mapping[str, Any]) -> pd.DataFrame:
    """Choose which training samples are varied, and how.

    Parameters
    ----------
    train : DataFrame
        Rows of samples.parquet, of the training split only.
    recipe : Recipe
    about : mapping
        dataset.json: `classes`, `positive`.

    Returns
    -------
    DataFrame
        One row an extra sample, in the order of store and row, with its `variant`.
    """
    counts = {name: int((train["label"] == name).sum()) for name in about["classes"]}
    largest = max(counts.values())
    rng = np.random.default_rng(recipe.seed_words(train))
    parts = []
    for label, wanted in wanted_samples(counts, recipe, about["positive"]).items():
        rows = train[train["label"] == label].sort_values("sample", kind="stable")
        count = min(wanted, len(rows) * len(VARIANTS))
        if count < wanted:
            LOGGER.warning(
                "%s: %d training samples of '%s' have %d variants, %d were wanted: the class reaches %.2f of the largest instead of %g",
                recipe.name, len(rows), label, count, wanted, (len(rows) + count) / largest, recipe.ratio,
            )  # fmt: skip
        orders = rng.permuted(np.tile(np.arange(len(VARIANTS)), (len(rows), 1)), axis=1)
        chosen = np.concatenate([rng.permutation(len(rows)) for _ in range(ceil(count / len(rows)))])[:count]
        names = [VARIANTS[orders[row, place // len(rows)]] for place, row in enumerate(chosen)]
        parts.append(rows.iloc[chosen].assign(**{VARIANT: names}))
    return pd.concat(parts).sort_values(["store", "row", VARIANT], kind="stable").reset_index(drop=True)


def write_variants_view(extra: Path, index: Path, maker: Maker, out: Path, *, threads: int = 2) -> str:
    """Make the store of one view of extra samples from the recordings or pictures that they vary.

    Parameters
    ----------
    extra : Path
        samples.parquet of `make_variants`.
    index : Path
        index.parquet of the collection.
    maker, out, threads
        As in `seismic.stores.write_view`.

    Returns
    -------
    str
        Digest of the store.

    Raises
    ------
    DatasetError
        If the index has no such source, a recording has one trace only, or as `write_view`.
    """
    samples, rows = pd.read_parquet(extra), pd.read_parquet(index).set_index("sample")
    absent = samples.loc[~samples["source"].isin(rows.index), "source"]
    if len(absent):
        raise DatasetError(f"{index}: no sample '{absent.iloc[0]}', of which {extra} is to show a variant; build the dataset again")
    table = rows.loc[samples["source"]].reset_index()
    table[VARIANT] = [json.loads(made)[VARIANT] for made in samples["made"]]
    mirrored = int((table[VARIANT] == "mirror").sum())
    if maker.attrs["view"] == "spectrogram" and mirrored:
        LOGGER.info(
            "%s: %d samples are mirrored, which a spectrogram of all traces does not show: they repeat their sources", extra, mirrored
        )
    return write_table(table, maker, out, threads=threads)
