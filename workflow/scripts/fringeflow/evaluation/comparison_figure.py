"""The comparison as a dot plot: a row a run, grouped by view and model, coloured by strategy."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fringeflow.datasets.pictures import FAINT, INK, MARKERS, PALETTE, new_figure, save_picture, styled

ROW, LEFT = 0.17, 2.75
"""Inches that a run takes, and those that names take."""
PANELS = {
    "pr_auc": "PR-AUC",
    "mcc_tuned": "MCC at the threshold from validation",
    "recall_at_false_alarms": "recall at the tolerated false alarms",
}


def draw_comparison(table: pd.DataFrame, path: str | Path) -> None:
    """Picture the table of runs.

    Parameters
    ----------
    table : DataFrame
        From `compare_runs`.
    path : path of the PNG
    """
    panels = {column: title for column, title in PANELS.items() if table[column].notna().any()}
    strategies = sorted(table["strategy"].unique(), key=lambda name: (name != "none", name))
    looks = {name: (PALETTE[i % len(PALETTE)], MARKERS[(i + i // len(PALETTE)) % len(MARKERS)]) for i, name in enumerate(strategies)}
    views = _by_best(table, "view")
    rows, labels, heads, bands = [], [], [], []
    y = 0.0
    for view in views:
        y += 1.6
        heads.append((y - 0.5, view))
        mine = table[table["view"] == view]
        for model in _by_best(mine, "model"):
            runs = mine[mine["model"] == model].sort_values("strategy", key=lambda names: names.map(strategies.index))
            labels.append((y + len(runs) / 2, model))
            bands.append((y, y + len(runs)))
            rows += [(y + i + 0.5, run) for i, (_, run) in enumerate(runs.iterrows())]
            y += len(runs) + 0.35
    height = y * ROW + 1.2
    figure = new_figure(3.6 * len(panels) + LEFT + 0.2, height)
    with styled():
        left = LEFT / figure.get_figwidth()
        axes = figure.subplots(
            1, len(panels), sharey=True, squeeze=False,
            gridspec_kw={"left": left, "right": 0.985, "bottom": 0.35 / height, "top": 1 - 0.85 / height, "wspace": 0.07},
        )[0]  # fmt: skip
        for axis, (column, title) in zip(axes, panels.items(), strict=True):
            for number, (low, high) in enumerate(bands):
                axis.axhspan(low, high, color="#f3f3f3" if number % 2 == 0 else "#fafafa", lw=0, zorder=0)
            for place, run in rows:
                colour, marker = looks[run["strategy"]]
                lower, upper = run[f"{column}_lower"], run[f"{column}_upper"]
                if pd.notna(lower):
                    axis.plot([lower, upper], [place, place], color=colour, lw=1.5, alpha=0.75, solid_capstyle="butt", zorder=2)
                axis.plot(run[column], place, marker, color=colour, ms=4.6, mec="white", mew=0.5, zorder=3)
            axis.set_title(title)
            axis.grid(axis="x", color="#dddddd", lw=0.6)
            axis.set_axisbelow(True)
            axis.tick_params(axis="y", length=0)
            axis.spines["left"].set_visible(False)
            _limits(axis, column, table)
        axes[0].set_ylim(y + 0.2, 0)
        axes[0].set_yticks([place for place, _ in rows], [_short(run["strategy"], 18) for _, run in rows], fontsize=7)
        for tick, (_, run) in zip(axes[0].get_yticklabels(), rows, strict=True):
            tick.set_color(looks[run["strategy"]][0])
        for names, offset, weight in ((labels, 22, "normal"), (heads, 8, "bold")):
            for place, name in names:
                axes[0].annotate(
                    _short(name), (0, place), xycoords=("figure fraction", "data"), xytext=(offset, 0),
                    textcoords="offset points", weight=weight, va="center",
                )  # fmt: skip
        _base(axes[list(panels).index("pr_auc")], table)
        first = table.iloc[0]
        caution = "; few events: rather too narrow" if bool(first["few_groups"]) else ""
        title = f"{first['dataset']}: {len(table)} run{'s' if len(table) > 1 else ''}"
        figure.text(0.01, 1 - 0.14 / height, title, va="top", fontsize=11, weight="bold")
        figure.text(
            0.01, 1 - 0.36 / height,
            f"test part: {first['n_test']} tiles of {first['n_groups']} events; lines are intervals over events{caution}",
            va="top", color=FAINT,
        )  # fmt: skip
    save_picture(figure, path)


def _by_best(table: pd.DataFrame, column: str) -> list[str]:
    """Return the values of a column, the one with the best PR-AUC first."""
    return list(table.groupby(column)["pr_auc"].max().sort_values(ascending=False, kind="stable").index)


def _short(name: str, most: int = 20) -> str:
    """Shorten a name for a label."""
    return name if len(name) <= most else name[: most - 1] + "…"


def _limits(axis: Axes, column: str, table: pd.DataFrame) -> None:
    """Show the whole range of a score, and for MCC some of what is below 0 if there is any."""
    lowest = table[[column, f"{column}_lower"]].min().min()
    axis.set_xlim(min(0, np.floor(10 * lowest) / 10 if lowest < 0 else 0) - 0.01, 1.01)
    if column == "mcc_tuned":
        axis.axvline(0, color=INK, lw=1, ls="--", zorder=1)


def _base(axis: Axes, table: pd.DataFrame) -> None:
    """Draw the prevalence, which a run that knows nothing gets."""
    shares = table["prevalence"].dropna().unique()
    for share in shares:
        axis.axvline(share, color=INK, lw=1, ls="--", zorder=1)
    if len(shares):
        axis.annotate(
            f"prevalence {shares[0]:.3f}", (shares[0], 1), xycoords=("data", "axes fraction"), xytext=(4, -3),
            textcoords="offset points", va="top", fontsize=8,
        )  # fmt: skip
