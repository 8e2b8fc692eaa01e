"""The stages of a cascade, each scored by itself, from the final probabilities alone.

So any run can be looked at through the stages, a flat one as well: what a cascade gained or lost at a stage is then seen
beside the flat classifier at the very same question.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import Level
from fringeflow.evaluation import metrics
from fringeflow.evaluation.baselines import baselines
from fringeflow.evaluation.bootstrap import FEW_GROUPS
from fringeflow.evaluation.bounds import degenerate_draws, with_bounds
from fringeflow.evaluation.predictions import Predictions


def score_stages(p: Predictions, levels: Sequence[Level], settings: Evaluation) -> list[dict[str, Any]]:
    """Score every stage.

    Parameters
    ----------
    p : Predictions
    levels : sequence of Level
    settings : Evaluation

    Returns
    -------
    list of dict
        Of each stage: `name`, `classes`, `split` (the merged class that it tells apart, of the first none), `n_tiles` and `n_groups`
        (those that truly belong to it), `class_counts`, `few_groups`, `degenerate_draws`, `baseline`, `confusion`, `metrics` (`accuracy`,
        `macro_f1`) and `per_class` (`precision`, `recall`, `f1`), with bounds. The likeliest class of the stage is called.
    """
    return [_score_stage(stage_predictions(p, level), level, settings) for level in levels]


def stage_predictions(p: Predictions, level: Level) -> Predictions:
    """Return what predictions say at a stage, of the samples that truly belong to it.

    Parameters
    ----------
    p : Predictions
    level : Level

    Returns
    -------
    Predictions
        p(merged) is the sum over its members; given that a sample belongs to the stage, each is divided by the sum of all. Where
        that is 0, all are alike.
    """
    members = [[p.classes.index(leaf) for leaf in level.members[name]] for name in level.classes]
    number = np.full(len(p.classes), -1)
    for place, leaves in enumerate(members):
        number[leaves] = place
    rows = np.flatnonzero(number[p.truth] >= 0)
    sums = np.stack([p.probability[:, rows][..., leaves].sum(-1) for leaves in members], axis=-1)
    probability = metrics.divide(sums, sums.sum(-1, keepdims=True), 1 / len(members))
    samples = p.samples.iloc[rows].reset_index(drop=True)
    return replace(p, samples=samples, truth=number[p.truth[rows]], probability=probability, classes=list(level.classes), positive=None)


def _score_stage(p: Predictions, level: Level, settings: Evaluation) -> dict[str, Any]:
    called = p.probability.argmax(-1)

    def seed(number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        matrix = metrics.confusion(p.truth, called[number], weights, len(p.classes))
        by_class = dict(zip(("precision", "recall", "f1"), metrics.precision_recall_f1(matrix), strict=True))
        found = {"accuracy": metrics.accuracy(matrix), "macro_f1": by_class["f1"].mean(-1)}
        return found | {f"{score}/{name}": values[..., k] for score, values in by_class.items() for k, name in enumerate(p.classes)}

    scores = with_bounds(p, seed, settings)
    counts = {name: int((p.truth == k).sum()) for k, name in enumerate(p.classes)}
    ones = np.ones(len(p.truth))
    return {
        "name": level.name,
        "classes": p.classes,
        "split": level.split or None,
        "n_tiles": len(p.truth),
        "n_groups": int(p.groups.max()) + 1,
        "class_counts": counts,
        "few_groups": min(p.groups_with(k) for k in range(len(p.classes))) < FEW_GROUPS,
        "degenerate_draws": degenerate_draws(p, settings.bootstrap),
        "baseline": baselines(counts, None),
        "confusion": np.mean([metrics.confusion(p.truth, one, ones, len(p.classes)) for one in called], axis=0).tolist(),
        "metrics": {name: scores[name] for name in ("accuracy", "macro_f1")},
        "per_class": {name: {score: scores[f"{score}/{name}"] for score in ("precision", "recall", "f1")} for name in p.classes},
    }
