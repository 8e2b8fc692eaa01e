"""What a fit minimises, in numbers: a strategy together with the classes it was given."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fringeflow.imbalance.spec import StrategySpec
from fringeflow.imbalance.weights import full_counts, weights_of


@dataclass(frozen=True)
class Objective:
    """The constants of `imbalance.losses.loss`.

    Attributes
    ----------
    weights : ndarray of float32, shape (K,)
        Of the classes.
    gamma : float
        Of the focal loss; 0 is cross-entropy.
    shift : ndarray of float32, shape (K,)
        Added to the logits in the loss, never in a prediction.
    margins : ndarray of float32, shape (K,)
        Taken off the logit of a sample's own class in the loss, never in a prediction.
    scale : float
        Multiplies the logits, in the loss and in predictions.
    late_weights : ndarray of float32, shape (K,), or None
        Weights of the classes from `late_from` on.
    late_from : float
        Share of the epochs that are done when the late weights begin; 1 where there are none.
    """

    weights: np.ndarray
    gamma: float
    shift: np.ndarray
    margins: np.ndarray
    scale: float
    late_weights: np.ndarray | None = None
    late_from: float = 1.0

    def weights_at(self, progress: float) -> np.ndarray:
        """Return the weights of the classes when a share `progress` of the epochs is done."""
        return self.weights if self.late_weights is None or progress < self.late_from else self.late_weights


def objective_of(strategy: StrategySpec, labels: np.ndarray, classes: Sequence[str]) -> Objective:
    """Return a strategy's objective for the samples that are trained on.

    Parameters
    ----------
    strategy : StrategySpec
    labels : ndarray of int, shape (n,)
        After any resampling: weights, shift and margins belong to the classes as training meets them.
    classes : sequence of str
        Names, in the order of the labels.

    Raises
    ------
    DatasetError
        If a class has no sample.
    ModelError
        If alpha names other classes.

    References
    ----------
    Cao et al. (2019), arXiv:1906.07413, equation 13 (margins C / n^(1/4), C such that the largest is `max_margin`)
    and algorithm 1 (deferred re-weighting); Menon et al. (2021), arXiv:2007.07314, equation 10 (logits + tau log prior).
    """
    count = len(classes)
    flat = np.ones(count, np.float32)
    weights = weights_of(strategy.weights, labels, count, beta=strategy.beta)
    shift = margins = np.zeros(count, np.float32)
    if strategy.prior == "trained":
        shift = np.asarray(strategy.log_prior(labels, count), np.float32)
    if strategy.margin == "none":
        alpha = np.asarray(strategy.alpha_of(classes), np.float32)
        return Objective(weights * alpha, strategy.gamma or 0.0, shift, margins, 1.0)
    assert strategy.max_margin is not None and strategy.scale is not None and strategy.deferred is not None
    slack = full_counts(labels, count) ** -0.25
    margins = (slack * strategy.max_margin / slack.max()).astype(np.float32)
    late = weights if strategy.deferred < 1 else None
    return Objective(flat, strategy.gamma or 0.0, shift, margins, strategy.scale, late_weights=late, late_from=strategy.deferred)
