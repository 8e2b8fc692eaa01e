"""Which epoch of a fit is the best, and when to stop: the same for every framework."""

from dataclasses import dataclass
from math import inf, isfinite

from fringeflow.config.models import Training
from fringeflow.errors import ModelError
from fringeflow.imbalance.objective import Objective

DIVERGED = 1e4
"""A mean loss that no sane network reaches: a right answer at odds of one to e^10000."""


@dataclass
class Watch:
    """Early stopping on the validation split.

    Where an objective has late weights, its result is what is learnt under them: the best epoch is one of those, and
    patience counts from their beginning.

    Attributes
    ----------
    settings : Training
        Its `watch`, `patience` and `epochs`.
    objective : Objective
    best_epoch : int
        0 before the first.
    best : tuple of float
        Score of that epoch and what decides between equal ones.
    """

    settings: Training
    objective: Objective
    best_epoch: int = 0
    best: tuple[float, float] = (-inf, -inf)

    def progress(self, epoch: int) -> float:
        """Return the share of the epochs that are done when an epoch, counted from 1, begins; 1 for the last.

        So late weights hold in one epoch at least, however few there are.
        """
        return 1.0 if epoch == self.settings.epochs else (epoch - 1) / self.settings.epochs

    def _is_late(self, epoch: int) -> bool:
        return self.objective.late_weights is None or self.progress(epoch) >= self.objective.late_from

    def is_best(self, epoch: int, pr_auc: float, macro_f1: float, validation_loss: float) -> bool:
        """Take an epoch's validation scores; return whether its weights are the ones to keep.

        F1 moves in leaps where few samples decide: the loss tells epochs apart that have the same.
        """
        score = {"pr_auc": (pr_auc, -validation_loss), "macro_f1": (macro_f1, -validation_loss), "loss": (-validation_loss, pr_auc)}[
            self.settings.watch
        ]
        begins = self._is_late(epoch) and not self._is_late(self.best_epoch)
        if self.best_epoch and not begins and not score > self.best:
            return False
        self.best_epoch, self.best = epoch, score
        return True

    def is_over(self, epoch: int) -> bool:
        """Whether to stop after an epoch."""
        return epoch >= self.settings.epochs or (self._is_late(epoch) and epoch - self.best_epoch >= self.settings.patience)


def is_sane(loss: float, validation_loss: float) -> bool:
    """Whether an epoch's losses are those of a fit that can go on."""
    return isfinite(loss) and isfinite(validation_loss) and loss <= DIVERGED


def diverged(seed: int, epoch: int, loss: float, history: list[dict[str, float]]) -> ModelError:
    """Return the error of a loss that left all bounds, with the history until then."""
    error = ModelError(f"seed {seed}: the loss diverged in epoch {epoch} ({loss:g}); lower training.learning_rate")
    error.history = history  # type: ignore[attr-defined]
    return error
