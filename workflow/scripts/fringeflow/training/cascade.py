"""Cascades of any model family: a classifier a stage, each fitted on the samples that belong to it, scored as one.

A cascade is a fitter like the others. Its probabilities are multiplied down the tree, p(class) = p(merged) p(class | merged),
so that a sample which the first stage is unsure of keeps its doubt to the end, and nothing is decided on the way.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.models import Training
from fringeflow.datasets.stages import Level, resolve_stages
from fringeflow.errors import DatasetError, ModelError
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.imbalance.stages import stage_strategy
from fringeflow.models.spec import ModelSpec
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fitted, Fold, Task


@dataclass
class CascadeFit:
    """A fitted cascade.

    Attributes
    ----------
    levels : sequence of Level
    fits : list of Fitted
        One a stage.
    classes : tuple of str
        The dataset's, in the order of the probabilities.
    """

    levels: Sequence[Level]
    fits: list[Fitted]
    classes: tuple[str, ...]

    @property
    def history(self) -> list[dict[str, Any]]:
        """The entries of every stage's fit in turn, with its `stage`."""
        pairs = zip(self.levels, self.fits, strict=True)
        return [{"stage": level.name, **entry} for level, fit in pairs for entry in fit.history]

    def probabilities(self, features: Features | np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        return multiplied(self.levels, [fit.probabilities(Features.of(features)) for fit in self.fits], self.classes)

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write every stage as its family does."""
        return {"stages": [fit.save(folder, _stage_stem(stem, number)) for number, fit in enumerate(self.fits)]}


def multiplied(levels: Sequence[Level], found: Sequence[np.ndarray], classes: Sequence[str]) -> np.ndarray:
    """Return the probabilities of the dataset's classes from those of every stage.

    Parameters
    ----------
    levels : sequence of Level
    found : sequence of ndarray of float64, each of shape (n, classes of the stage)
        Given that a sample belongs to the stage.
    classes : sequence of str
        The dataset's, K.

    Returns
    -------
    ndarray of float64, shape (n, K)
        Rows add up to 1 where those of every stage do.

    Examples
    --------
    >>> noise = ("dns", "tip")
    >>> first = Level("kinds", ("empty", "noise"), {"empty": ("empty",), "noise": noise})
    >>> second = Level("noise", noise, {"dns": ("dns",), "tip": ("tip",)}, split="noise")
    >>> multiplied([first, second], [np.array([[0.2, 0.8]]), np.array([[0.25, 0.75]])], ["empty", "dns", "tip"])
    array([[0.2, 0.2, 0.6]])
    """
    mass: dict[str, np.ndarray] = {"": np.ones(len(found[0]))}
    for level, probabilities in zip(levels, found, strict=True):
        for number, name in enumerate(level.classes):
            mass[name] = mass[level.split] * probabilities[:, number]
    return np.stack([mass[name] for name in classes], axis=1)


@dataclass(frozen=True)
class Cascade:
    """The fitter of cascades whose stages a model family fits.

    Attributes
    ----------
    family : module
        The family's fitter.
    """

    family: Any

    @property
    def IS_RANDOM(self) -> bool:  # noqa: N802 (the name that fitters have)
        """Whether the seed makes a difference."""
        return bool(self.family.IS_RANDOM)

    @property
    def PRIOR(self) -> str:  # noqa: N802
        """The split whose shares of the classes its probabilities have: those of the stages multiply to the dataset's."""
        return str(self.family.PRIOR)

    def fit(
        self,
        train: Fold,
        validation: Fold,
        task: Task,
        model: ModelSpec,
        strategy: StrategySpec,
        settings: Training,
        *,
        seed: int,
        threads: int,
        checkpoint: Checkpoint | None = None,
    ) -> CascadeFit:
        """Fit one stage after the other.

        Parameters
        ----------
        train, validation : Fold
        task : Task
            Of the dataset; a stage has no positive class, so that scores are means over its classes.
        model : ModelSpec
        strategy : StrategySpec
        settings : Training
        seed : int
            Stages have seeds of their own that come from it.
        threads : int
        checkpoint : Checkpoint, optional
            Stages keep their states beside it, so a killed cascade goes on in the stage where it was.

        Raises
        ------
        DatasetError
            If a stage lacks a class in the training or validation split.
        ModelError
            If the loss of a stage diverges; its `history` holds all epochs until then, with their stages.
        """
        levels = resolve_stages(model.stages, task.classes)
        folds = [(stage_fold(train, level, task, "train"), stage_fold(validation, level, task, "validation")) for level in levels]
        fitted = CascadeFit(levels, [], task.classes)
        for number, (level, (mine, held)) in enumerate(zip(levels, folds, strict=True)):
            try:
                fit = self.family.fit(
                    mine,
                    held,
                    Task(level.classes),
                    replace(model, name=f"{model.name}/{level.name}", stages=()),
                    stage_strategy(strategy, level),
                    settings,
                    seed=stage_seed(seed, number),
                    threads=threads,
                    checkpoint=_stage_checkpoint(checkpoint, number),
                )
            except ModelError as error:
                told = ModelError(f"stage '{level.name}' of seed {seed}: {error}")
                before = CascadeFit(levels[:number], fitted.fits, task.classes).history
                told.history = before + [{"stage": level.name, **entry} for entry in getattr(error, "history", [])]  # type: ignore[attr-defined]
                raise told from error
            fitted.fits.append(fit)
        return fitted

    def load(self, folder: Path, stem: str, model: ModelSpec, task: Task, *, stages: Sequence[dict[str, Any]], **_: Any) -> CascadeFit:
        """Read a fitted cascade.

        Raises
        ------
        ModelError
            If the file of a stage is missing or damaged.
        """
        levels = resolve_stages(model.stages, task.classes)
        fits = [
            self.family.load(folder, _stage_stem(stem, number), replace(model, stages=()), Task(level.classes), **values)
            for number, (level, values) in enumerate(zip(levels, stages, strict=True))
        ]
        return CascadeFit(levels, fits, task.classes)


def fitter_of(model: ModelSpec) -> Any:
    """Return what fits and loads a model: its family's module, or a cascade of that."""
    family = importlib.import_module(model.fitter)
    return Cascade(family) if model.stages else family


def shift_of(model: ModelSpec, strategy: StrategySpec, train: Fold, validation: Fold, classes: int) -> list[float] | None:
    """Return what is taken off every log probability of a fitted model, or None: the prior that its probabilities have.

    Parameters
    ----------
    model : ModelSpec
    strategy : StrategySpec
    train, validation : Fold
        What it was fitted on: a network learns the shares of `train`, a calibrated model those of `validation`.
    classes : int
    """
    fold = validation if fitter_of(model).PRIOR == "validation" else train
    return strategy.adjustment(fold.labels, classes)


def stage_fold(fold: Fold, level: Level, task: Task, split: str) -> Fold:
    """Return the samples that belong to a stage, with the numbers of its classes as labels.

    Parameters
    ----------
    fold : Fold
    level : Level
    task : Task
        Of the dataset.
    split : str
        To name.

    Raises
    ------
    DatasetError
        If the stage lacks a class there.
    """
    numbers = np.full(len(task.classes), -1, dtype=np.int64)
    for number, name in enumerate(level.classes):
        numbers[[task.classes.index(leaf) for leaf in level.members[name]]] = number
    chosen = np.flatnonzero(numbers[fold.labels] >= 0)
    cut = fold.select(chosen)
    labels = numbers[fold.labels[chosen]]
    counts = np.bincount(labels, minlength=len(level.classes))
    if not counts.all():
        lacking = ", ".join(f"'{name}'" for name, count in zip(level.classes, counts, strict=True) if not count)
        raise DatasetError(
            f"stage '{level.name}': the {split} samples that it gets have none of class {lacking}; "
            "give that split more of it (datasets.*.split), or train the model without stages"
        )
    return Fold(cut.features, labels, cut.weights, checked=True)


def stage_seed(seed: int, number: int) -> int:
    """Return the seed of a stage, counted from 0: another for every run's seed and stage."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def _stage_stem(stem: str, number: int) -> str:
    return f"{stem}-stage{number + 1}"


def _stage_checkpoint(checkpoint: Checkpoint | None, number: int) -> Checkpoint | None:
    """Return where a stage keeps its state; its clock starts now."""
    if checkpoint is None:
        return None
    path = checkpoint.path
    return Checkpoint(path.with_name(f"{_stage_stem(path.stem, number)}{path.suffix}"), checkpoint.key, checkpoint.every_s)
