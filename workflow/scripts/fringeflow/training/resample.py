"""The training split as a strategy's sampler would have it."""

import numpy as np

from fringeflow.imbalance.sampling import resample, smote
from fringeflow.imbalance.spec import StrategySpec
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold


def resampled(fold: Fold, strategy: StrategySpec, classes: int, seed: int) -> Fold:
    """Return the samples to train on.

    Parameters
    ----------
    fold : Fold
    strategy : StrategySpec
    classes : int
    seed : int

    Returns
    -------
    Fold
        The same one if the strategy has no sampler. A sample that SMOTE makes weighs what those of its class do on average.

    Raises
    ------
    DatasetError
        If SMOTE must grow a class of one sample.
    """
    ratio = 1.0 if strategy.ratio is None else strategy.ratio
    if strategy.sampler == "none":
        return fold
    if strategy.sampler == "smote":
        features, labels = smote(fold.features.all(), fold.labels, ratio=ratio, seed=seed)
        means = np.bincount(fold.labels, fold.weights, classes) / np.maximum(fold.counts(classes), 1)
        return fold.joined(Fold(Features.of(features), labels, means[labels].astype(np.float32)))
    return fold.select(resample(strategy.sampler, fold.labels, ratio=ratio, seed=seed))
