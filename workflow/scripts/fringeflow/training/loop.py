"""The epochs of a fit: validation, the best one kept, divergence told, a state where a killed fit goes on.

Every framework is driven by this one loop, and gives it the steps.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from fringeflow.progress import progress_bar
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.folds import Fold, Task, macro_f1
from fringeflow.training.watch import Watch, diverged, is_sane


class Steps(Protocol):
    """What a framework does with a network."""

    def epoch(self, number: int, progress: float, rng: np.random.Generator) -> float:
        """Take one step a batch; return the mean loss. `rng` alone decides on chance, so that an epoch can be repeated."""

    def validate(self, progress: float) -> tuple[float, Any]:
        """Return the loss on the validation split, and the logits there."""

    def probabilities(self, logits: Any) -> np.ndarray:
        """Return class probabilities of logits, float64 of shape (n, K)."""

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all that training changes in the network."""

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put such copies back."""

    def moments(self) -> dict[str, np.ndarray]:
        """Return the optimiser's variables."""

    def set_moments(self, moments: Mapping[str, np.ndarray]) -> None:
        """Put them back."""


def run_epochs(
    steps: Steps, watch: Watch, validation: Fold, task: Task, *, seed: int, label: str, checkpoint: Checkpoint | None = None
) -> list[dict[str, float]]:
    """Train until the watch says that it is enough; the network ends with the weights of its best epoch.

    Parameters
    ----------
    steps : Steps
    watch : Watch
        Fresh; knows the best epoch afterwards.
    validation : Fold
        For its labels.
    task : Task
    seed : int
    label : str
        For the progress bar.
    checkpoint : Checkpoint, optional
        Where a killed fit goes on.

    Returns
    -------
    list of dict
        One entry an epoch: `epoch`, `loss`, `validation_loss`, `validation_pr_auc`, `validation_macro_f1`.

    Raises
    ------
    ModelError
        If the loss diverges; its `history` holds the epochs until then.
    """
    history, best = _resumed(steps, watch, checkpoint)
    epoch = len(history)
    with progress_bar(watch.settings.epochs, desc=label, unit="epoch") as bar:
        bar.update(epoch)
        while not watch.is_over(epoch):
            epoch += 1
            progress = watch.progress(epoch)
            loss = steps.epoch(epoch, progress, np.random.default_rng((seed, epoch)))
            validation_loss, logits = steps.validate(progress)
            entry = {"epoch": epoch, "loss": loss, "validation_loss": validation_loss}
            history.append({**entry, "validation_pr_auc": float("nan"), "validation_macro_f1": float("nan")})
            if not is_sane(loss, validation_loss):
                raise diverged(seed, epoch, loss, history)
            probabilities = steps.probabilities(logits)
            scores = (task.score(validation.labels, probabilities), macro_f1(validation.labels, probabilities))
            history[-1] |= dict(zip(("validation_pr_auc", "validation_macro_f1"), scores, strict=True))
            if watch.is_best(epoch, *scores, validation_loss):
                best = steps.weights()
            if checkpoint is not None and checkpoint.due:
                _keep(checkpoint, steps, watch, best, history)
            bar.update()
    steps.set_weights(best)
    return history


def _keep(checkpoint: Checkpoint, steps: Steps, watch: Watch, best: Mapping[str, np.ndarray], history: list[dict[str, float]]) -> None:
    """Write the state after an epoch."""
    state = {"network": steps.weights(), "best": best, "optimiser": steps.moments()}
    arrays = {f"{part}.{name}": array for part, values in state.items() for name, array in values.items()}
    checkpoint.save(arrays, {"history": history, "best_epoch": watch.best_epoch, "best": watch.best})


def _resumed(steps: Steps, watch: Watch, checkpoint: Checkpoint | None) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Take the state of a killed fit over; return its history and its best weights."""
    kept = None if checkpoint is None else checkpoint.load()
    if kept is None:
        return [], steps.weights()
    arrays, about = kept
    state: dict[str, dict[str, np.ndarray]] = {"network": {}, "best": {}, "optimiser": {}}
    for name, array in arrays.items():
        part, rest = name.split(".", 1)
        state[part][rest] = array
    steps.set_weights(state["network"])
    steps.set_moments(state["optimiser"])
    watch.best_epoch, watch.best = about["best_epoch"], tuple(about["best"])
    return about["history"], state["best"]
