"""Fit a head on frozen features with PyTorch: Adam with decoupled decay, early stopping on validation PR-AUC."""

from copy import deepcopy
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from fringeflow.config.models import Training
from fringeflow.errors import ModelError
from fringeflow.files import atomic
from fringeflow.imbalance import losses_torch
from fringeflow.imbalance.sampling import resample
from fringeflow.imbalance.strategies import StrategySpec
from fringeflow.imbalance.weights import class_counts, weights_of
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_heads import build_head, start_at
from fringeflow.progress import progress_bar
from fringeflow.training.folds import Fold, Task

IS_RANDOM = True
"""Initial weights and the order of batches depend on the seed."""
DIVERGED = 1e4
"""A mean loss that no sane head reaches: a right answer at odds of one to e^10000."""


@dataclass
class TorchFit:
    """A fitted head.

    Attributes
    ----------
    head : Module
    history : list of dict
        One entry an epoch: `epoch`, `loss`, `validation_loss`, `validation_pr_auc`.
    best_epoch : int
        The epoch whose weights were kept.
    """

    head: nn.Module
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        self.head.eval()
        with torch.inference_mode():
            logits = self.head(torch.from_numpy(np.ascontiguousarray(features, dtype=np.float32)))
        return torch.softmax(logits.double(), dim=1).numpy()

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write the weights as safetensors."""
        with atomic(folder / f"{stem}.safetensors") as part:
            save_file({name: value.contiguous() for name, value in self.head.state_dict().items()}, part)
        return {"best_epoch": self.best_epoch, "dim": self.head[0].mean.numel()}  # type: ignore[index, union-attr, operator]


def load(folder: Path, stem: str, model: ModelSpec, task: Task, *, dim: int, **_: Any) -> TorchFit:
    """Read a fitted head.

    Raises
    ------
    ModelError
        If the file is missing or does not fit the head.
    """
    path = folder / f"{stem}.safetensors"
    head = build_head(model.head, dim, len(task.classes))
    try:
        head.load_state_dict(load_file(path), strict=True)
    except Exception as error:  # safetensors and torch each raise their own
        raise ModelError(f"{path}: cannot be read as a '{model.head}' head; train the run again ({error})") from error
    return TorchFit(head)


def fit(
    train: Fold, validation: Fold, task: Task, model: ModelSpec, strategy: StrategySpec, settings: Training, *, seed: int, threads: int
) -> TorchFit:
    """Fit a head.

    Parameters
    ----------
    train, validation : Fold
        The only samples a fit can see.
    task : Task
    model : ModelSpec
    strategy : StrategySpec
    settings : Training
    seed : int
    threads : int

    Returns
    -------
    TorchFit
        With the weights of the epoch that had the highest validation PR-AUC (of equal ones, the lowest
        validation loss).

    Raises
    ------
    ModelError
        If the loss diverges; its `history` holds the epochs until then.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    classes = len(task.classes)
    chosen = resample(strategy.sampler, train.labels, ratio=strategy.ratio, seed=seed)
    features, labels = torch.from_numpy(train.features), torch.from_numpy(train.labels)
    weights = weights_of(strategy.weights, train.labels, classes) * np.asarray(strategy.alpha_of(task.classes), dtype=np.float32)
    head = build_head(model.head, features.shape[1], classes, dropout=float(model.options.get("dropout", 0.0)))
    head[0].fit(features)  # type: ignore[operator]
    start_at(head, torch.from_numpy(class_counts(train.labels[chosen], classes) * weights.astype(np.float64)))
    objective = _objective(strategy, torch.from_numpy(weights))
    optimiser = torch.optim.AdamW(head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    held = torch.from_numpy(validation.features), torch.from_numpy(validation.labels)
    fitted = TorchFit(head)
    best, best_state = (-1.0, float("-inf")), deepcopy(head.state_dict())
    with progress_bar(settings.epochs, desc=f"{model.name} {strategy.name} seed {seed}", unit="epoch") as bar:
        for epoch in range(1, settings.epochs + 1):
            loss = _epoch(head, objective, optimiser, features, labels, torch.from_numpy(chosen), settings.batch)
            head.eval()
            with torch.inference_mode():
                validation_loss = float(objective(head(held[0]), held[1]))
            entry = {"epoch": epoch, "loss": loss, "validation_loss": validation_loss}
            if not isfinite(loss) or not isfinite(validation_loss) or loss > DIVERGED:
                fitted.history.append({**entry, "validation_pr_auc": float("nan")})
                raise diverged(seed, epoch, loss, fitted.history)
            score = task.score(validation.labels, fitted.probabilities(validation.features))
            fitted.history.append({**entry, "validation_pr_auc": score})
            if (score, -validation_loss) > best:
                best, best_state, fitted.best_epoch = (score, -validation_loss), deepcopy(head.state_dict()), epoch
            bar.update()
            if epoch - fitted.best_epoch >= settings.patience:
                break
    head.load_state_dict(best_state)
    return fitted


def diverged(seed: int, epoch: int, loss: float, history: list[dict[str, float]]) -> ModelError:
    """Return the error of a loss that left all bounds, with the history until then."""
    error = ModelError(f"seed {seed}: the loss diverged in epoch {epoch} ({loss:g}); lower training.learning_rate")
    error.history = history  # type: ignore[attr-defined]
    return error


def _objective(strategy: StrategySpec, weights: torch.Tensor) -> Any:
    """Return the strategy's loss as a function of logits and labels."""
    if strategy.loss == "focal":
        return lambda logits, labels: losses_torch.focal(logits, labels, weights, gamma=strategy.gamma or 0.0)
    return lambda logits, labels: losses_torch.cross_entropy(logits, labels, weights)


def _epoch(
    head: nn.Module,
    objective: Any,
    optimiser: torch.optim.Optimizer,
    features: torch.Tensor,
    labels: torch.Tensor,
    chosen: torch.Tensor,
    batch: int,
) -> float:
    """Take one step a batch over the chosen samples in a new order; return the mean loss."""
    head.train()
    shuffled = chosen[torch.randperm(len(chosen))]
    total = 0.0
    for rows in torch.tensor_split(shuffled, max(1, len(shuffled) // batch)):  # none smaller than a batch: its statistics are normalised by
        optimiser.zero_grad(set_to_none=True)
        loss = objective(head(features[rows]), labels[rows])
        loss.backward()
        optimiser.step()
        total += float(loss.detach()) * len(rows)
    return total / len(shuffled)
