"""Fit a head on frozen features with PyTorch: Adam with decoupled decay, stratified batches, early stopping."""

import os
from dataclasses import dataclass, field
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
from fringeflow.imbalance.objective import Objective, objective_of
from fringeflow.imbalance.sampling import stratified_batches
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.models.spec import ModelSpec
from fringeflow.models.torch_heads import Cosine, build_head, start_at
from fringeflow.progress import progress_bar
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold, Task
from fringeflow.training.resample import resampled
from fringeflow.training.watch import Watch, diverged, is_sane

IS_RANDOM = True
"""Initial weights and the order of batches depend on the seed."""


@dataclass
class TorchFit:
    """A fitted head.

    Attributes
    ----------
    head : Module
    scale : float
        Multiplies its logits: of cosines.
    history : list of dict
        One entry an epoch: `epoch`, `loss`, `validation_loss`, `validation_pr_auc`.
    best_epoch : int
        The epoch whose weights were kept.
    """

    head: nn.Module
    scale: float = 1.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    def probabilities(self, features: Features | np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        self.head.eval()
        device = next(self.head.parameters()).device
        with torch.inference_mode():
            logits = [self.head(torch.from_numpy(block).to(device)) for block in Features.of(features).blocks()]
        return self.to_probabilities(torch.cat(logits))

    def to_probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Return class probabilities from the head's output."""
        return torch.softmax(self.scale * logits.double(), dim=1).cpu().numpy()

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write the weights as safetensors."""
        state = self.head.state_dict()
        with atomic(folder / f"{stem}.safetensors") as part:
            save_file({name: value.contiguous().cpu() for name, value in state.items()}, part)
        normalised = isinstance(self.head[-1], Cosine)  # type: ignore[index]
        return {"best_epoch": self.best_epoch, "dim": state["0.mean"].numel(), "scale": self.scale, "normalised": normalised}


@dataclass
class Batches:
    """Training and validation samples in the memory of the device."""

    train: Fold
    validation: Fold
    device: torch.device

    def __post_init__(self) -> None:
        self.features, self.labels, self.weights = self._tensors(self.train)
        self.held = self._tensors(self.validation)

    def _tensors(self, fold: Fold) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        arrays = (fold.features.all(), fold.labels.astype(np.int64), fold.weights.astype(np.float32))
        features, labels, weights = (torch.from_numpy(array).to(self.device) for array in arrays)
        return features, labels, weights


def load(folder: Path, stem: str, model: ModelSpec, task: Task, *, dim: int, scale: float, normalised: bool, **_: Any) -> TorchFit:
    """Read a fitted head.

    Raises
    ------
    ModelError
        If the file is missing or does not fit the head.
    """
    path = folder / f"{stem}.safetensors"
    head = build_head(model.head, dim, len(task.classes), normalised=normalised)
    try:
        head.load_state_dict(load_file(path), strict=True)
    except Exception as error:  # safetensors and torch each raise their own
        raise ModelError(f"{path}: cannot be read as a '{model.head}' head; train the run again ({error})") from error
    return TorchFit(head.to(_device()), scale)


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
    checkpoint : Checkpoint, optional
        Where the fit goes on if it was killed; the outcome is the same to the bit.

    Returns
    -------
    TorchFit
        With the weights of the epoch that `Watch` calls the best.

    Raises
    ------
    ModelError
        If the loss diverges; its `history` holds the epochs until then.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(seed)
    classes, normalised = len(task.classes), strategy.margin != "none"
    seen = resampled(train, strategy, classes, seed)
    objective = objective_of(strategy, seen.labels, task.classes)
    data = Batches(seen, validation, _device())
    dropout = float(model.options.get("dropout", 0.0))
    head = build_head(model.head, seen.features.shape[0], classes, dropout=dropout, normalised=normalised)
    head[0].fit(data.features.cpu() if seen is train else torch.from_numpy(train.features.all()))  # type: ignore[operator]
    shares = np.bincount(seen.labels, seen.weights, classes) * objective.weights
    start_at(head, torch.from_numpy(shares), torch.from_numpy(objective.shift))
    head.to(data.device)
    optimiser = torch.optim.AdamW(head.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)
    fitted, watch = TorchFit(head, objective.scale), Watch(settings, objective)
    epoch, best = _resume(checkpoint, fitted, optimiser, watch)
    with progress_bar(settings.epochs, desc=f"{model.name} {strategy.name} seed {seed}", unit="epoch") as bar:
        bar.update(epoch)
        while not watch.is_over(epoch):
            epoch += 1
            loss = _epoch(head, objective, optimiser, data, settings.batch, watch.progress(epoch), np.random.default_rng((seed, epoch)))
            entry, score = {"epoch": epoch, "loss": loss}, float("nan")
            entry["validation_loss"], logits = _validate(head, objective, data, watch.progress(epoch))
            sane = is_sane(loss, entry["validation_loss"])
            if sane:
                score = task.score(validation.labels, fitted.to_probabilities(logits))
            fitted.history.append({**entry, "validation_pr_auc": score})
            if not sane:
                raise diverged(seed, epoch, loss, fitted.history)
            if watch.is_best(epoch, score, entry["validation_loss"]):
                best = _copy(head)
            if checkpoint is not None and checkpoint.due:
                _keep(checkpoint, fitted, optimiser, watch, best)
            bar.update()
    head.load_state_dict(best)
    fitted.best_epoch = watch.best_epoch
    return fitted


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _copy(head: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in head.state_dict().items()}


def _epoch(
    head: nn.Module,
    objective: Objective,
    optimiser: torch.optim.Optimizer,
    data: Batches,
    batch: int,
    progress: float,
    rng: np.random.Generator,
) -> float:
    """Take one step a batch; return the mean loss. `rng` alone decides on batches and dropout, so that an epoch can be repeated."""
    head.train()
    torch.manual_seed(int(rng.integers(2**62)))
    total = torch.zeros((), dtype=torch.float64, device=data.device)
    for chosen in stratified_batches(data.train.labels, batch, rng):
        rows = torch.from_numpy(chosen).to(data.device)
        optimiser.zero_grad(set_to_none=True)
        loss = losses_torch.loss(head(data.features[rows]), data.labels[rows], data.weights[rows], objective, progress)
        loss.backward()
        optimiser.step()
        total += loss.detach() * len(rows)
    return float(total) / len(data.labels)


def _validate(head: nn.Module, objective: Objective, data: Batches, progress: float) -> tuple[float, torch.Tensor]:
    """Return the loss on the validation split, and its logits."""
    head.eval()
    features, labels, weights = data.held
    with torch.inference_mode():
        logits = head(features)
        return float(losses_torch.loss(logits, labels, weights, objective, progress)), logits


def _keep(checkpoint: Checkpoint, fitted: TorchFit, optimiser: torch.optim.Optimizer, watch: Watch, best: dict[str, torch.Tensor]) -> None:
    """Write the state after an epoch."""
    arrays = {f"head.{name}": value for name, value in fitted.head.state_dict().items()}
    arrays |= {f"best.{name}": value for name, value in best.items()}
    for number, state in optimiser.state_dict()["state"].items():
        arrays |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    about = {"history": fitted.history, "best_epoch": watch.best_epoch, "best": watch.best}
    checkpoint.save({name: value.cpu().numpy() for name, value in arrays.items()}, about)


def _resume(
    checkpoint: Checkpoint | None, fitted: TorchFit, optimiser: torch.optim.Optimizer, watch: Watch
) -> tuple[int, dict[str, torch.Tensor]]:
    """Take the state of a killed fit over; return its last epoch and its best weights."""
    kept = None if checkpoint is None else checkpoint.load()
    if kept is None:
        return 0, _copy(fitted.head)
    arrays, about = kept
    parts: dict[str, dict[str, torch.Tensor]] = {"head": {}, "best": {}, "optimiser": {}}
    for name, array in arrays.items():
        part, rest = name.split(".", 1)
        parts[part][rest] = torch.from_numpy(array)
    fitted.head.load_state_dict(parts["head"])
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, value in parts["optimiser"].items():
        number, rest = name.split(".", 1)
        moments.setdefault(int(number), {})[rest] = value
    optimiser.load_state_dict({"state": moments, "param_groups": optimiser.state_dict()["param_groups"]})
    fitted.history = about["history"]
    watch.best_epoch, watch.best = about["best_epoch"], tuple(about["best"])
    return len(fitted.history), parts["best"]
