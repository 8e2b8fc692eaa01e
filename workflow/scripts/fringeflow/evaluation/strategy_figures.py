"""Strategies in two pictures: their paired differences to the baseline, and a heat map of model by strategy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from fringeflow.datasets.pictures import FAINT, INK, frame, new_figure, save_picture, styled
from fringeflow.evaluation.dot_rows import DotRows, looks_of, room_beyond, short, title
from fringeflow.evaluation.summary import ranked_by, words_of

TITLES = {
    "pr_auc": "PR-AUC",
    "mcc_tuned": "MCC at the threshold from validation",
    "f1_tuned": "F1 at the threshold from validation",
    "recall_at_false_alarms": "recall at the tolerated false alarms",
}
ALIKE = {"pr_auc": "PR-AUC, mean over classes", "mcc_tuned": "MCC", "f1_tuned": "macro F1"}
"""What the same scores are without a positive class: of the likeliest class, so no threshold is chosen."""
CELL, COLOURS = (0.92, 0.5), "YlGnBu"
"""Inches of a cell; a map whose dark end takes white text."""
LIMITS = (0.0, 1.0)
"""Scores at the ends of the map: the whole range, so that differences of no account do not look like a ranking."""


def main_score(table: pd.DataFrame) -> str:
    """Return the column of the score that ranks the runs of `compare_strategies`."""
    return "pr_auc" if ranked_by(table) == "pr_auc" else "f1_tuned"


def draw_differences(table: pd.DataFrame, path: str | Path, columns: Sequence[str]) -> None:
    """Picture how far each strategy is from the baseline of its view and model.

    Parameters
    ----------
    table : DataFrame
        From `compare_strategies`.
    path : path of the PNG
    columns : sequence of str
        Scores, one a panel.
    """
    others = table[table["strategy"] != table["baseline"]]
    words, titles = words_of(table), TITLES if ranked_by(table) == "pr_auc" else ALIKE
    columns = [column for column in columns if column in titles]
    first, baselines = table.iloc[0], " or ".join(sorted(table["baseline"].unique()))
    with styled():
        if others.empty:
            figure = new_figure(7, 1.4)
            title(figure, f"{first['dataset']}: nothing to pair", f"every model has one strategy ({baselines})")
        else:
            shown = others.assign(**{f"{column}_open": others[f"{column}_verdict"] == "undecided" for column in columns})
            rows = DotRows.of(shown, list(table["strategy"]), by=main_score(table))
            figure, axes = rows.figure(len(columns))
            for axis, column in zip(axes, columns, strict=True):
                axis.axvline(0, color=INK, lw=1, ls="--", zorder=1)
                rows.decided(axis, f"{column}_difference", f"{column}_open")
                axis.set_title(titles[column])
                bounds = others[[f"{column}_difference{end}" for end in ("", "_lower", "_upper")]]
                reach = max(0.05, 1.08 * float(np.nanmax(np.abs(bounds.to_numpy()))))
                axis.set_xlim(-reach, reach)
            caution = f"; few {words.groups}: rather too narrow" if bool(first["few_groups"]) else ""
            title(
                figure,
                f"{first['dataset']}: difference to {baselines}, paired by {words.group} and seed",
                f"right of 0: better. Lines are intervals over {words.groups} and seeds{caution}. "
                "Filled: the interval leaves out 0. Hollow: undecided.",
            )
    save_picture(figure, path)


def draw_heatmap(table: pd.DataFrame, path: str | Path) -> None:
    """Picture the score of every model under every strategy, a panel a view; what was not trained is hatched.

    It is the PR-AUC, or macro F1 where there is no positive class.

    Parameters
    ----------
    table : DataFrame
        From `compare_strategies`.
    path : path of the PNG
    """
    views, models = sorted(table["view"].unique()), sorted(table["model"].unique())
    strategies = list(looks_of(list(table["strategy"])))
    left, right, top, head, gap = 1.75 + room_beyond(models), 1.1, 0.75, 0.3, 0.35
    foot = 0.25 + 0.038 * max(len(short(name)) for name in strategies)
    panel = len(models) * CELL[1]
    width = max(left + len(strategies) * CELL[0] + right, 7.2)
    height = top + len(views) * (panel + head + gap) + foot
    figure = new_figure(width, height)
    with styled():
        for number, view in enumerate(views):
            base = height - top - number * (panel + head + gap) - head - panel
            axes = figure.add_axes((left / width, base / height, len(strategies) * CELL[0] / width, panel / height))
            image = _cells(axes, table[table["view"] == view], models, strategies)
            axes.set_title(view, weight="bold")
            axes.set_yticks(range(len(models)), [short(name) for name in models])
            last = number == len(views) - 1
            axes.set_xticks(range(len(strategies)), [short(name) for name in strategies] if last else [])
            if last:
                axes.tick_params(axis="x", rotation=35)
                for label in axes.get_xticklabels():
                    label.set(ha="right", rotation_mode="anchor")
        tall = min(len(views) * (panel + head + gap) - gap - head, 3.0)
        place = left + len(strategies) * CELL[0] + 0.2
        bar = figure.colorbar(
            image, cax=figure.add_axes((place / width, (height - top - head - tall) / height, 0.14 / width, tall / height))
        )
        bar.outline.set_visible(False)  # type: ignore[operator]
        first = table.iloc[0]
        base_rate = "" if pd.isna(first["prevalence"]) else f" (prevalence {first['prevalence']:.3f})"
        shown = "PR-AUC" if main_score(table) == "pr_auc" else ALIKE[main_score(table)]
        title(
            figure,
            f"{first['dataset']}: {shown} by model and strategy{base_rate}",
            f"below: interval over {words_of(table).groups}; framed: chosen by validation in its view; hatched: not trained",
        )
    save_picture(figure, path)


def _cells(axes: Axes, table: pd.DataFrame, models: list[str], strategies: list[str]) -> AxesImage:
    """Draw the cells of one view; return the image, which the colour bar explains."""
    score = main_score(table)
    runs = {(run["model"], run["strategy"]): run for _, run in table.iterrows()}
    values = np.full((len(models), len(strategies)), np.nan)
    for (i, model), (j, strategy) in ((a, b) for a in enumerate(models) for b in enumerate(strategies)):
        run = runs.get((model, strategy))
        if run is None:
            axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor="#f6f6f6", edgecolor="#cccccc", hatch="////", lw=0))
            continue
        values[i, j] = run[score]
        dark = (run[score] - LIMITS[0]) / (LIMITS[1] - LIMITS[0]) > 0.55
        colour = "white" if dark else INK
        known = pd.notna(run[f"{score}_lower"])
        axes.text(j, i - (0.14 if known else 0), f"{run[score]:.3f}", ha="center", va="center", color=colour, fontsize=9)
        if known:
            bounds = f"{run[f'{score}_lower']:.2f} to {run[f'{score}_upper']:.2f}"
            axes.text(j, i + 0.24, bounds, ha="center", va="center", color=colour, fontsize=6.5)
        if run["chosen_of_view"]:
            axes.add_patch(Rectangle((j - 0.46, i - 0.44), 0.92, 0.88, fill=False, edgecolor="#d55e00", lw=1.8))
    image = axes.imshow(values, cmap=COLOURS, vmin=LIMITS[0], vmax=LIMITS[1], aspect="auto")
    axes.tick_params(length=0, labelcolor=INK)
    frame(axes)
    for spine in axes.spines.values():
        spine.set_color(FAINT)
    return image
