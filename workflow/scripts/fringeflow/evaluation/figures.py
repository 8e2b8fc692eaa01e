"""One picture of a run on the test part: curves against their baselines, calibration, errors, and events or classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, frame, new_figure, save_picture, styled
from fringeflow.evaluation.bootstrap import draw_groups, tail
from fringeflow.evaluation.class_panel import draw_class_scores, shown_score
from fringeflow.evaluation.dot_rows import title
from fringeflow.evaluation.metrics import Ranking, divide
from fringeflow.evaluation.scores import Scorer
from fringeflow.evaluation.words import Words

GRID = np.linspace(0, 1, 101)
BAND_DRAWS = 300
MOST_EVENTS = 18
HEAD = 0.56
"""Inches that the two lines above the panels take."""
ONE_LINE = 14
"""Letters of a class that fit below a column of a confusion matrix."""
MAIN, OTHER = PALETTE[0], PALETTE[1]
Band = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw_evaluation(path: str | Path, scorer: Scorer, result: dict[str, Any], *, run: Sequence[str] = ()) -> None:
    """Picture a run's test scores.

    Parameters
    ----------
    path : path of the PNG
    scorer : Scorer
        Of the test part.
    result : dict
        The content of `metrics.json`.
    run : sequence of str
        Dataset, view, model and strategy: the folders that a run lies in. Left out where the first is another dataset.
    """
    test, confidence, words = result["splits"]["test"], result["bootstrap"]["confidence"], Words.of(result)
    bands = _bands(scorer, confidence)
    figure = new_figure(12.5, 8.2, layout="constrained")
    with styled():
        axes = figure.subplots(2, 3)
        _precision_recall(axes[0, 0], scorer, test, bands)
        _roc(axes[0, 1], scorer, test, bands)
        _reliability(axes[0, 2], test, scorer, words)
        _confusion(axes[1, 0], test, result["classes"])
        _histogram(axes[1, 1], scorer, test, words)
        if scorer.predictions.positive is None:
            draw_class_scores(axes[1, 2], test, result["classes"])
        else:
            _events(axes[1, 2], scorer, test)
        figure.get_layout_engine().set(rect=(0, 0, 1, 1 - HEAD / figure.get_figheight()))  # type: ignore[union-attr, call-arg]
        title(figure, heading(result["dataset"], run), _setting(result))
    save_picture(figure, path)


def heading(dataset: str, run: Sequence[str]) -> str:
    """Name a run.

    Examples
    --------
    >>> heading("fringes", ("fringes", "wrapped", "resnet18", "focal"))
    'fringes / wrapped / resnet18 / focal'
    >>> heading("fringes", ("tmp", "some", "other", "folder"))
    'fringes'
    """
    return " / ".join(run) if run and run[0] == dataset else dataset


def _setting(result: dict[str, Any]) -> str:
    """Say what was scored, and what the intervals are worth."""
    test, seeds, words = result["splits"]["test"], len(result["seeds"]), Words.of(result)
    level = f"{100 * result['bootstrap']['confidence']:g} % intervals over {words.groups}"
    if test["n_groups"] == 1:
        level = f"one {words.group} gives no interval"
    elif test["few_groups"]:
        level += f"; few {words.groups}: rather too narrow"
    runs = f"mean of {seeds} seeds" if seeds > 1 else "1 seed"
    return f"test part: {test['n_tiles']} {words.samples} of {words.counted(test['n_groups'])}, {runs}; {level}"


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
    # Below the panel: within it the curve may be anywhere.
    base = "" if test["prevalence"] is None else f" (dashed: prevalence {test['prevalence']:.3f})"
    axes.set(xlabel=f"recall{base}", ylabel="precision", title=f"PR-AUC {shown_score(test['metrics']['pr_auc'])}")


def _roc(axes: Axes, scorer: Scorer, test: dict[str, Any], bands: dict[int, dict[str, Band]]) -> None:
    _curves(axes, scorer, bands, "recall")
    axes.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    axes.set(xlabel="false positive rate", ylabel="recall", title=f"ROC-AUC {shown_score(test['metrics']['roc_auc'])}")


def _reliability(axes: Axes, test: dict[str, Any], scorer: Scorer, words: Words) -> None:
    rows = test["calibration"]
    x, y, n = (np.array([row[key] for row in rows]) for key in ("probability", "frequency", "tiles"))
    axes.plot([0, 1], [0, 1], color=INK, lw=1, ls="--")
    axes.plot(x, y, color=MAIN, lw=1.2, zorder=2)
    axes.scatter(x, y, s=12 + 60 * n / n.max(), color=MAIN, zorder=3, clip_on=False)
    # In a line above the curve, each in the middle of its bin.
    for row in rows:
        axes.text((row["lower"] + row["upper"]) / 2, 1.09, _count(row["tiles"]), fontsize=7, color=INK, ha="center", va="center")
    what = "predicted probability" if scorer.predictions.positive is not None else "probability of the likeliest class"
    axes.set(xlim=(0, 1), ylim=(0, 1.14), xlabel=f"{what} (numbers: {words.samples})", ylabel="observed frequency")
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    axes.set_title(f"Calibration: ECE {shown_score(test['metrics']['ece'])}")


def _count(tiles: float) -> str:
    """Write a mean count over seeds, so that half a tile is not none."""
    return f"{tiles:.0f}" if tiles >= 10 else f"{tiles:.2g}"


def _confusion(axes: Axes, test: dict[str, Any], classes: list[str]) -> None:
    points = test["operating_points"]
    name = "validation" if "validation" in points else "default"
    draw_matrix(axes, np.array(points[name]["confusion"]), classes)
    limit = "threshold from validation: F1" if name == "validation" else "likeliest class: macro F1"
    axes.set_title(f"{limit} {shown_score(points[name]['metrics']['f1'])}")


def draw_matrix(axes: Axes, matrix: np.ndarray, classes: list[str]) -> None:
    """Draw a confusion matrix, coloured by the share of each true class, into axes.

    Parameters
    ----------
    axes : Axes
    matrix : ndarray, shape (K, K)
        Samples by true class (rows) and predicted class (columns).
    classes : list of str
    """
    share = divide(matrix, matrix.sum(1, keepdims=True), 0.0)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1.25)
    for i, j in np.ndindex(*matrix.shape):
        text = f"{matrix[i, j]:.4g}\n{100 * share[i, j]:.1f} %"
        axes.text(j, i, text, ha="center", va="center", color="white" if share[i, j] > 0.65 else INK)
    axes.set_xticks(range(len(classes)), _level(classes))
    axes.set_yticks(range(len(classes)), [label.replace("_", "\n") for label in classes])
    axes.tick_params(length=0)
    frame(axes)
    axes.set(xlabel="called", ylabel="is")


def _level(classes: Sequence[str]) -> list[str]:
    r"""Return labels that stand at one height: of a line each, or filled up above to equally many lines.

    Examples
    --------
    >>> _level(["no_deformation", "deformation"])
    ['no deformation', 'deformation']
    >>> _level(["noise_Tip-off of a gun", "quiet"])
    ['noise\nTip-off of a gun', '\nquiet']
    """
    if max(map(len, classes)) <= ONE_LINE and len(classes) <= 2:
        return [label.replace("_", " ") for label in classes]
    most = max(label.count("_") for label in classes)
    return ["\n" * (most - label.count("_")) + label.replace("_", "\n") for label in classes]


def _histogram(axes: Axes, scorer: Scorer, test: dict[str, Any], words: Words) -> None:
    p = scorer.predictions
    bins = np.linspace(0, 1, 31).tolist()
    for k, name in enumerate(p.classes):
        rare = p.positive is None or k == p.positive
        column = p.positive if p.positive is not None else k
        colour = (OTHER if rare else FAINT) if p.positive is not None else PALETTE[k % len(PALETTE)]
        scores = p.probability[:, p.truth == k, column].ravel()
        axes.hist(scores, bins, weights=np.full(len(scores), 1 / len(p.seeds)), histtype="step", lw=1.6, color=colour, label=name)
    axes.set_yscale("log")
    axes.set(xlim=(0, 1), ylabel=words.samples, title="Scores by true class")
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
    notes = [f"{row['positives']} tiles, {_rate(row['validation']['false_alarms_per_interferogram'])} false/ifg" for row in rows]
    for y, note in zip(height, notes, strict=True):
        axes.text(1.03, y, note, va="center", fontsize=7, color=INK)
    names = [row["event"] if len(row["event"]) <= 16 else row["event"][:15] + "…" for row in rows]
    axes.set_yticks(height, names)
    axes.set(xlim=(0, room_for(notes)), ylim=(max(len(rows), 6) - 0.4, -0.6), xlabel="recall at the threshold from validation")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0])
    shown = f"Worst {MOST_EVENTS} of {MOST_EVENTS + dropped} events" if dropped else "By event"
    axes.set_title(f"{shown}; detected {shown_score(test['operating_points']['validation']['metrics']['events_detected'])}")


def _rate(value: float) -> str:
    """Write false alarms in two digits, large ones without a power of ten."""
    return f"{value:.2g}" if value < 100 else f"{value:.0f}"


def room_for(notes: Sequence[str]) -> float:
    """Return the right limit of an axis of 3 inches at which notes of 7 points that start at 1.03 stay within it."""
    inches = max(map(len, notes)) * 7 * 0.48 / 72 + 0.12
    return 1.03 / max(0.3, 1 - inches / 3.0)
