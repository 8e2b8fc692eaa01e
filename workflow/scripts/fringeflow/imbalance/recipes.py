"""Recipes of extra training samples: how many of which class, and from which training samples they are made."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.classes import DEFORMATION
from fringeflow.config.interferograms import LabelRule
from fringeflow.config.tables import Interferogram
from fringeflow.errors import DatasetError
from fringeflow.files import canonical_json, sha256_text

LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How extra samples are made.

    Attributes
    ----------
    name : str
        Readable and unique, for example ``augment-0.5``.
    extra : {"augment", "implant"}
    ratio : float
        Size of each rarer class over the largest one, with the extra samples.
    seed : int
    rule : LabelRule or None
        Of the dataset's tiling; only an implant reads it.
    interferograms : tuple of Interferogram
        Those of the dataset, for their line of sight; only an implant reads them.
    """

    name: str
    extra: str
    ratio: float
    seed: int = 0
    rule: LabelRule | None = None
    interferograms: tuple[Interferogram, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Recipe":
        """Build from plain values, as `Parameters.extra_json` gives them."""
        rule, rows = values.get("rule"), values.get("interferograms", ())
        return cls(
            **{name: values[name] for name in ("name", "extra", "ratio", "seed")},
            rule=None if rule is None else LabelRule.model_validate(rule),
            interferograms=tuple(Interferogram.model_validate(row) for row in rows),
        )

    def seed_words(self, train: pd.DataFrame) -> list[int]:
        """Return what all draws come from, a digest of training samples, recipe and seed, as words for a Generator.

        The other splits have no part in it, so that they change no extra sample.
        """
        rows = train[["sample", "label"]].sort_values("sample").to_numpy().tolist()
        digest = sha256_text(canonical_json({"train": rows, "recipe": self.name, "seed": self.seed}))
        return [int(digest[start : start + 8], 16) for start in range(0, 32, 8)]


def wanted_samples(counts: Mapping[str, int], recipe: Recipe, positive: str) -> dict[str, int]:
    """Return how many extra samples each class gets: what it lacks of `ratio` times the largest class.

    Parameters
    ----------
    counts : mapping of class to its number of training samples
    recipe : Recipe
    positive : str
        The one class that an implant can make.

    Returns
    -------
    dict
        Classes that get any. A recipe that every class satisfies already still makes one sample of the rarest, so
        that there is a store to embed and to train on.

    Examples
    --------
    >>> wanted_samples({"quiet": 100, "deformed": 8}, Recipe("augment-0.5", "augment", 0.5), "deformed")
    {'deformed': 42}
    """
    goal = ceil(recipe.ratio * max(counts.values()) - 1e-9)
    able = {positive: counts[positive]} if recipe.extra == "implant" else {name: count for name, count in counts.items() if count}
    lacking = {name: goal - count for name, count in able.items() if count < goal}
    if not lacking:
        rarest = min(able, key=lambda name: able[name])
        shown = ", ".join(f"{count} of {name}" for name, count in counts.items())
        LOGGER.warning("%s: no class lacks samples (%s, wanted %d); one of '%s' is made all the same", recipe.name, shown, goal, rarest)
        lacking = {rarest: 1}
    return lacking


def choose_sources(train: pd.DataFrame, recipe: Recipe, about: Mapping[str, Any], *, source: str) -> pd.DataFrame:
    """Choose the training samples that extra ones are made from, each as often as any other, give or take one.

    Parameters
    ----------
    train : DataFrame
        Rows of samples.parquet, of the training split only.
    recipe : Recipe
    about : mapping
        dataset.json: `digest`, `classes`, `positive`.
    source : str
        The file to name.

    Returns
    -------
    DataFrame
        One row an extra sample, in the order of store and row, with the label it `becomes`.

    Raises
    ------
    DatasetError
        If a sample is not of the training split, or there is nothing to choose from.
    """
    strangers = train[train["split"] != "train"]
    if len(strangers):
        one = strangers.iloc[0]
        raise DatasetError(f"{source}: {one['sample']} is of the split '{one['split']}'; extra samples are made from training samples only")
    counts = {name: int((train["label"] == name).sum()) for name in about["classes"]}
    rng = np.random.default_rng(recipe.seed_words(train))
    parts = []
    for label, count in wanted_samples(counts, recipe, about["positive"]).items():
        rows = _quiet(train, about, source) if recipe.extra == "implant" else train[train["label"] == label]
        rounds = [rng.permutation(len(rows)) for _ in range(ceil(count / len(rows)))]
        parts.append(rows.iloc[np.concatenate(rounds)[:count]].assign(becomes=label))
    return pd.concat(parts).sort_values(["store", "row", "becomes"], kind="stable").reset_index(drop=True)


def _quiet(train: pd.DataFrame, about: Mapping[str, Any], source: str) -> pd.DataFrame:
    """Return training samples that no earthquake can have touched."""
    if about["positive"] != DEFORMATION:
        raise DatasetError(
            f"{source}: an implant makes samples of '{DEFORMATION}', but the dataset is about '{about['positive']}'; use augmentation"
        )
    rows = train[(train["label"] != about["positive"]) & ~train["coseismic"].astype(bool)]
    if rows.empty:
        events = ", ".join(sorted(train["event"].unique()))
        raise DatasetError(
            f"{source}: the training split has no quiet tile to implant deformation in: every interferogram of its events "
            f"({events}) spans an earthquake; add pairs before or after it to the interferograms table (catalogue.quiet_before, "
            "quiet_after) or areas without an earthquake, or leave the strategy out"
        )
    return rows
