"""From predictions to `metrics.json`: every score with its interval, its prevalence and its baseline."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import Level, Stage, resolve_stages
from fringeflow.evaluation import metrics
from fringeflow.evaluation.baselines import baselines
from fringeflow.evaluation.bootstrap import FEW_GROUPS, SEED
from fringeflow.evaluation.bounds import degenerate_draws, with_bounds
from fringeflow.evaluation.events import event_rows
from fringeflow.evaluation.figures import draw_evaluation
from fringeflow.evaluation.hard_pair import hard_pair
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.evaluation.scores import Scorer, calibration_curve, calibration_scores
from fringeflow.evaluation.stage_scores import score_stages
from fringeflow.evaluation.temperature import at_temperatures, fit_temperatures
from fringeflow.evaluation.thresholds import operating_points
from fringeflow.evaluation.words import Words
from fringeflow.files import read_json, write_json

DECIMALS = 6


def evaluate_run(
    predictions: str | Path,
    dataset: str | Path,
    settings: Evaluation,
    *,
    out: str | Path,
    figure: str | Path,
    run: str | Path | None = None,
    stages: Sequence[Stage] = (),
) -> dict[str, Any]:
    """Score a run on validation and test, and picture the test.

    Two operating points are reported: `default` (probability 0.5; without a positive class the likeliest) and
    `validation` (the threshold that served `settings.threshold` best on validation, one a seed). On the validation part itself
    the latter flatters, which `chosen_here` says. Probabilities are scored as they are and, under `calibrated`, at the temperature
    that validation chose (one a seed, `temperature`); nothing else uses the scaled ones.

    With more than two classes each part also names its `hard_pair`, the two that are most taken for each other there. A cascade, and a
    flat run of a dataset that has one, is scored at each of its `stages` too (see `score_stages`).

    Parameters
    ----------
    predictions : path of `predictions.parquet`
    dataset : path of `dataset.json`
    settings : Evaluation
    out : path of the `metrics.json` to write
    figure : path of the picture to write
    run : path of `run.json`, optional
        Says the run's architecture, and its stages if it is a cascade.
    stages : sequence of Stage
        Through which a flat run is looked at as well: those of a cascade of the same dataset.

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
    model = {} if run is None else read_json(run)["model"]
    own = tuple(map(Stage.from_dict, model.get("stages", ())))
    levels = resolve_stages(own or stages, described["classes"])
    parts = read_predictions(predictions, described)
    thresholds = operating_points(parts["validation"], settings.threshold)
    temperatures = fit_temperatures(parts["validation"])
    scorers = {part: Scorer(found, thresholds, settings.false_alarms_per_frame) for part, found in parts.items()}
    result = {
        "dataset": described["name"],
        "digest": described["digest"],
        "classes": described["classes"],
        "positive": described.get("positive"),
        "words": Words.of(described).as_dict(),
        "architecture": model.get("architecture"),
        "is_cascade": bool(own),
        "seeds": parts["test"].seeds,
        "bootstrap": {
            "draws": settings.bootstrap,
            "confidence": settings.confidence,
            "seed": SEED,
            "unit": f"group of {Words.of(described).groups}",
        },
        "false_alarms_per_frame": settings.false_alarms_per_frame,
        "temperature": temperatures,
        "splits": {part: _evaluate_part(part, scorer, temperatures, levels, settings) for part, scorer in scorers.items()},
    }
    result = _plain(result)
    draw_evaluation(figure, scorers["test"], result, run=Path(out).parts[-5:-1])
    write_json(out, result)
    return result


def _evaluate_part(
    part: str, scorer: Scorer, temperatures: Sequence[float], levels: Sequence[Level], settings: Evaluation
) -> dict[str, Any]:
    """Return everything there is to say about one part of the dataset."""
    p = scorer.predictions
    scores = with_bounds(p, scorer.seed, settings)
    cooled = at_temperatures(p, temperatures)
    calibrated = {
        "metrics": with_bounds(cooled, lambda number, weights: calibration_scores(cooled, number, weights), settings),
        "calibration": calibration_curve(cooled),
        "fitted_here": part == "validation",
    }
    groups = int(p.groups.max()) + 1
    holding = {name: p.groups_with(k) for k, name in enumerate(p.classes)}
    counts = {name: int((p.truth == k).sum()) for k, name in enumerate(p.classes)}
    share = None if p.positive is None else counts[p.classes[p.positive]] / len(p.truth)
    placed = _by_place(scores, p, scorer)
    return {
        "n_tiles": len(p.truth),
        "n_groups": groups,
        "n_groups_by_class": holding,
        "n_events": int(p.samples["event"].nunique()),
        "n_interferograms": len(p.samples[["frame", "pair"]].drop_duplicates()),
        "class_counts": counts,
        "prevalence": share,
        "few_groups": min(holding.values()) < FEW_GROUPS,
        "degenerate_draws": degenerate_draws(p, settings.bootstrap),
        "baseline": baselines(counts, share),
        **placed,
        "hard_pair": None if len(p.classes) < 3 else _hard_pair(placed["operating_points"]["default"], p.classes),
        "stages": score_stages(p, levels, settings),
        "chosen_here": ["validation"] if part == "validation" and "validation" in scorer.thresholds else [],
        "calibration": calibration_curve(p),
        "calibrated": calibrated,
        "events": event_rows(scorer),
    }


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


def _hard_pair(point: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any] | None:
    """Describe the two classes that are most taken for each other: how much (mean of both ways), each way, and the F1 of both."""
    matrix = np.asarray(point["confusion"])
    found = hard_pair(matrix)
    if found is None:
        return None
    ways = {classes[i]: matrix[i, j] / matrix[i].sum() for i, j in (found, found[::-1])}
    return {
        "classes": list(ways),
        "confused": np.mean(list(ways.values())),
        "called_the_other": ways,
        "f1": {name: point["per_class"][name]["f1"] for name in ways},
    }


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
