"""From predictions to `metrics.json`: every score with its interval, its prevalence and its baseline."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.models import Evaluation
from fringeflow.evaluation import metrics
from fringeflow.evaluation.bootstrap import FEW_GROUPS, SEED, bootstrap, draw_groups, interval
from fringeflow.evaluation.events import event_rows
from fringeflow.evaluation.figures import draw_evaluation
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.scores import Scorer, calibration_curve, calibration_scores
from fringeflow.evaluation.temperature import at_temperatures, fit_temperatures
from fringeflow.evaluation.thresholds import operating_points
from fringeflow.files import read_json, write_json

DECIMALS = 6
SeedScores = Callable[[int, np.ndarray], Mapping[str, np.ndarray]]
OF_ALL_GROUPS = {"brier", "log_loss", "ece", "accuracy"}
"""Scores that every sample bears on alike; all others hang on the groups of the rarest class."""


def evaluate_run(
    predictions: str | Path, dataset: str | Path, settings: Evaluation, *, out: str | Path, figure: str | Path
) -> dict[str, Any]:
    """Score a run on validation and test, and picture the test.

    Two operating points are reported: `default` (probability 0.5; without a positive class the likeliest) and
    `validation` (the threshold that served `settings.threshold` best on validation, one a seed). On the validation part itself
    the latter flatters, which `chosen_here` says. Probabilities are scored as they are and, under `calibrated`, at the temperature
    that validation chose (one a seed, `temperature`); nothing else uses the scaled ones.

    Parameters
    ----------
    predictions : path of `predictions.parquet`
    dataset : path of `dataset.json`
    settings : Evaluation
    out : path of the `metrics.json` to write
    figure : path of the picture to write

    Returns
    -------
    dict
        What was written to `out`.

    Raises
    ------
    DatasetError
        If the predictions do not fit the dataset or are no probabilities.
    """
    described = read_json(dataset)
    parts = read_predictions(predictions, described)
    thresholds = operating_points(parts["validation"], settings.threshold)
    temperatures = fit_temperatures(parts["validation"])
    scorers = {part: Scorer(found, thresholds, settings.false_alarms_per_frame) for part, found in parts.items()}
    result = {
        "dataset": described["name"],
        "digest": described["digest"],
        "classes": described["classes"],
        "positive": described.get("positive"),
        "seeds": parts["test"].seeds,
        "bootstrap": {"draws": settings.bootstrap, "confidence": settings.confidence, "seed": SEED, "unit": "group of events"},
        "false_alarms_per_frame": settings.false_alarms_per_frame,
        "temperature": temperatures,
        "splits": {part: _evaluate_part(part, scorer, temperatures, settings) for part, scorer in scorers.items()},
    }
    result = _plain(result)
    draw_evaluation(figure, scorers["test"], result, run=Path(out).parts[-5:-1])
    write_json(out, result)
    return result


def _evaluate_part(part: str, scorer: Scorer, temperatures: Sequence[float], settings: Evaluation) -> dict[str, Any]:
    """Return everything there is to say about one part of the dataset."""
    p = scorer.predictions
    scores = _with_bounds(p, scorer.seed, settings)
    cooled = at_temperatures(p, temperatures)
    calibrated = {
        "metrics": _with_bounds(cooled, lambda number, weights: calibration_scores(cooled, number, weights), settings),
        "calibration": calibration_curve(cooled),
        "fitted_here": part == "validation",
    }
    groups = int(p.groups.max()) + 1
    holding = {name: p.groups_with(k) for k, name in enumerate(p.classes)}
    counts = {name: int((p.truth == k).sum()) for k, name in enumerate(p.classes)}
    share = None if p.positive is None else counts[p.classes[p.positive]] / len(p.truth)
    return {
        "n_tiles": len(p.truth),
        "n_groups": groups,
        "n_groups_by_class": holding,
        "n_events": int(p.samples["event"].nunique()),
        "n_interferograms": len(p.samples[["frame", "pair"]].drop_duplicates()),
        "class_counts": counts,
        "prevalence": share,
        "few_groups": min(holding.values()) < FEW_GROUPS,
        "degenerate_draws": _degenerate(p, settings.bootstrap),
        "baseline": baselines(counts, share),
        **_by_place(scores, p, scorer),
        "chosen_here": ["validation"] if part == "validation" and "validation" in scorer.thresholds else [],
        "calibration": calibration_curve(p),
        "calibrated": calibrated,
        "events": event_rows(scorer),
    }


def _with_bounds(p: Predictions, seed: SeedScores, settings: Evaluation) -> dict[str, dict[str, float]]:
    """Return scores by name: the mean over seeds, its interval over groups, and the deviation between seeds.

    Parameters
    ----------
    p : Predictions
    seed : callable
        Takes the place of a seed and weights, shape (b, n), and returns arrays of shape (b,) by name.
    settings : Evaluation
    """
    numbers = range(len(p.seeds))

    def over_seeds(weights: np.ndarray) -> dict[str, np.ndarray]:
        found = [seed(number, weights) for number in numbers]
        return {name: np.mean([scores[name] for scores in found], axis=0) for name in found[0]}

    once = [seed(number, np.ones((1, len(p.truth)))) for number in numbers]
    draws = bootstrap(over_seeds, p.groups, draws=settings.bootstrap, seed=SEED)
    every, rarest = int(p.groups.max()) + 1, min(p.groups_with(k) for k in range(len(p.classes)))
    scores = {}
    for name, values in draws.items():
        by_seed = np.array([float(found[name][0]) for found in once])
        lower, upper = interval(values, settings.confidence, every if name.split("/")[-1] in OF_ALL_GROUPS else rarest)
        scores[name] = {"value": by_seed.mean(), "lower": lower, "upper": upper}
        if len(once) > 1:
            scores[name]["seed_sd"] = by_seed.std(ddof=1)
    return scores


def _degenerate(predictions: Predictions, draws: int) -> int:
    """Count the draws that leave some class without a sample; scores that need it leave them out."""
    groups = predictions.groups
    counts = draw_groups(int(groups.max()) + 1, draws, SEED)
    held = np.zeros((counts.shape[1], len(predictions.classes)), dtype=int)
    held[groups, predictions.truth] = 1
    return int((counts @ held == 0).any(1).sum())


def baselines(counts: Mapping[str, int], prevalence: float | None) -> dict[str, dict[str, float]]:
    """Return what classifiers that look at nothing score.

    Parameters
    ----------
    counts : mapping of class to samples
    prevalence : float or None
        Share of the positive class, if there is one.

    Returns
    -------
    dict
        `majority`: always the most frequent class. With a positive class also `always_positive`, and
        `prevalence`: the probability of every sample is the prevalence (ranks at random).
    """
    total, most = sum(counts.values()), max(counts.values())
    rare_f1 = 2 * most / (total + most)
    found = {"majority": {"accuracy": most / total, "mcc": 0.0, "f1": 0.0, "macro_f1": rare_f1 / len(counts)}}
    if prevalence is not None and 0 < prevalence < 1:
        entropy = -prevalence * math.log(prevalence) - (1 - prevalence) * math.log(1 - prevalence)
        if prevalence > 0.5:
            found["majority"]["f1"] = 2 * prevalence / (1 + prevalence)
        found["always_positive"] = {"accuracy": prevalence, "mcc": 0.0, "f1": 2 * prevalence / (1 + prevalence), "recall": 1.0}
        found["prevalence"] = {"pr_auc": prevalence, "roc_auc": 0.5, "brier": prevalence * (1 - prevalence), "log_loss": entropy}
    return found


def _by_place(scores: Mapping[str, dict[str, float]], p: Predictions, scorer: Scorer) -> dict[str, Any]:
    """Sort flat names into `metrics`, `per_class` and `operating_points`."""
    placed: dict[str, Any] = {"metrics": {}, "per_class": {}, "operating_points": {}}
    ones = np.ones(len(p.truth))
    for point, decisions in scorer.decisions.items():
        matrices = [metrics.confusion(p.truth, predicted, ones, len(p.classes)) for predicted in decisions]
        placed["operating_points"][point] = {
            "thresholds": list(scorer.thresholds[point]) if p.positive is not None else None,
            "confusion": np.mean(matrices, axis=0).tolist(),
            "metrics": {},
            "per_class": {name: {} for name in p.classes},
        }
    for name, score in scores.items():
        first, *rest = name.split("/", 2)
        point = placed["operating_points"].get(first)
        if not rest:
            placed["metrics"][first] = score
        elif point is None:
            placed["per_class"].setdefault(rest[0], {})[first] = score
        elif len(rest) == 1:
            point["metrics"][rest[0]] = score
        else:
            point["per_class"][rest[1]][rest[0]] = score
    return placed


def _plain(value: Any) -> Any:
    """Turn NumPy values into plain ones, round, and write what is undefined as null."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, float | np.floating):
        return round(float(value), DECIMALS) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
