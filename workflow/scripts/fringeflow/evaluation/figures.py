"""One picture of a run on the test part: curves against their baselines, calibration, errors, events."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, frame, new_figure, save_picture, styled
from fringeflow.evaluation.bootstrap import draw_groups, tail
from fringeflow.evaluation.metrics import Ranking, divide
from fringeflow.evaluation.scores import Scorer

GRID = np.linspace(0, 1, 101)
BAND_DRAWS = 300
MOST_EVENTS = 18
MAIN, OTHER = PALETTE[0], PALETTE[1]
Band = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw_evaluation(path: str | Path, scorer: Scorer, result: dict[str, Any]) -> None:
    """Picture a run's test scores.

    Parameters
    ----------
    path : path of the PNG
    scorer : Scorer
        Of the test part.
    result : dict
        The content of `metrics.json`.
    """
    test, confidence = result["splits"]["test"], result["bootstrap"]["confidence"]
    bands = _bands(scorer, confidence)
    figure = new_figure(12.5, 8.2, layout="constrained")
    with styled():
        axes = figure.subplots(2, 3)
        _precision_recall(axes[0, 0], scorer, test, bands)
        _roc(axes[0, 1], scorer, test, bands)
        _reliability(axes[0, 2], test, scorer)
        _confusion(axes[1, 0], test, result["classes"])
        _histogram(axes[1, 1], scorer, test)
        _events(axes[1, 2], scorer, test)
        figure.suptitle(_title(result), x=0.01, ha="left", fontsize=11)
    save_picture(figure, path)


def _title(result: dict[str, Any]) -> str:
    """Say what was scored, and what the intervals are worth."""
    test, seeds = result["splits"]["test"], len(result["seeds"])
    level = f"{100 * result['bootstrap']['confidence']:g} % intervals over events"
    if test["n_groups"] == 1:
        level = "one event gives no interval"
    elif test["few_groups"]:
        level += "; few events: rather too narrow"
    events = f"{test['n_groups']} event{'s' if test['n_groups'] > 1 else ''}"
    runs = f"mean of {seeds} seeds" if seeds > 1 else "1 seed"
    return f"{result['dataset']}, test: {test['n_tiles']} tiles of {events}, {runs}; {level}"


def _shown(score: dict[str, float | None], digits: int = 2) -> str:
    """Write a score with its interval."""
    if score["lower"] is None:
        return "undefined" if score["value"] is None else f"{score['value']:.{digits}f}"
    return f"{score['value']:.{digits}f} [{score['lower']:.{digits}f}, {score['upper']:.{digits}f}]"


def _precision_at(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Return the precision at the first threshold that reaches each recall of `GRID`."""
    precision = divide(true, true + false)
    recall = divide(true, true[-1:])
    at = np.minimum(np.searchsorted(recall, GRID - 1e-12), len(recall) - 1)
    # The first threshold of all may accept nothing that counts in this draw.
    return np.where(np.isnan(precision[at]), 1.0, precision[at])


def _recall_at(true: np.ndarray, false: np.ndarray) -> np.ndarray:
    """Return the recall at each false positive rate of `GRID`."""
    return np.interp(GRID, np.append(0, divide(false, false[-1:])), np.append(0, divide(true, true[-1:])))


def _bands(scorer: Scorer, confidence: float) -> dict[int, dict[str, Band]]:
    """Return, by class, the curves of both kinds on `GRID`: mean over seeds and pointwise interval over draws of groups."""
    groups = scorer.predictions.groups
    count = int(groups.max()) + 1
    cut = tail(confidence, count) if count > 1 else 0.5
    draws = draw_groups(count, BAND_DRAWS, 0)
    bands: dict[int, dict[str, Band]] = {}
    for k, _, _ in _targets(scorer):
        rankings = [seed[k] for seed in scorer.rankings]
        value = curves_at(rankings, np.ones(len(groups)))
        drawn = [found for found in (curves_at(rankings, counts[groups]) for counts in draws) if not np.isnan(found).any()]
        lower, upper = np.quantile(drawn, [cut, 1 - cut], axis=0) if drawn and count > 1 else (value, value)
        bands[k] = {name: (value[i], lower[i], upper[i]) for i, name in enumerate(("precision", "recall"))}
    return bands


def curves_at(rankings: list[Ranking], weights: np.ndarray) -> np.ndarray:
    """Return precision by recall and recall by false positive rate, means over seeds, shape (2, len(GRID)); NaN if undefined."""
    pairs = [ranking.curves(weights) for ranking in rankings]
    if any(true[-1] == 0 or false[-1] == 0 for true, false in pairs):
        return np.full((2, len(GRID)), np.nan)
    return np.mean([[_precision_at(*pair), _recall_at(*pair)] for pair in pairs], axis=0)


def _targets(scorer: Scorer) -> list[tuple[int, str, str]]:
    """Return the classes to draw curves of, each with its name and colour."""
    p = scorer.predictions
    classes = [p.positive] if p.positive is not None else scorer.ranked_classes
    return [(k, p.classes[k], PALETTE[number % len(PALETTE)]) for number, k in enumerate(classes)]


def _curves(axes: Axes, scorer: Scorer, bands: dict[int, dict[str, Band]], kind: str) -> None:
    """Draw one curve a class; with an interval if it is the only one."""
    targets = _targets(scorer)
    for k, name, colour in targets:
        value, lower, upper = bands[k][kind]
        if len(targets) == 1:
            axes.fill_between(GRID, lower, upper, color=colour, alpha=0.18, lw=0)
        axes.plot(GRID, value, color=colour, lw=1.8, label=name)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    if len(targets) > 1:
        axes.legend(loc="lower right")


def _precision_recall(axes: Axes, scorer: Scorer, test: dict[str, Any], bands: dict[int, dict[str, Band]]) -> None:
    _curves(axes, scorer, bands, "precision")
    if test["prevalence"] is not None:
        axes.axhline(test["prevalence"], color=INK, lw=1, ls="--")
        note = axes.annotate(f"prevalence {test['prevalence']:.3f}", (0.02, test["prevalence"]), xytext=(0, 4), textcoords="offset points")
        note.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axes.set(xlabel="recall", ylabel="precision", title=f"PR-AUC {_shown(test['metrics']['pr_auc'])}")


def _roc(axes: Axes, scorer: Scorer, test: dict[str, Any], bands: dict[int, dict[str, Band]]) -> None:
    _curves(axes, scorer, bands, "recall")
    axes.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    axes.set(xlabel="false positive rate", ylabel="recall", title=f"ROC-AUC {_shown(test['metrics']['roc_auc'])}")


def _reliability(axes: Axes, test: dict[str, Any], scorer: Scorer) -> None:
    rows = test["calibration"]
    x, y, n = (np.array([row[key] for row in rows]) for key in ("probability", "frequency", "tiles"))
    axes.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    axes.plot(x, y, color=MAIN, lw=1.2, zorder=2)
    axes.scatter(x, y, s=12 + 60 * n / n.max(), color=MAIN, zorder=3, clip_on=False)
    for number, (a, b, count) in enumerate(zip(x, y, n, strict=True)):
        above = b < 0.9 and (number % 2 == 0 or b < 0.08)
        place: Any = {"xytext": (0, 7 if above else -13), "textcoords": "offset points", "ha": "left" if a < 0.05 else "center"}
        axes.annotate(f"{count:.0f}", (a, b), fontsize=7, color=FAINT, **place)
    what = "predicted probability" if scorer.predictions.positive is not None else "probability of the likeliest class"
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel=f"{what} (numbers: tiles)", ylabel="observed frequency")
    axes.set_title(f"Calibration: ECE {_shown(test['metrics']['ece'])}")


def _confusion(axes: Axes, test: dict[str, Any], classes: list[str]) -> None:
    points = test["operating_points"]
    name = "validation" if "validation" in points else "default"
    draw_matrix(axes, np.array(points[name]["confusion"]), classes)
    limit = "threshold from validation" if name == "validation" else "likeliest class"
    axes.set_title(f"{limit}: F1 {_shown(points[name]['metrics']['f1'])}")


def draw_matrix(axes: Axes, matrix: np.ndarray, classes: list[str]) -> None:
    """Draw a confusion matrix, coloured by the share of each true class, into axes.

    Parameters
    ----------
    axes : Axes
    matrix : ndarray, shape (K, K)
        Tiles by true class (rows) and predicted class (columns).
    classes : list of str
    """
    share = divide(matrix, matrix.sum(1, keepdims=True), 0.0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.25)
    for i, j in np.ndindex(*matrix.shape):
        text = f"{matrix[i, j]:.4g}\n{100 * share[i, j]:.1f} %"
        axes.text(j, i, text, ha="center", va="center", color="white" if share[i, j] > 0.65 else INK)
    labels = [label.replace("_", "\n") for label in classes]
    axes.set_xticks(range(len(classes)), labels)
    axes.set_yticks(range(len(classes)), labels)
    axes.tick_params(length=0)
    frame(axes)
    axes.set(xlabel="called", ylabel="is")


def _histogram(axes: Axes, scorer: Scorer, test: dict[str, Any]) -> None:
    p = scorer.predictions
    bins = np.linspace(0, 1, 31).tolist()
    for k, name in enumerate(p.classes):
        rare = p.positive is None or k == p.positive
        column = p.positive if p.positive is not None else k
        colour = (OTHER if rare else FAINT) if p.positive is not None else PALETTE[k % len(PALETTE)]
        scores = p.probability[:, p.truth == k, column].ravel()
        axes.hist(scores, bins, weights=np.full(len(scores), 1 / len(p.seeds)), histtype="step", lw=1.6, color=colour, label=name)
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylabel="tiles", title="Scores by true class")
    axes.set_xlabel("predicted probability of the positive class" if p.positive is not None else "probability of the own class")
    thresholds = test["operating_points"].get("validation", {}).get("thresholds") or []
    for number, threshold in enumerate(thresholds):
        axes.axvline(threshold, color=INK, lw=1, ls=":", label=None if number else "threshold from validation")
    axes.legend(loc="upper right", frameon=True, framealpha=1, edgecolor="none", borderpad=0.2)
    axes.set_ylim(0.5 / len(p.seeds), axes.get_ylim()[1] * 6)


def _events(axes: Axes, scorer: Scorer, test: dict[str, Any]) -> None:
    rows = [row for row in test["events"] if row["positives"]]
    if not rows:
        axes.set_axis_off()
        return
    rows.sort(key=lambda row: (row["validation"]["recall"], row["event"]))
    dropped = max(0, len(rows) - MOST_EVENTS)
    rows = rows[:MOST_EVENTS]
    height = [float(y) for y in range(len(rows))]
    recalls = [row["validation"]["recall"] for row in rows]
    axes.barh(height, recalls, height=0.62, color=[MAIN if row["validation"]["detected"] >= 0.5 else OTHER for row in rows])
    for y, row in zip(height, rows, strict=True):
        alarms = row["validation"]["false_alarms_per_interferogram"]
        axes.text(1.02, y, f"{row['positives']} tiles, {alarms:.2g} false/ifg", va="center", fontsize=7, color=INK)
    names = [row["event"] if len(row["event"]) <= 16 else row["event"][:15] + "…" for row in rows]
    axes.set_yticks(height, names)
    axes.set(xlim=(0, 1.5), ylim=(max(len(rows), 6) - 0.4, -0.6), xlabel="recall at the threshold from validation")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    shown = f"Worst {MOST_EVENTS} of {MOST_EVENTS + dropped} events" if dropped else "By event"
    axes.set_title(f"{shown}; detected {_shown(test['operating_points']['validation']['metrics']['events_detected'])}")
