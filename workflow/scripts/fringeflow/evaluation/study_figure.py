"""Study A's table as a picture: our scores with intervals, its own figures as hollow diamonds, and the claims."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from fringeflow.datasets.pictures import FAINT, INK, new_figure, save_picture, styled
from fringeflow.evaluation.claims import Claim, StudyRuns
from fringeflow.evaluation.dot_rows import looks_of, marker_size, short
from fringeflow.evaluation.study_text import caveat, sentence, setting

PANELS = {"accuracy": "accuracy at 0.5", "f1": "F1 at 0.5", "roc_auc": "ROC-AUC", "pr_auc": "PR-AUC"}
ROW, LEFT, WIDE, LINE = 0.24, 2.75, 3.0, 0.165
"""Inches: height of a row, width of the names, width of a panel, height of a line of text."""
LETTERS = 215
"""In a line of text below the panels."""


def draw_study(path: str | Path, table: pd.DataFrame, claims: Sequence[Claim], runs: StudyRuns, dataset: str) -> None:
    """Picture the study.

    Parameters
    ----------
    path : path of the PNG
    table : DataFrame
        Of `study.make_study`.
    claims : sequence of Claim
    runs : StudyRuns
    dataset : str
        Its name.
    """
    text = [line for said in (caveat(table), *(sentence(claim).replace("**", "") for claim in claims)) for line in lines_of(said)]
    head = lines_of(setting(table))
    top, bottom = 0.5 + LINE * len(head) + 0.25, 0.8 + LINE * len(text)
    places, groups, heads = _places(table)
    height = ROW * (max(places) + 1) + top + bottom
    figure = new_figure(LEFT + WIDE * len(PANELS) + 0.2, height)
    width = figure.get_figwidth()
    strategies = [runs.strategy, runs.against]
    looks = looks_of(strategies)
    with styled():
        grid = {"left": LEFT / width, "right": 0.985, "bottom": bottom / height, "top": 1 - top / height, "wspace": 0.09}
        axes = figure.subplots(1, len(PANELS), sharey=True, squeeze=False, gridspec_kw=grid)[0]
        for axis, (column, title) in zip(axes, PANELS.items(), strict=True):
            for place, row in zip(places, table.to_dict("records"), strict=True):
                _dot(axis, place, row, column, looks[row["strategy"]])
            axis.set(title=title, xlim=(-0.02, 1.02))
            axis.grid(axis="x", color="#dddddd", lw=0.6)
            axis.set_axisbelow(True)
            axis.tick_params(axis="y", length=0)
            axis.spines["left"].set_visible(False)
        keys = [_key(axes[0], looks[name], name) for name in strategies] + [_key(axes[0], (INK, "D"), "the study's own", hollow=True)]
        share = table["prevalence"].iloc[0]
        if pd.notna(share):
            keys.append(axes[-1].axvline(share, color=INK, lw=1, ls="--", zorder=1, label=f"prevalence {share:.3f}: PR-AUC without skill"))
        axes[0].set_ylim(max(places) + 0.6, min(places) - 1.5)
        axes[0].set_yticks(places, [short(name) for name in table["model"]])
        for place, view in heads:
            axes[0].annotate(view, (0, place), xycoords=("figure fraction", "data"), xytext=(8, 0), textcoords="offset points",
                             weight="bold", va="center")  # fmt: skip
        for place, strategy in groups:
            axes[0].annotate(short(strategy, 18), (0, place), xycoords=("figure fraction", "data"), xytext=(14, 0), fontsize=8,
                             textcoords="offset points", color=looks[strategy][0], va="center")  # fmt: skip
        figure.legend(handles=keys, loc="lower left", bbox_to_anchor=(LEFT / width, (bottom - 0.68) / height), ncols=len(keys))
        figure.text(0.01, 1 - 0.12 / height, f"Study A on {dataset}", va="top", fontsize=11, weight="bold")
        figure.text(0.01, 1 - 0.36 / height, "\n".join(head), va="top", color=FAINT, fontsize=8)
        figure.text(0.01, 0.1 / height, "\n".join(text), va="bottom", fontsize=8)
    save_picture(figure, path)


def lines_of(text: str) -> list[str]:
    """Break text into lines, and no word at its hyphen.

    Examples
    --------
    >>> lines_of("x" * 212 + " PR-AUC")[1]
    'PR-AUC'
    """
    return textwrap.wrap(text, LETTERS, break_on_hyphens=False)


def _places(table: pd.DataFrame) -> tuple[list[float], list[tuple[float, str]], list[tuple[float, str]]]:
    """Return the height of each row in the order of the table, the name of each group of one strategy, and that of each view."""
    places: dict[int, float] = {}
    groups, heads, y = [], [], 0.0
    for view in table["view"].unique():
        heads.append((y, f"{view}"))
        mine = table[table["view"] == view]
        for strategy in mine["strategy"].unique():
            groups.append((y + 1, f"{strategy}"))
            for number in mine.index[mine["strategy"] == strategy]:
                y += 1
                places[number] = y
            y += 0.35
        y += 0.95
    return [places[number] for number in table.index], groups, heads


def _dot(axis: Axes, place: float, row: Mapping[Any, Any], column: str, look: tuple[str, str]) -> None:
    """Draw a score with its interval, and the study's own."""
    colour, marker = look
    if pd.notna(row[f"{column}_lower"]):
        axis.plot([row[f"{column}_lower"], row[f"{column}_upper"]], [place, place], color=colour, lw=1.6, alpha=0.75, zorder=2)
    axis.plot(row[column], place, marker, color=colour, ms=marker_size(marker) + 0.4, mec="white", mew=0.5, zorder=3)
    if pd.notna(row.get(f"study_{column}")):
        axis.plot(row[f"study_{column}"], place, "D", color="none", mec=INK, mew=1, ms=5, zorder=4)


def _key(axis: Axes, look: tuple[str, str], label: str, *, hollow: bool = False) -> Any:
    """Return an entry of the legend."""
    colour, marker = look
    face: dict[str, Any] = {"color": "none", "mec": colour, "mew": 1} if hollow else {"color": colour, "mec": "white", "mew": 0.5}
    return axis.plot([], [], marker, ls="none", ms=5, label=label, **face)[0]
