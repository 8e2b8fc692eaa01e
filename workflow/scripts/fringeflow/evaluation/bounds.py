"""Scores with their intervals: means over seeds, bounds over groups."""

from collections.abc import Callable, Mapping

import numpy as np

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.bootstrap import SEED, bootstrap, draw_groups, interval
from fringeflow.evaluation.predictions import Predictions

SeedScores = Callable[[int, np.ndarray], Mapping[str, np.ndarray]]
OF_ALL_GROUPS = {"brier", "log_loss", "ece", "accuracy"}
"""Scores that every sample bears on alike. Those of one class hang on the groups with it and those with another, whichever are
fewer; all others on the groups of the rarest class."""


def with_bounds(p: Predictions, seed: SeedScores, settings: Evaluation) -> dict[str, dict[str, float]]:
    """Return scores by name: the mean over seeds, its interval over groups, and the deviation between seeds.

    Parameters
    ----------
    p : Predictions
    seed : callable
        Takes the place of a seed and weights, shape (b, n), and returns arrays of shape (b,) by name.
    settings : Evaluation

    Returns
    -------
    dict of str to dict
        `value`, `lower`, `upper`, and with several seeds `seed_sd`.
    """
    numbers = range(len(p.seeds))

    def over_seeds(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = [seed(number, weights) for number in numbers]
        return {name: np.mean([scores[name] for scores in found], axis=0) for name in found[0]}

    once = [seed(number, np.ones((1, len(p.truth)))) for number in numbers]
    draws = bootstrap(over_seeds, p.groups, draws=settings.bootstrap, seed=SEED)
    every, held = int(p.groups.max()) + 1, [p.groups_with(k) for k in range(len(p.classes))]
    bearing = {name: min(held[k], p.groups_without(k)) for k, name in enumerate(p.classes)} | dict.fromkeys(OF_ALL_GROUPS, every)
    scores = {}
    for name, values in draws.items():
        by_seed = np.array([float(found[name][0]) for found in once])
        lower, upper = interval(values, settings.confidence, bearing.get(name.split("/")[-1], min(held)))
        scores[name] = {"value": by_seed.mean(), "lower": lower, "upper": upper}
        if len(once) > 1:
            scores[name]["seed_sd"] = by_seed.std(ddof=1)
    return scores


def degenerate_draws(p: Predictions, draws: int) -> int:
    """Count the draws that leave some class without a sample; scores that need it leave them out."""
    counts = draw_groups(int(p.groups.max()) + 1, draws, SEED)
    held = np.zeros((counts.shape[1], len(p.classes)), dtype=int)
    held[p.groups, p.truth] = 1
    return int((counts @ held == 0).any(1).sum())
