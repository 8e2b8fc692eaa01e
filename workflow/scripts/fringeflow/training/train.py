"""One run: a model under a strategy, for every seed. Fitted first, and only then shown the test split."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.config.models import Training
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import atomic, canonical_json, read_json, remove, sha256_file, sha256_text, write_json
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.base import NAME as BASE
from fringeflow.models.base import packaged_folder
from fringeflow.models.spec import ModelSpec
from fringeflow.provenance import versions
from fringeflow.training.cascade import fitter_of, shift_of
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.embed import load_features
from fringeflow.training.folds import Fitted, Fold, Task, check_splits
from fringeflow.training.predict import Run
from fringeflow.training.tuned import as_tuned

LOGGER = logging.getLogger(__name__)
FRAMEWORKS = ("keras", "numpy", "scikit-learn", "tensorflow", "torch")
KEPT = ("sample", "event", "frame", "pair", "group", "split", "label")
"""Columns of a dataset that predictions carry on."""
CHECKPOINT = ".checkpoint"
"""Hidden: only results stand in the open, and a killed fit leaves it."""


@dataclass(frozen=True)
class Data:
    """A dataset's index with its embeddings: features are read for the rows that are asked for."""

    samples: pd.DataFrame
    task: Task
    digest: str
    embeddings: Path
    threads: int
    pixel_deg: float | None
    """Of interferograms."""

    @classmethod
    def read(cls, samples: Path, dataset: Path, embeddings: Path, *, threads: int) -> "Data":
        """Read and check a dataset.

        Raises
        ------
        DatasetError
            If a class is missing from a split.
        """
        about = read_json(dataset)
        table = pd.read_parquet(samples)
        task = Task(tuple(about["classes"]), about.get("positive"))
        check_splits(table, task, source=str(samples))
        return cls(table, task, about["digest"], Path(embeddings), threads, about.get("pixel_deg"))

    def rows(self, *splits: str) -> pd.DataFrame:
        """Return the rows of some splits, in the dataset's order."""
        return self.samples[self.samples["split"].isin(splits)].reset_index(drop=True)

    def fold(self, split: str) -> Fold:
        """Return the features and class numbers of one split."""
        return self._fold(self.rows(split), self.embeddings)

    def training_fold(self, extra: tuple[Path, Path] | None = None, doubts: Path | None = None) -> Fold:
        """Return the training split: less what is doubted, and with samples made from it.

        Raises
        ------
        DatasetError
            If an extra sample was made from anything but a training sample.
        """
        rows = self.rows("train")
        weights = pd.Series(1.0, index=rows["sample"])
        if doubts is not None:
            weights.update(pd.read_parquet(doubts).set_index("sample")["weight"])
        fold = self._weighted_fold(rows, rows["sample"].map(weights), self.embeddings)
        if extra is None:
            return fold
        self._check_alike(extra[1])
        table = pd.read_parquet(extra[0])
        strangers = table[~table["source"].isin(rows["sample"])]
        if len(strangers):
            raise DatasetError(
                f"{extra[0]}: {len(strangers)} samples were made from others than the training split's, for example from "
                f"{strangers['source'].iloc[0]}; remove the file and run the workflow again"
            )
        return fold.joined(self._weighted_fold(table, table["source"].map(weights), extra[1]))

    def _check_alike(self, extra: Path) -> None:
        """Refuse extra samples whose features were made otherwise: the rare class would be told by that."""
        own, other = read_json(self.embeddings), read_json(extra)
        odd = [name for name in ("view", "encoder", "bfloat16", "code") if own[name] != other[name]]
        if odd:
            found = "; ".join(f"{name} {other[name]}, the dataset's {own[name]}" for name in odd)
            raise ModelError(f"{extra}: features were made otherwise than the dataset's ({found}); run the workflow to embed both again")

    def _weighted_fold(self, rows: pd.DataFrame, weights: pd.Series, embeddings: Path) -> Fold:
        """Return the rows that have a weight; what was made from a doubted sample is doubted as well."""
        kept = weights.to_numpy() > 0
        return self._fold(rows[kept], embeddings, weights.to_numpy(np.float32)[kept])

    def _fold(self, rows: pd.DataFrame, embeddings: Path, weights: np.ndarray | None = None) -> Fold:
        features = load_features(embeddings, rows[["store", "row"]], threads=self.threads)
        return Fold(features, self.task.numbers(rows["label"]), weights)  # type: ignore[arg-type]


def fit_seeds(
    train: Fold,
    validation: Fold,
    task: Task,
    model: ModelSpec,
    strategy: StrategySpec,
    settings: Training,
    *,
    threads: int,
    checkpoints: Sequence[Checkpoint] | None = None,
) -> list[Fitted]:
    """Fit a model once a seed. A fit whose outcome cannot depend on the seed is made once and shared.

    Parameters
    ----------
    train, validation : Fold
    task : Task
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
    threads : int
    checkpoints : sequence of Checkpoint, optional
        One a seed: where a killed fit goes on.

    Raises
    ------
    ModelError
        If a loss diverges; its `history` holds all epochs until then, with their seeds.
    """
    fitter = fitter_of(model)
    fits: list[Fitted] = []
    for number, seed in enumerate(settings.seeds):
        if fits and not (strategy.is_random or fitter.IS_RANDOM):
            fits.append(fits[0])
            continue
        checkpoint = checkpoints[number] if checkpoints else None
        try:
            fits.append(fitter.fit(train, validation, task, model, strategy, settings, seed=seed, threads=threads, checkpoint=checkpoint))
        except ModelError as error:
            if hasattr(error, "history"):
                error.history = _history(fits, settings.seeds) + [{"seed": seed, **entry} for entry in error.history]
            raise
    return fits


def train_run(
    samples: Path,
    dataset: Path,
    embeddings: Path,
    out: Path,
    *,
    view: str,
    model: ModelSpec,
    strategy: StrategySpec,
    settings: Training,
    code: str = "",
    threads: int = 1,
    extra: tuple[Path, Path] | None = None,
    doubts: Path | None = None,
    tuned: Path | None = None,
) -> None:
    """Train a run and predict its validation and test samples.

    Parameters
    ----------
    samples, dataset, embeddings : Path
        samples.parquet and dataset.json of a dataset, and its embeddings in a view.
    out : Path
        The run's folder: gets ``model/``, run.json, history.parquet, predictions.parquet, timing.json.
    view : str
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
    code : str
        Digest of the code: a fit that was killed under other code does not go on.
    threads : int
    extra : tuple of Path, optional
        samples.parquet of samples made from the training split (augmented or implanted), and their embeddings.
    doubts : Path, optional
        A parquet table with `sample` and `weight` (0 to 1) of training samples; those of weight 0 are left out.
    tuned : Path, optional
        best.json of a tuning of this run: its model, strategy and settings take the place of those given (see `as_tuned`).

    Raises
    ------
    DatasetError
        If a class is missing from a split.
    ModelError
        If features are not finite, `tuned` is of another model, or the loss diverges; then failed-history.parquet is left in `out`.
    """
    begin = time.perf_counter()
    out = Path(out)
    if tuned is not None:
        model, strategy, settings = as_tuned(tuned, model, strategy, settings)
    data = Data.read(samples, dataset, embeddings, threads=threads)
    (out / "failed-history.parquet").unlink(missing_ok=True)
    about: dict[str, Any] = {
        "view": view,
        "model": model.as_dict(),
        "strategy": strategy.as_dict(),
        "training": settings.model_dump(mode="json"),
        "classes": list(data.task.classes),
        "positive": data.task.positive,
        "pixel_deg": data.pixel_deg,
        "dataset": {"digest": data.digest, "counts": _counts(data.samples)},
        "embeddings": sha256_file(embeddings),
        "bfloat16": bool(read_json(embeddings)["bfloat16"]),
        "extra": None if extra is None else {"samples": sha256_file(extra[0]), "embeddings": sha256_file(extra[1])},
        "doubts": None if doubts is None else sha256_file(doubts),
        "tuned": None if tuned is None else sha256_file(tuned),
    }
    key = sha256_text(canonical_json({**about, "code": code, "versions": versions(FRAMEWORKS)}))
    checkpoints = [Checkpoint(out / CHECKPOINT / f"seed{seed}.npz", key) for seed in settings.seeds]
    try:
        train, validation = data.training_fold(extra, doubts), data.fold("validation")
        fits = fit_seeds(train, validation, data.task, model, strategy, settings, threads=threads, checkpoints=checkpoints)
    except ModelError as error:
        raise _with_history(error, out) from error
    fitted = time.perf_counter()
    about["trained_on"] = {name: int(count) for name, count in zip(data.task.classes, train.counts(len(data.task.classes)), strict=True)}
    about["pretrained_on"] = _pretrained_on(model)
    about["adjust"] = shift_of(model, strategy, train, validation, len(data.task.classes))
    with atomic(out / "model") as folder:
        folder.mkdir()
        about["fits"] = _save(fits, settings.seeds, folder)
    history = pd.DataFrame(_history(fits, settings.seeds))
    _write_table(out / "history.parquet", history)
    rows = data.rows("validation", "test")
    predictions = Run(out, about).predict(load_features(embeddings, rows[["store", "row"]], threads=threads))
    _write_table(out / "predictions.parquet", _predictions(rows, predictions, data.task))
    write_json(out / "run.json", about)
    remove(out / CHECKPOINT)
    end = time.perf_counter()
    write_json(out / "timing.json", {"seconds": end - begin, "fit_seconds": fitted - begin, "seeds": len(fits), "threads": threads})


def _pretrained_on(model: ModelSpec) -> list[str]:
    """Return the real interferograms, `frame/pair`, that given weights were trained on, as the run.json beside them tells."""
    encoder = model.encoder_spec
    if not encoder.weights_digest:
        return []
    path = (packaged_folder(BASE) if encoder.weights == BASE else Path(encoder.weights).parent) / "run.json"
    known = read_json(path).get("trained_on") if path.is_file() else None
    return sorted(known) if isinstance(known, list) else []  # a run of this module tells numbers by class


def _save(fits: list[Fitted], seeds: list[int], folder: Path) -> list[dict[str, Any]]:
    """Write each fit once; return, for each seed, what is needed to read it back."""
    entries: list[dict[str, Any]] = []
    for number, (seed, fit) in enumerate(zip(seeds, fits, strict=True)):
        same = next((entry for other, entry in zip(fits[:number], entries, strict=True) if other is fit), None)
        if same is None:
            stem = f"seed{seed}"
            entries.append({"seed": seed, "stem": stem, "load": fit.save(folder, stem)})
        else:
            entries.append({**same, "seed": seed})
    return entries


def _history(fits: list[Fitted], seeds: list[int]) -> list[dict[str, float]]:
    return [{"seed": seed, **entry} for seed, fit in zip(seeds, fits, strict=False) for entry in fit.history]


def _counts(samples: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return the number of samples by split and class."""
    return {
        str(split): {str(label): int(count) for label, count in part.value_counts().sort_index().items()}
        for split, part in samples.groupby("split")["label"]
    }


def _predictions(rows: pd.DataFrame, predictions: dict[int, Any], task: Task) -> pd.DataFrame:
    """Put the probabilities of every seed beside the samples."""
    kept = rows[[name for name in KEPT if name in rows]]
    parts = []
    for seed, probabilities in predictions.items():
        columns = {f"p_{name}": probabilities[:, number] for number, name in enumerate(task.classes)}
        parts.append(kept.assign(seed=seed, **columns))
    return pd.concat(parts, ignore_index=True)


def _with_history(error: ModelError, out: Path) -> ModelError:
    """Keep the history of a failed run under a name of its own, and say so."""
    history = getattr(error, "history", None)
    if not history:
        return error
    path = out / "failed-history.parquet"
    _write_table(path, pd.DataFrame(history))
    return ModelError(f"{error}. Its history is in {path}")


def _write_table(path: Path, table: pd.DataFrame) -> None:
    with atomic(path) as part:
        table.to_parquet(part, index=False)
