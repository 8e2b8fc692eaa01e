"""Fit what is trained of a Keras network, a head alone or the layers before it too, on cached activations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.models import Training
from fringeflow.errors import ModelError
from fringeflow.files import atomic
from fringeflow.imbalance import losses, losses_keras
from fringeflow.imbalance.objective import Objective, objective_of
from fringeflow.imbalance.sampling import stratified_batches
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.keras_runtime import keras, start, tf
from fringeflow.models.keras_heads import Cosine, Standardise, start_at
from fringeflow.models.keras_networks import build_network
from fringeflow.models.spec import ModelSpec
from fringeflow.training.ahead import in_parts, read_ahead
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold, Task
from fringeflow.training.loop import run_epochs
from fringeflow.training.resample import resampled
from fringeflow.training.schedule import rates
from fringeflow.training.watch import Watch

IS_RANDOM = True
"""Initial weights of the head and the order of batches depend on the seed."""
PRIOR = "train"
"""The split whose shares of the classes its probabilities have."""
VECTORS, MAPS = 4096, 64
"""Samples that are predicted at a time: feature vectors, and maps or images, whose layers take memory."""


@dataclass
class KerasFit:
    """A fitted network.

    Attributes
    ----------
    network : keras.Sequential
        The trained layers of the backbone, if any, and the head: from cached activations to logits.
    scale : float
        Multiplies its logits: of cosines.
    history : list of dict
        One entry an epoch, from `run_epochs`.
    best_epoch : int
        The epoch whose weights were kept.
    """

    network: Any
    scale: float = 1.0
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    def __post_init__(self) -> None:
        signature = [tf.TensorSpec((None, *self.network.input_shape[1:]), tf.float32)]
        self._forward = tf.function(lambda features: self.network(features, training=False), input_signature=signature)

    def logits(self, features: Features | np.ndarray) -> np.ndarray:
        """Return the network's output, float64 of shape (n, K), a bounded number of samples at a time."""
        features = Features.of(features)
        step = VECTORS if len(features.shape) == 1 else MAPS
        blocks = read_ahead(features, in_parts(len(features), step))
        return np.concatenate([self._forward(tf.constant(block)).numpy() for _, block in blocks]).astype(np.float64)

    def probabilities(self, features: Features | np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 of shape (n, K)."""
        return self.to_probabilities(self.logits(features))

    def to_probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return class probabilities from the network's output."""
        return np.exp(losses.log_softmax(self.scale * logits))

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write the weights as Keras does."""
        with atomic(folder / f"{stem}.weights.h5") as part:
            self.network.save_weights(part)
        normalised = isinstance(self.network.layers[-1].layers[-1], Cosine)
        shape = list(self.network.input_shape[1:])
        return {"best_epoch": self.best_epoch, "shape": shape, "scale": self.scale, "normalised": normalised}


def load(
    folder: Path, stem: str, model: ModelSpec, task: Task, *, shape: Sequence[int], scale: float, normalised: bool, **_: Any
) -> KerasFit:
    """Read a fitted network; the file of a backbone's initial weights is not needed.

    Raises
    ------
    ModelError
        If the file is missing or does not fit.
    """
    start()
    path = folder / f"{stem}.weights.h5"
    network = build_network(model, tuple(shape), len(task.classes), normalised=normalised, weighted=False)
    try:
        network.load_weights(path)
    except Exception as error:  # h5py and Keras each raise their own, at length
        told = str(error).strip().split("\n")[0]
        raise ModelError(f"{path}: cannot be read as weights of '{model.name}'; train the run again ({told})") from error
    return KerasFit(network, scale)


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
) -> KerasFit:
    """Fit a head, or a head and the layers of the backbone from the cut on.

    The same loop serves every mode: what differs is where the cached activations end. Study A trains with Adam at
    1e-5, batches of 20 and the lowest validation loss kept: ``learning_rate: 1e-5``, ``weight_decay: 0``,
    ``batch: 20``, ``watch: loss``. Layers of the backbone start from its weights whatever the seed; their batch
    normalisation works on batches in training, as in the study.

    Parameters
    ----------
    train, validation : Fold
        The only samples a fit can see; read from disk by the batch, never all at a time.
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
    KerasFit
        With the weights of the epoch that `Watch` calls the best.

    Raises
    ------
    ModelError
        If the loss diverges; its `history` holds the epochs until then. If weights of the backbone are missing.
    """
    start(threads)
    classes, normalised = len(task.classes), strategy.margin != "none"
    seen = resampled(train, strategy, classes, seed)
    objective = objective_of(strategy, seen.labels, task.classes)
    network = build_network(model, train.features.shape, classes, seed=seed, normalised=normalised)
    label = f"{model.name} {strategy.name} seed {seed}"
    return fit_network(network, train, seen, validation, task, objective, settings, seed=seed, label=label, checkpoint=checkpoint)


def fit_network(
    network: Any,
    train: Fold,
    seen: Fold,
    validation: Fold,
    task: Task,
    objective: Objective,
    settings: Training,
    *,
    seed: int,
    label: str = "",
    checkpoint: Checkpoint | None = None,
) -> KerasFit:
    """Train a network that ends in a head of `build_head`.

    Parameters
    ----------
    network : keras.Sequential
        What of it is trainable is trained.
    train, seen : Fold
        The training split, from which features are standardised, and what a strategy makes of it, which is trained on.
    validation : Fold
    task : Task
    objective : Objective
    settings : Training
    seed : int
        Of the batches.
    label : str
        For the progress bar.
    checkpoint : Checkpoint, optional

    Raises
    ------
    ModelError
        If the loss diverges.
    """
    head = network.layers[-1]
    if isinstance(head.layers[0], Standardise):
        head.layers[0].fit(train.features.blocks)
    start_at(head, np.bincount(seen.labels, seen.weights, len(task.classes)) * objective.weights, objective.shift)
    fitted, watch = KerasFit(network, objective.scale), Watch(settings, objective)
    steps = KerasSteps(fitted, seen, validation, objective, settings)
    fitted.history = run_epochs(steps, watch, validation, task, seed=seed, label=label, checkpoint=checkpoint)
    fitted.best_epoch = watch.best_epoch
    return fitted


class KerasSteps:
    """What `run_epochs` does with a network in Keras."""

    def __init__(self, fitted: KerasFit, seen: Fold, validation: Fold, objective: Objective, settings: Training):
        self.fitted, self.network, self.seen, self.held = fitted, fitted.network, seen, validation
        self.objective, self.settings = objective, settings
        self.optimiser = keras.optimizers.AdamW(learning_rate=settings.learning_rate, weight_decay=settings.weight_decay)
        self.optimiser.build(self.network.trainable_variables)
        self.step = _compiled(self.network, self.optimiser, objective)

    def epoch(self, number: int, progress: float, rng: np.random.Generator) -> float:
        """Take one step a batch; return the mean loss."""
        return _epoch(self, number, progress, rng)

    def validate(self, progress: float) -> tuple[float, np.ndarray]:
        """Return the loss on the validation split, and its logits."""
        logits = self.fitted.logits(self.held.features)
        return losses.loss(logits, self.held.labels, self.held.weights, self.objective, progress), logits

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """Return class probabilities of logits."""
        return self.fitted.to_probabilities(logits)

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights."""
        return {str(number): array for number, array in enumerate(self.network.get_weights())}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put such copies back."""
        self.network.set_weights([weights[str(number)] for number in range(len(weights))])

    def moments(self) -> dict[str, np.ndarray]:
        """Return the optimiser's variables."""
        return {str(number): variable.numpy() for number, variable in enumerate(self.optimiser.variables)}

    def set_moments(self, moments: Mapping[str, np.ndarray]) -> None:
        """Put them back."""
        for number, variable in enumerate(self.optimiser.variables):
            variable.assign(moments[str(number)])


def _compiled(network: Any, optimiser: Any, objective: Objective) -> Any:
    """Return a training step: activations, labels and weights of a batch, and the progress, to the loss before the step."""

    def step(features: Any, labels: Any, weights: Any, progress: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = losses_keras.loss(network(features, training=True), labels, weights, objective, progress)
        variables = network.trainable_variables
        optimiser.apply(tape.gradient(loss, variables), variables)
        return loss

    kinds = [((None, *network.input_shape[1:]), tf.float32), ((None,), tf.int32), ((None,), tf.float32), ((), tf.float32)]
    return tf.function(step, input_signature=[tf.TensorSpec(shape, kind) for shape, kind in kinds])


def _epoch(steps: KerasSteps, number: int, progress: float, rng: np.random.Generator) -> float:
    """Take one step a batch; `rng` alone decides on the batches."""
    seen, total = steps.seen, 0.0
    labels, weights = seen.labels.astype(np.int32), seen.weights.astype(np.float32)
    parts = stratified_batches(seen.labels, steps.settings.batch, rng)
    for rate, (rows, features) in zip(rates(steps.settings, number, len(parts)), read_ahead(seen.features, parts), strict=True):
        steps.optimiser.learning_rate = rate
        given = [tf.constant(part) for part in (features, labels[rows], weights[rows], np.float32(progress))]
        total += float(steps.step(*given)) * len(rows)
    return total / len(seen)
