"""Every score of a run under any weighting of its samples: the one function that the bootstrap repeats.

Names are paths: `pr_auc`, `default/mcc`, `validation/recall/deformation`. Each seed is scored by itself; who averages seeds
within each weighting gets an interval of the mean over seeds, with the draws of earthquakes common to all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from fringeflow.evaluation import metrics
from fringeflow.evaluation.metrics import Ranking, divide, mean
from fringeflow.evaluation.predictions import Predictions
from fringeflow.evaluation.thresholds import decide

BINS = 10


@dataclass(frozen=True)
class Scorer:
    """The scores of one part of a dataset, ready for many weightings.

    Parameters
    ----------
    predictions : Predictions
    thresholds : mapping of str to sequence of float
        By name of the operating point, one threshold a seed.
    false_alarms : float
        Tolerated false alarms an interferogram.
    """

    predictions: Predictions
    thresholds: Mapping[str, Sequence[float]]
    false_alarms: float
    rankings: list[dict[int, Ranking]] = field(init=False)
    decisions: dict[str, list[np.ndarray]] = field(init=False)
    share: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Sort once for each seed and class."""
        p = self.predictions
        ranked = [{k: Ranking.of(p.truth == k, values[:, k]) for k in self.ranked_classes} for values in p.probability]
        decisions = {
            name: [decide(values, p.positive, threshold) for values, threshold in zip(p.probability, chosen, strict=True)]
            for name, chosen in self.thresholds.items()
        }
        object.__setattr__(self, "rankings", ranked)
        object.__setattr__(self, "decisions", decisions)
        object.__setattr__(self, "share", p.interferogram_share)

    @property
    def ranked_classes(self) -> list[int]:
        """Classes scored one against the rest: of two, the positive one says it all."""
        p = self.predictions
        return [p.positive] if p.positive is not None and len(p.classes) == 2 else list(range(len(p.classes)))

    def seed(self, number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Score one seed, by its place among the seeds, under weightings.

        Parameters
        ----------
        number : int
        weights : ndarray, shape (draws, n)

        Returns
        -------
        dict of str to ndarray, shape (draws,)
        """
        return {**self.discrimination(number, weights), **calibration_scores(self.predictions, number, weights)}

    def discrimination(self, number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        """Score the order and the decisions of one seed, not its probabilities."""
        return {**self._ranking(number, weights), **self._decision(number, weights)}

    def _ranking(self, number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        p = self.predictions
        total, frames = weights.sum(-1), weights @ self.share
        by_class: dict[str, dict[int, np.ndarray]] = {"pr_auc": {}, "roc_auc": {}, "pr_auc_gain": {}}
        if p.positive is not None:  # an alarm is a call of the one class that is looked for
            by_class["recall_at_false_alarms"] = {}
        for k, ranking in self.rankings[number].items():
            true, false = ranking.curves(weights)
            by_class["pr_auc"][k] = metrics.average_precision(true, false)
            by_class["pr_auc_gain"][k] = by_class["pr_auc"][k] - divide(true[..., -1], total)
            by_class["roc_auc"][k] = metrics.roc_auc(true, false)
            if p.positive is not None:
                by_class["recall_at_false_alarms"][k] = metrics.recall_at_false_alarms(true, false, self.false_alarms * frames)
        scores = {}
        for name, values in by_class.items():
            macro = np.mean(list(values.values()), axis=0)
            scores[name] = macro if p.positive is None else values[p.positive]
            if len(values) > 1:
                scores[f"{name}_macro"] = macro
                scores |= {f"{name}/{p.classes[k]}": value for k, value in values.items()}
        return scores

    def _decision(self, number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
        p = self.predictions
        frames = weights @ self.share
        scores: dict[str, np.ndarray] = {}
        for point, decisions in self.decisions.items():
            predicted = decisions[number]
            matrix = metrics.confusion(p.truth, predicted, weights, len(p.classes))
            precision, recall, f1 = metrics.precision_recall_f1(matrix)
            found = {"accuracy": metrics.accuracy(matrix), "mcc": metrics.matthews(matrix), "macro_f1": f1.mean(-1)}
            found |= {f"f1/{name}": f1[..., k] for k, name in enumerate(p.classes)}
            found |= {f"precision/{name}": precision[..., k] for k, name in enumerate(p.classes)}
            found |= {f"recall/{name}": recall[..., k] for k, name in enumerate(p.classes)}
            if p.positive is None:
                found |= {"f1": f1.mean(-1), "precision": precision.mean(-1), "recall": recall.mean(-1)}
            else:
                found |= {"f1": f1[..., p.positive], "precision": precision[..., p.positive], "recall": recall[..., p.positive]}
                alarms = matrix[..., p.positive].sum(-1) - matrix[..., p.positive, p.positive]
                found["false_alarms_per_interferogram"] = divide(alarms, frames)
                events, detected = event_detection(p, predicted)
                found["events_detected"] = divide(weights @ detected, weights @ events)
            scores |= {f"{point}/{name}": value for name, value in found.items()}
        return scores


def calibration_scores(predictions: Predictions, number: int, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Score the probabilities of one seed under weightings.

    Parameters
    ----------
    predictions : Predictions
    number : int
        Place among the seeds.
    weights : ndarray, shape (draws, n)

    Returns
    -------
    dict of str to ndarray, shape (draws,)
        `brier`, `log_loss`, `ece`.
    """
    values = predictions.probability[number]
    table = metrics.calibration(*outcome_and_confidence(predictions, number), weights, BINS)
    return {
        "brier": mean(metrics.brier(predictions.truth, values), weights),
        "log_loss": mean(metrics.log_loss(predictions.truth, values), weights),
        "ece": metrics.expected_calibration_error(table),
    }


def calibration_curve(p: Predictions) -> list[dict[str, float]]:
    """Return the calibration curve, pooled over seeds; empty bins are left out."""
    ones = np.ones(len(p.truth)) / len(p.seeds)
    table = sum(metrics.calibration(*outcome_and_confidence(p, number), ones, BINS) for number in range(len(p.seeds)))
    return [
        {"lower": k / BINS, "upper": (k + 1) / BINS, "tiles": weight, "probability": probability / weight, "frequency": outcome / weight}
        for k, (weight, probability, outcome) in enumerate(np.asarray(table))
        if weight > 0
    ]


def outcome_and_confidence(predictions: Predictions, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what calibration is about: the positive class and its probability, or the likeliest class and whether it is right.

    Parameters
    ----------
    predictions : Predictions
    number : int
        Place among the seeds.

    Returns
    -------
    outcome : ndarray of bool, shape (n,)
    probability : ndarray, shape (n,)
    """
    values, truth = predictions.probability[number], predictions.truth
    if predictions.positive is not None:
        return truth == predictions.positive, values[:, predictions.positive]
    return truth == values.argmax(1), values.max(1)


def event_detection(predictions: Predictions, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mark one sample for each event that has positives, and again if the event is detected.

    An event is detected when a tile that does hold the positive class is called so; an alarm elsewhere does not count.

    Parameters
    ----------
    predictions : Predictions
    predicted : ndarray of int, shape (n,)

    Returns
    -------
    events, detected : ndarray, shape (n,)
        1 at one tile of the event, 0 elsewhere; sums over samples count events.
    """
    actual = np.flatnonzero(predictions.truth == predictions.positive)
    names = predictions.samples["event"].to_numpy()[actual]
    _, first, event = np.unique(names, return_index=True, return_inverse=True)
    hits = np.zeros(len(first))
    np.maximum.at(hits, event, predicted[actual] == predictions.positive)
    events, detected = np.zeros(len(predicted)), np.zeros(len(predicted))
    events[actual[first]] = 1
    detected[actual[first]] = hits
    return events, detected
