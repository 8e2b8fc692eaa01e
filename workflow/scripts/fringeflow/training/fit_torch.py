"""Fit a head, or a network with its head, with PyTorch: Adam with decoupled decay, stratified batches, early stopping."""

import os
from collections.abc import Mapping
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
from fringeflow.models.torch_backbones import device_of_this_machine
from fringeflow.models.torch_heads import Cosine, start_at
from fringeflow.models.torch_networks import (
    Network,
    build_network,
    digest_of,
    frozen_state,
    load_trained,
    trained_state,
)
from fringeflow.training.ahead import in_parts, read_ahead
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold, Task
from fringeflow.training.loop import run_epochs
from fringeflow.training.resample import resampled
from fringeflow.training.schedule import rates
from fringeflow.training.torch_batches import Batches
from fringeflow.training.watch import Watch

IS_RANDOM = True
"""Initial weights and the order of batches depend on the seed."""
PRIOR = "train"
"""The split whose shares of the classes its probabilities have."""
IMAGES = 32
"""Images that are predicted at a time: more fall out of a CPU's caches."""


@dataclass
class TorchFit:
    """A fitted network.

    Attributes
    ----------
    network : Module
        A head that takes cached features, or a `Network` that takes images.
    scale : float
        Multiplies its logits: of cosines.
    history : list of dict
        One entry an epoch, from `run_epochs`.
    best_epoch : int
        The epoch whose weights were kept.
    """

    network: nn.Module
    scale: float = 1.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def head(self) -> Any:
        """From features to logits."""
        return self.network.head if isinstance(self.network, Network) else self.network

    @property
    def body(self) -> Any:
        """From images to features; None where those are cached."""
        return self.network.body if isinstance(self.network, Network) else None

    def logits(self, features: Features | np.ndarray) -> torch.Tensor:
        """Return the network's output, a bounded number of samples at a time."""
        features = Features.of(features)
        blocks = features.blocks() if self.body is None else (block for _, block in read_ahead(features, in_parts(len(features), IMAGES)))
        self.network.eval()
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            return torch.cat([self.network(torch.from_numpy(block).to(device)) for block in blocks])

    def probabilities(self, features: Features | np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        return self.to_probabilities(self.logits(features))

    def to_probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Return class probabilities from the network's output."""
        return torch.softmax(self.scale * logits.double(), dim=1).cpu().numpy()

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write what was trained as safetensors."""
        state = trained_state(self.network)
        with atomic(folder / f"{stem}.safetensors") as part:
            save_file({name: value.contiguous().cpu() for name, value in state.items()}, part)
        about = {"best_epoch": self.best_epoch, "scale": self.scale, "normalised": isinstance(self.head[-1], Cosine)}
        if not isinstance(self.network, Network):
            return {**about, "dim": state["0.mean"].numel()}
        return {**about, "bfloat16": self.network.in_bfloat16, "backbone": digest_of(frozen_state(self.network))}


def load(
    folder: Path,
    stem: str,
    model: ModelSpec,
    task: Task,
    *,
    scale: float,
    normalised: bool,
    dim: int = 0,
    bfloat16: bool = False,
    backbone: str = "",
    **_: Any,
) -> TorchFit:
    """Read a fitted network. The file of a backbone's initial weights is needed where a part of it was frozen, else not.

    Raises
    ------
    ModelError
        If the file is missing or does not fit, or the weights of the frozen part are missing or others than in training.
    """
    path = folder / f"{stem}.safetensors"
    weights = model.encoder_spec.weights
    try:
        network = build_network(model, dim, len(task.classes), normalised=normalised, bfloat16=bfloat16, weighted=bool(backbone))
    except ModelError as error:
        raise ModelError(
            f"{path}: holds what was trained alone, and what was frozen, the backbone's weights, cannot be had: {error}"
        ) from error
    try:
        load_trained(network, load_file(path))
    except Exception as error:  # safetensors and torch each raise their own
        raise ModelError(f"{path}: cannot be read as what was trained of '{model.name}'; train the run again ({error})") from error
    if backbone and digest_of(frozen_state(network)) != backbone:
        raise ModelError(
            f"{path}: was trained on another frozen backbone than the weights '{weights}' give now; put the former ones back, or "
            "train the run again"
        )
    return TorchFit(network.to(device_of_this_machine()), scale)


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
    """Fit a head, or all that a mode trains.

    Study B's convolutional network is ``mode: full``, ``weights: imagenet``, ``input_size: 224`` with ``learning_rate: 1e-4``,
    ``weight_decay: 0``, ``batch: 16``, ``epochs: 10``. A backbone starts from its weights whatever the seed; its batch
    normalisation works on batches in training.

    Parameters
    ----------
    train, validation : Fold
        The only samples a fit can see. Images are read from disk by the batch, features of a frozen backbone are held in memory.
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
        If the loss diverges; its `history` holds the epochs until then. If weights of the backbone are missing, or the features
        are not those that the mode takes.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it CUDA refuses to be deterministic
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    spec, shape = model.encoder_spec, train.features.shape
    if len(shape) != (3 if spec.cut == "input" else 1):
        wanted = f"images of {spec.input_size} pixels" if spec.cut == "input" else "one row of features a sample"
        raise ModelError(f"{spec.key}: cached features have the shape {shape}, expected {wanted}; embed the dataset again")
    classes, normalised = len(task.classes), strategy.margin != "none"
    seen = resampled(train, strategy, classes, seed)
    objective = objective_of(strategy, seen.labels, task.classes)
    network = build_network(model, shape[0], classes, seed=seed, normalised=normalised, bfloat16=settings.bfloat16)
    fitted, watch = TorchFit(network, objective.scale), Watch(settings, objective)
    if fitted.body is None:
        fitted.head[0].fit(torch.from_numpy(train.features.all()))
    shares = np.bincount(seen.labels, seen.weights, classes) * objective.weights
    start_at(fitted.head, torch.from_numpy(shares), torch.from_numpy(objective.shift))
    network.to(device_of_this_machine())
    steps = TorchSteps(fitted, seen, validation, objective, settings)
    label = f"{model.name} {strategy.name} seed {seed}"
    fitted.history = run_epochs(steps, watch, validation, task, seed=seed, label=label, checkpoint=checkpoint)
    fitted.best_epoch = watch.best_epoch
    return fitted


class TorchSteps:
    """What `run_epochs` does with a network in PyTorch."""

    def __init__(self, fitted: TorchFit, seen: Fold, validation: Fold, objective: Objective, settings: Training):
        self.fitted, self.network, self.objective, self.settings = fitted, fitted.network, objective, settings
        device = next(self.network.parameters()).device
        resident = fitted.body is None
        self.seen, self.held = (Batches(fold, device, resident=resident) for fold in (seen, validation))
        trained = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)

    def epoch(self, number: int, progress: float, rng: np.random.Generator) -> float:
        """Take one step a batch; return the mean loss."""
        return _epoch(self, number, progress, rng)

    def validate(self, progress: float) -> tuple[float, torch.Tensor]:
        """Return the loss on the validation split, and its logits."""
        held = self.held
        if held.features is None:
            logits = self.fitted.logits(held.fold.features)
        else:
            self.network.eval()
            with torch.inference_mode():
                logits = self.network(held.features)
        with torch.inference_mode():
            return float(losses_torch.loss(logits, held.labels, held.weights, self.objective, progress)), logits

    def probabilities(self, logits: torch.Tensor) -> np.ndarray:
        """Return class probabilities of logits."""
        return self.fitted.to_probabilities(logits)

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all that training changes."""
        return {name: value.detach().cpu().numpy().copy() for name, value in trained_state(self.network).items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put such copies back."""
        load_trained(self.network, {name: torch.from_numpy(array) for name, array in weights.items()})

    def moments(self) -> dict[str, np.ndarray]:
        """Return the optimiser's state."""
        states = self.optimiser.state_dict()["state"]
        return {f"{number}.{name}": value.cpu().numpy() for number, state in states.items() for name, value in state.items()}

    def set_moments(self, moments: Mapping[str, np.ndarray]) -> None:
        """Put it back, laid out in memory as the parameters are: the fused step pairs values by where they lie."""
        states: dict[int, dict[str, torch.Tensor]] = {}
        for key, array in moments.items():
            number, name = key.split(".", 1)
            value, own = torch.from_numpy(array), self.optimiser.param_groups[0]["params"][int(number)]
            states.setdefault(int(number), {})[name] = torch.empty_like(own).copy_(value) if value.shape == own.shape else value
        self.optimiser.load_state_dict({"state": states, "param_groups": self.optimiser.state_dict()["param_groups"]})


def _epoch(steps: TorchSteps, number: int, progress: float, rng: np.random.Generator) -> float:
    """Take one step a batch; `rng` alone decides on batches and dropout."""
    network, optimiser = steps.network, steps.optimiser
    network.train()
    torch.manual_seed(int(rng.integers(2**62)))
    parts = stratified_batches(steps.seen.fold.labels, steps.settings.batch, rng)
    total = torch.zeros((), dtype=torch.float64, device=steps.seen.device)
    for rate, (features, labels, weights) in zip(rates(steps.settings, number, len(parts)), steps.seen(parts), strict=True):
        optimiser.param_groups[0]["lr"] = rate
        optimiser.zero_grad(set_to_none=True)
        loss = losses_torch.loss(network(features), labels, weights, steps.objective, progress)
        loss.backward()
        optimiser.step()
        total += loss.detach() * len(labels)
    return float(total) / len(steps.seen.fold)
