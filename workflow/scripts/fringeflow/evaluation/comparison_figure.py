"""The comparison as a dot plot: a row a run, grouped by view and model, coloured by strategy."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fringeflow.datasets.pictures import INK, save_picture, styled
from fringeflow.evaluation.dot_rows import DotRows, title

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
    panels = {column: name for column, name in PANELS.items() if table[column].notna().any()}
    rows = DotRows.of(table, list(table["strategy"]))
    with styled():
        figure, axes = rows.figure(len(panels))
        for axis, (column, name) in zip(axes, panels.items(), strict=True):
            rows.dots(axis, column)
            axis.set_title(name)
            _limits(axis, column, table)
        _base(axes[list(panels).index("pr_auc")], table)
        first = table.iloc[0]
        caution = "; few events: rather too narrow" if bool(first["few_groups"]) else ""
        title(
            figure,
            f"{first['dataset']}: {len(table)} run{'s' if len(table) > 1 else ''}",
            f"test part: {first['n_test']} tiles of {first['n_groups']} events; lines are intervals over events{caution}",
        )
    save_picture(figure, path)


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
