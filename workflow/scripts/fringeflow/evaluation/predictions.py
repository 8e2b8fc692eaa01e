"""The predictions of a run, checked and laid out as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.errors import DatasetError, bullets, nearest

PARTS = ("validation", "test")
COLUMNS = ("sample", "event", "frame", "pair", "group", "split", "label", "seed")


@dataclass(frozen=True)
class Predictions:
    """What a run says of one part of a dataset; samples in the order of their names.

    Attributes
    ----------
    samples : DataFrame
        `sample`, `event`, `frame`, `pair`, `group`, `label`; n rows.
    truth : ndarray of int, shape (n,)
        Index of the true class.
    probability : ndarray, shape (seeds, n, K)
    seeds : list of int
    classes : list of str
    positive : int or None
        Index of the rare class; None: all classes matter alike.
    """

    samples: pd.DataFrame
    truth: np.ndarray
    probability: np.ndarray
    seeds: list[int]
    classes: list[str]
    positive: int | None

    @property
    def groups(self) -> np.ndarray:
        """Group of each sample as a number in the order of names, shape (n,)."""
        return np.unique(self.samples["group"].to_numpy(), return_inverse=True)[1]

    @property
    def interferogram_share(self) -> np.ndarray:
        """What each sample is of its interferogram, shape (n,): the sum over samples is the number of interferograms."""
        count = self.samples.groupby(["frame", "pair"])["sample"].transform("size")
        return 1 / count.to_numpy(dtype=float)

    def groups_with(self, index: int) -> int:
        """Return how many groups hold some of a class."""
        return int(self.samples["group"][self.truth == index].nunique())

    def groups_without(self, index: int) -> int:
        """Return how many groups hold some of another class."""
        return int(self.samples["group"][self.truth != index].nunique())


def read_predictions(path: str | Path, dataset: Mapping[str, Any]) -> dict[str, Predictions]:
    """Read the predictions of a run.

    Parameters
    ----------
    path : path of `predictions.parquet`
    dataset : mapping
        The content of `dataset.json`.

    Returns
    -------
    dict of part to Predictions
        `validation` and `test`.

    Raises
    ------
    DatasetError
        With every problem: missing columns, unknown labels, a part or a seed without its samples, counts
        that are not the dataset's, values that are no probabilities.
    """
    table = pd.read_parquet(path)
    classes = list(dataset["classes"])
    columns = [f"p_{name}" for name in classes]
    missing = [name for name in (*COLUMNS, *columns) if name not in table]
    if missing:
        present = ", ".join(map(str, table.columns)) or "none"
        raise DatasetError(f"{path}: no column {', '.join(missing)}; found {present}; train the run again")
    problems = [f"unknown label '{label}'; {nearest(label, classes)}" for label in sorted(set(table["label"]) - set(classes))]
    values = table[columns].to_numpy(dtype=np.float64)
    wrong = ~(np.isfinite(values).all(1) & (values >= -1e-6).all(1) & (np.abs(values.sum(1) - 1) < 1e-3))
    if wrong.any():
        example = table.iloc[int(np.argmax(wrong))]
        problems.append(
            f"{int(wrong.sum())} of {len(table)} rows hold no probabilities (finite, not negative, sum 1), for example "
            f"{example['sample']}, seed {example['seed']}: {', '.join(f'{name} {example[name]:.4g}' for name in columns)}"
        )
    counts = dataset.get("counts", {})
    found: dict[str, Predictions] = {}
    for part in PARTS:
        rows = table[table["split"] == part]
        trouble = _part_problems(rows, part, counts.get(part, {}).get("tiles"))
        problems += trouble
        if not trouble and not problems:
            found[part] = _arrange(rows, classes, dataset.get("positive"))
    if problems:
        raise DatasetError(f"{path} cannot be evaluated:{bullets(problems)}\ntrain the run again")
    return found


def _part_problems(rows: pd.DataFrame, part: str, expected: int | None) -> list[str]:
    """Say what is wrong with the rows of one part."""
    if rows.empty:
        return [f"no prediction for the {part} split"]
    problems = []
    seeds = rows["seed"].nunique()
    if rows.duplicated(["sample", "seed"]).any() or len(rows) != seeds * rows["sample"].nunique():
        sizes = ", ".join(f"seed {seed}: {size}" for seed, size in rows.groupby("seed")["sample"].nunique().items())
        problems.append(f"{part}: every seed should score every sample once, found {len(rows)} rows ({sizes})")
    elif expected is not None and len(rows) // seeds != expected:
        problems.append(f"{part}: {len(rows) // seeds} samples are scored, the dataset has {expected}")
    if rows.groupby("sample")["label"].nunique().max() > 1:
        problems.append(f"{part}: a sample has two labels")
    return problems


def _arrange(rows: pd.DataFrame, classes: list[str], positive: str | None) -> Predictions:
    """Lay out the rows of one part as arrays."""
    rows = rows.sort_values(["seed", "sample"], kind="stable")
    seeds = sorted(map(int, rows["seed"].unique()))
    values = np.clip(rows[[f"p_{name}" for name in classes]].to_numpy(dtype=np.float64), 0, 1)
    samples = rows[["sample", "event", "frame", "pair", "group", "label"]].iloc[: len(rows) // len(seeds)].reset_index(drop=True)
    truth = samples["label"].map({name: index for index, name in enumerate(classes)}).to_numpy(dtype=int)
    probability = values.reshape(len(seeds), len(samples), len(classes))
    return Predictions(samples, truth, probability, seeds, classes, classes.index(positive) if positive else None)
