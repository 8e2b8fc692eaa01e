"""Fit a scikit-learn pipeline on frozen features; probabilities are calibrated on the validation split."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV

from fringeflow.config.models import Training
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.imbalance.weights import weights_of
from fringeflow.models.classical import build_svm, calibrate, load_model, save_model
from fringeflow.models.spec import ModelSpec
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold, Task
from fringeflow.training.resample import resampled

IS_RANDOM = False
"""The same samples give the same fit whatever the seed."""
PRIOR = "validation"
"""The split whose shares of the classes its probabilities have."""


@dataclass
class SklearnFit:
    """A fitted pipeline.

    Attributes
    ----------
    model : CalibratedClassifierCV
    history : list of dict
        One entry: the losses after fitting, and the validation PR-AUC.
    """

    model: CalibratedClassifierCV
    history: list[dict[str, float]] = field(default_factory=list)

    def probabilities(self, features: Features | np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        parts = [self.model.predict_proba(block) for block in Features.of(features).blocks()]
        return np.concatenate(parts).astype(np.float64)

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write the model with skops."""
        save_model(folder / f"{stem}.skops", self.model)
        return {}


def load(folder: Path, stem: str, model: ModelSpec, task: Task, **_: Any) -> SklearnFit:
    """Read a fitted pipeline.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or holds types that are not trusted.
    """
    return SklearnFit(load_model(folder / f"{stem}.skops"))


def fit(
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
) -> SklearnFit:
    """Fit the pipeline on the training split, then its calibration on the validation split.

    Parameters
    ----------
    train, validation : Fold
        The only samples a fit can see.
    task : Task
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
        Not used: the solver runs until it converges.
    seed, threads : int
        The seed decides what a sampler repeats, leaves out or makes.
    checkpoint : Checkpoint, optional
        Not used: the solver has no state between two steps that would be worth keeping.

    Returns
    -------
    SklearnFit
    """
    seen = resampled(train, strategy, len(task.classes), seed)
    weights = weights_of(strategy.weights, seen.labels, len(task.classes), beta=strategy.beta)
    pipeline = build_svm(model.options, seed=seed)
    pipeline.fit(seen.features.all(), seen.labels, classify__sample_weight=(weights[seen.labels] * seen.weights).astype(np.float64))
    fitted = SklearnFit(calibrate(pipeline, validation.features.all(), validation.labels))
    losses = {}
    for name, fold in (("loss", train), ("validation_loss", validation)):
        probabilities = fitted.probabilities(fold.features)
        losses[name] = float(-np.mean(np.log(np.clip(probabilities[np.arange(len(fold.labels)), fold.labels], 1e-12, None))))
    score = task.score(validation.labels, fitted.probabilities(validation.features))
    fitted.history.append({"epoch": 1, **losses, "validation_pr_auc": score})
    return fitted
