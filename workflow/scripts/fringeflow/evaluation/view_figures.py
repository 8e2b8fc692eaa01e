"""The runs that validation chose, one a view and model: their curves, their calibration, their errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, new_figure, save_picture, styled
from fringeflow.evaluation import metrics
from fringeflow.evaluation.dot_rows import short, title
from fringeflow.evaluation.figures import GRID, curves_at, draw_matrix
from fringeflow.evaluation.scores import Scorer, calibration_curve, calibration_scores
from fringeflow.evaluation.summary import words_of
from fringeflow.evaluation.temperature import at_temperatures

LINES = ("-", "--", ":")
BEFORE, AFTER = PALETTE[1], PALETTE[0]


@dataclass(frozen=True)
class Pictured:
    """A run of a dataset, view, model and strategy, scored on the test part."""

    names: tuple[str, ...]
    scorer: Scorer
    temperatures: Sequence[float]

    @property
    def view(self) -> str:
        """Name of its view."""
        return self.names[1]

    @property
    def model(self) -> str:
        """Name of its model."""
        return self.names[2]

    @property
    def strategy(self) -> str:
        """Name of its strategy."""
        return self.names[3]


def draw_curves(runs: Sequence[Pictured], table: pd.DataFrame, path: str | Path) -> None:
    """Picture precision by recall, a panel a view, against the prevalence; without a positive class the mean over classes.

    Parameters
    ----------
    runs : sequence of Pictured
    table : DataFrame
        From `compare_strategies`.
    path : path of the PNG
    """
    views, models = _views_and_models(runs)
    looks = {name: (PALETTE[i % len(PALETTE)], LINES[(i // len(PALETTE)) % len(LINES)]) for i, name in enumerate(models)}
    columns = min(3, len(views))
    rows = -(-len(views) // columns)
    side, below, head = 3.4, 0.7 + 0.145 * (len(models) + 1), 0.95
    width, height = max(columns * 4.3 + 0.35, 7.2), head + rows * (side + below)
    figure = new_figure(width, height)
    with styled():
        for number, view in enumerate(views):
            row, column = divmod(number, columns)
            box = (0.6 + column * 4.3, height - head - row * (side + below) - side + 0.25, 3.6, side - 0.25)
            axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
            for run in (run for run in runs if run.view == view):
                score = _row(table, run)
                shown = f"{score['pr_auc']:.2f}"
                if pd.notna(score["pr_auc_lower"]):
                    shown += f" [{score['pr_auc_lower']:.2f}, {score['pr_auc_upper']:.2f}]"
                colour, line = looks[run.model]
                axes.plot(
                    GRID,
                    _precision(run.scorer),
                    line,
                    color=colour,
                    lw=1.7,
                    label=f"{shown}  {short(run.model)}: {short(run.strategy, 24)}",
                )
            share = table["prevalence"].iloc[0]
            if pd.notna(share):
                axes.axhline(share, color=INK, lw=1, ls="--", label=f"{share:.3f}  prevalence")
            axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="recall", ylabel="precision")
            axes.set_title(view, weight="bold")
            axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13), fontsize=7.5, handlelength=1.8, labelspacing=0.3, borderaxespad=0)
        title(
            figure,
            f"{_dataset(table)}: precision and recall on test",
            f"PR-AUC{'' if pd.notna(share) else ' (mean over classes, as the lines)'} in the legends; "
            "of each model the strategy that validation chose",
        )
    save_picture(figure, path)


def draw_reliability(runs: Sequence[Pictured], table: pd.DataFrame, path: str | Path) -> None:
    """Picture probabilities against frequencies, before and after temperature scaling, a row a view.

    Parameters
    ----------
    runs : sequence of Pictured
    table : DataFrame
        From `compare_strategies`.
    path : path of the PNG
    """
    what = "predicted probability" if runs[0].scorer.predictions.positive is not None else "probability of the likeliest class"
    figure, panels = _grid(runs, 2.75, 2.8)
    with styled():
        for axes, run, first, last in panels:
            p = run.scorer.predictions
            after = at_temperatures(p, run.temperatures)
            axes.plot([0, 1], [0, 1], color=INK, lw=1, ls="--", zorder=1)
            notes = []
            for found, colour, name in ((p, BEFORE, "before"), (after, AFTER, "after")):
                curve = pd.DataFrame(calibration_curve(found))
                axes.plot(curve["probability"], curve["frequency"], color=colour, lw=1.2, zorder=2)
                size = 6 + 45 * curve["tiles"] / len(p.truth)
                axes.scatter(curve["probability"], curve["frequency"], s=size, color=colour, zorder=3, clip_on=False, lw=0)
                once = np.ones((1, len(p.truth)))
                scores = [calibration_scores(found, number, once) for number in range(len(p.seeds))]
                ece, loss = (float(np.mean([values[score] for values in scores])) for score in ("ece", "log_loss"))
                notes.append((f"{name}: ECE {ece:.3f}, log loss {loss:.3f}", colour))
            for number, (text, colour) in enumerate(notes):
                axes.text(0.02, 1.0 - 0.075 * number, text, color=colour, fontsize=7, va="top", transform=axes.transAxes, zorder=4)
            axes.set(xlim=(0, 1), ylim=(0, 1.19))
            axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
            axes.set_xlabel(what if last else "")
            axes.set_ylabel("observed frequency" if first else "")
            axes.set_title(f"{short(run.model)}\n{short(run.strategy)}, T {_range(run.temperatures)}", fontsize=8.5)
        title(
            figure, f"{_dataset(table)}: calibration on test",
            "temperature T from validation, one a seed; of each model the strategy that validation chose; "
            f"larger dots: more {words_of(table).samples}",
        )  # fmt: skip
    save_picture(figure, path)


def draw_confusion(runs: Sequence[Pictured], table: pd.DataFrame, path: str | Path) -> None:
    """Picture confusion matrices, means over seeds, a row a view.

    Parameters
    ----------
    runs : sequence of Pictured
    table : DataFrame
        From `compare_strategies`.
    path : path of the PNG
    """
    p = runs[0].scorer.predictions
    side = 1.35 + 0.7 * len(p.classes)
    figure, panels = _grid(runs, side, side)
    with styled():
        for axes, run, first, last in panels:
            (decisions,) = run.scorer.decisions.values()
            ones, truth = np.ones(len(p.truth)), run.scorer.predictions.truth
            matrix = np.mean([metrics.confusion(truth, predicted, ones, len(p.classes)) for predicted in decisions], axis=0)
            draw_matrix(axes, matrix, p.classes)
            label = "F1" if p.positive is not None else "macro F1"
            if not first:
                axes.set_yticks([])
            axes.set(xlabel="called" if last else "", ylabel="is" if first else "")
            axes.set_title(f"{short(run.model)}\n{short(run.strategy)}, {label} {_row(table, run)['f1_tuned']:.2f}", fontsize=8.5)
        limit = "at the threshold from validation" if p.positive is not None else "of the likeliest class"
        title(
            figure, f"{_dataset(table)}: confusion matrices on test",
            f"{words_of(table).samples} (mean over seeds) {limit}; of each model the strategy that validation chose",
        )  # fmt: skip
    save_picture(figure, path)


def _dataset(table: pd.DataFrame) -> str:
    return str(table["dataset"].iloc[0])


def _row(table: pd.DataFrame, run: Pictured) -> pd.Series:
    """Return the row of a run."""
    same = (table["view"] == run.view) & (table["model"] == run.model) & (table["strategy"] == run.strategy)
    return table[same].iloc[0]


def _views_and_models(runs: Sequence[Pictured]) -> tuple[list[str], list[str]]:
    """Return the views and models of runs, by name."""
    return sorted({run.view for run in runs}), sorted({run.model for run in runs})


def _range(values: Sequence[float]) -> str:
    """Write one number, or the least and the largest."""
    low, high = f"{min(values):.2g}", f"{max(values):.2g}"
    return low if low == high else f"{low} to {high}"


def _precision(scorer: Scorer) -> np.ndarray:
    """Return the precision on `GRID`, the mean over seeds and, without a positive class, over classes."""
    ones = np.ones(len(scorer.predictions.truth))
    classes = [scorer.predictions.positive] if scorer.predictions.positive is not None else scorer.ranked_classes
    return np.mean([curves_at([seed[k] for seed in scorer.rankings], ones)[0] for k in classes], axis=0)


def _grid(runs: Sequence[Pictured], wide: float, tall: float) -> tuple[Figure, list[tuple[Axes, Pictured, bool, bool]]]:
    """Lay out a panel a run, views below each other and models beside each other.

    Returns
    -------
    figure : Figure
    panels : list of (Axes, Pictured, bool, bool)
        Whether the panel is the first of its row and the last of its column is said by the flags.
    """
    views, models = _views_and_models(runs)
    left, top = 1.25, 0.6
    width, height = max(left + len(models) * wide, 7.6), top + len(views) * tall + 0.1
    figure = new_figure(width, height)
    panels = []
    with styled():
        for run in runs:
            row, column = views.index(run.view), models.index(run.model)
            box = (left + column * wide, height - top - (row + 1) * tall + 0.55, wide - 0.55, tall - 1.05)
            axes = figure.add_axes((box[0] / width, box[1] / height, box[2] / width, box[3] / height))
            first = column == min(models.index(other.model) for other in runs if other.view == run.view)
            last = row == max(views.index(other.view) for other in runs if other.model == run.model)
            panels.append((axes, run, first, last))
        for row, view in enumerate(views):
            middle = (height - top - (row + 0.5) * tall + 0.02) / height
            figure.text(0.2 / width, middle, view, rotation=90, va="center", ha="left", weight="bold", color=FAINT, fontsize=10)
    return figure, panels
