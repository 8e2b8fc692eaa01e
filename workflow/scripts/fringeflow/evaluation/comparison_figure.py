"""The comparison as a dot plot: a row a run, grouped by view and model, coloured by strategy."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fringeflow.datasets.pictures import INK, save_picture, styled
from fringeflow.evaluation.dot_rows import DotRows, title
from fringeflow.evaluation.summary import ranked_by, words_of

PANELS = {
    "pr_auc": "PR-AUC",
    "mcc_tuned": "MCC at the threshold from validation",
    "recall_at_false_alarms": "recall at the tolerated false alarms",
}
ALIKE = {"macro_f1": "macro F1", "pr_auc": "PR-AUC, mean over classes", "mcc": "MCC"}
"""Panels of a dataset without a positive class: the likeliest class is called, and there is no threshold."""


def draw_comparison(table: pd.DataFrame, path: str | Path) -> None:
    """Picture the table of runs.

    Parameters
    ----------
    table : DataFrame
        From `compare_runs`.
    path : path of the PNG
    """
    main, words = ranked_by(table), words_of(table)
    wanted = PANELS if main == "pr_auc" else ALIKE
    panels = {column: name for column, name in wanted.items() if table[column].notna().any()}
    rows = DotRows.of(table, list(table["strategy"]), by=main)
    with styled():
        figure, axes = rows.figure(len(panels))
        for axis, (column, name) in zip(axes, panels.items(), strict=True):
            rows.dots(axis, column)
            axis.set_title(name)
            _limits(axis, column, table)
        if main == "pr_auc":
            _base(axes[list(panels).index(main)], table["prevalence"], "prevalence")
        else:
            _base(axes[list(panels).index(main)], table["majority_macro_f1"], "always the largest class:")
        first = table.iloc[0]
        caution = f"; few {words.groups}: rather too narrow" if bool(first["few_groups"]) else ""
        title(
            figure,
            f"{first['dataset']}: {len(table)} run{'s' if len(table) > 1 else ''}",
            f"test part: {first['n_test']} {words.samples} of {words.counted(first['n_groups'])}; "
            f"lines are intervals over {words.groups}{caution}",
        )
    save_picture(figure, path)


def _limits(axis: Axes, column: str, table: pd.DataFrame) -> None:
    """Show the whole range of a score, and for MCC some of what is below 0 if there is any."""
    lowest = table[[column, f"{column}_lower"]].min().min()
    axis.set_xlim(min(0, np.floor(10 * lowest) / 10 if lowest < 0 else 0) - 0.01, 1.01)
    if column.startswith("mcc"):
        axis.axvline(0, color=INK, lw=1, ls="--", zorder=1)


def _base(axis: Axes, values: pd.Series, name: str) -> None:
    """Draw what a run that knows nothing gets."""
    found = values.dropna().unique()
    for value in found:
        axis.axvline(value, color=INK, lw=1, ls="--", zorder=1)
    if len(found):
        axis.annotate(
            f"{name} {found[0]:.3f}", (found[0], 1), xycoords=("data", "axes fraction"), xytext=(4, -3),
            textcoords="offset points", va="top", fontsize=8,
        )  # fmt: skip
