"""Classes in one picture: F1 of every run and class as a heat table, macro F1 beside it, and what is taken for what below."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fringeflow.datasets.pictures import FAINT, INK, PALETTE, new_figure, save_picture, styled
from fringeflow.evaluation.dot_rows import short, title
from fringeflow.evaluation.figures import draw_matrix
from fringeflow.evaluation.summary import NAMES
from fringeflow.evaluation.words import Words

COLOURS = "YlGnBu"
HARD = "#d55e00"
NAME, CELL, DOTS = 4.1, (0.86, 0.36), 3.1
"""Inches that names, a cell of the table, and the panel of macro F1 take."""
TOP, HEAD, GAP, GROUP = 0.72, 0.62, 0.14, 0.27
"""Inches of the lines above everything, of the names of the columns, between parts of the table, and of the line that names a family."""
SQUARE, LABELS, BETWEEN = 0.6, 1.1, 0.35
"""Inches of a cell of a confusion matrix, of the names beside it, and between two."""
FLAT, CASCADE = ("o", "white"), ("s", None)
KINDS = {False: "flat run", True: "cascade"}
MARK = "▸"


@dataclass(frozen=True)
class Matrix:
    """The confusion matrix of one run on the test part.

    Attributes
    ----------
    family : str
        Its architecture.
    names : tuple of str
        Dataset, view, model, strategy.
    is_cascade : bool
    confusion : ndarray, shape (K, K)
        Mean over seeds.
    """

    family: str
    names: tuple[str, ...]
    is_cascade: bool
    confusion: np.ndarray


def draw_classes(
    table: pd.DataFrame,
    matrices: Sequence[Matrix],
    classes: Sequence[str],
    pair: tuple[int, int] | None,
    path: str | Path,
    *,
    words: Words,
    confidence: float,
) -> None:
    """Picture the table of classes.

    Parameters
    ----------
    table : DataFrame
        From `tabulate_classes`.
    matrices : sequence of Matrix
        Of each family the flat run and the cascade that validation chose.
    classes : sequence of str
    pair : tuple of int or None
        The two classes that are confused most.
    path : path of the PNG
    words : Words
    confidence : float
        Level of the intervals.
    """
    columns = _columns(table, classes)
    families = list(dict.fromkeys(table["architecture"]))
    runs = _ordered(table, families)
    tall = TOP + HEAD + CELL[1] + sum(len(own) * CELL[1] + GROUP for own in runs.values()) + 0.45
    kinds = sorted({matrix.is_cascade for matrix in matrices})
    side = SQUARE * len(classes)
    wide = NAME + len(columns) * CELL[0] + 2 * GAP + DOTS + 0.3
    across = max(1, min(len(families), int((wide - LABELS) / (side + BETWEEN))))
    lines = -(-len(families) // across)
    width, height = max(wide, LABELS + side + BETWEEN), tall + 0.75 + lines * len(kinds) * (side + 1.0)
    figure = new_figure(width, height)
    with styled():
        _table(figure, table, runs, columns, [classes[k] for k in pair] if pair else [])
        for matrix in matrices:
            line, column = divmod(families.index(matrix.family), across)
            down = tall + 0.95 + (line * len(kinds) + kinds.index(matrix.is_cascade)) * (side + 1.0)
            _matrix(_axes(figure, LABELS + column * (side + BETWEEN), down, side, side), matrix, classes, pair, first=column == 0)
        named = (
            "" if pair is None else f"; outlined: the pair that all runs together confuse most, {classes[pair[0]]} and {classes[pair[1]]}"
        )
        figure.text(0.1 / width, 1 - tall / height, "Confusion on test", va="top", fontsize=11, weight="bold")
        told = f"{words.samples}, mean over seeds; of each family the {' and the '.join(KINDS[kind] for kind in kinds)} that validation chose{named}"
        figure.text(0.1 / width, 1 - (tall + 0.22) / height, told, va="top", color=FAINT)
        few = "" if min(count for _, _, _, count in columns[: len(classes)]) > 2 else " (rather too narrow for the rarest classes)"
        title(
            figure,
            f"{table['dataset'].iloc[0]}: F1 by class on test",
            f"small: {100 * confidence:g} % intervals over {words.groups}{few}; the likeliest class is called; stages: macro F1 of what truly "
            f"belongs to them\nhollow: flat; filled: cascade; {MARK} chosen by validation in its family",
        )
    save_picture(figure, path)


def _columns(table: pd.DataFrame, classes: Sequence[str]) -> list[tuple[str, str, str, int]]:
    """Return stage, class and scope of each column, and the samples it is about: the classes, then the stages."""
    one = table[(table[list(NAMES)] == table[list(NAMES)].iloc[0]).all(axis=1)]
    counts = {(stage, name): int(count) for stage, name, count in one[["stage", "class", "n"]].itertuples(index=False, name=None)}
    stages = [stage for stage in dict.fromkeys(table["stage"]) if stage]
    return [("", name, "class", counts["", name]) for name in classes] + [(stage, "", "mean", counts[stage, ""]) for stage in stages]


def _values(table: pd.DataFrame) -> dict[tuple[str, ...], Any]:
    """Return the rows of the table by the names of the run, the stage and the class."""
    keys = table[[*NAMES, "stage", "class"]].itertuples(index=False, name=None)
    return dict(zip(keys, table.to_dict("records"), strict=True))


def _ordered(table: pd.DataFrame, families: Sequence[str]) -> dict[str, list[tuple[str, ...]]]:
    """Return the names of the runs of each family, flat ones beside cascades of the same view and strategy."""
    each = table.drop_duplicates(list(NAMES)).sort_values(["view", "strategy", "is_cascade", "model"], kind="stable")
    return {family: list(each[each["architecture"] == family][list(NAMES)].itertuples(index=False, name=None)) for family in families}


def _axes(figure: Figure, left: float, top: float, wide: float, tall: float) -> Axes:
    """Return axes at a place in inches from the upper left corner."""
    width, height = figure.get_size_inches()
    return figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))


def _table(
    figure: Figure,
    table: pd.DataFrame,
    runs: dict[str, list[tuple[str, ...]]],
    columns: Sequence[tuple[str, str, str, int]],
    hard: Sequence[str],
) -> None:
    """Draw the heat table with names at its left and macro F1 at its right, on one set of axes measured in inches."""
    body = CELL[1] + sum(len(own) * CELL[1] + GROUP for own in runs.values())
    wide = figure.get_figwidth() - 0.1
    axes = _axes(figure, 0.1, TOP, wide, HEAD + body)
    axes.set(xlim=(0, wide), ylim=(HEAD + body, 0))
    axes.set_axis_off()
    places = [NAME + number * CELL[0] + (GAP if scope == "mean" else 0) for number, (_, _, scope, _) in enumerate(columns)]
    for x, (stage, name, scope, count) in zip(places, columns, strict=True):
        label = f"stage\n{short(stage, 12)}" if scope == "mean" else name.replace("_", "\n")
        axes.text(
            x + CELL[0] / 2, HEAD - 0.07, f"{label}\n({count})", ha="center", va="bottom", fontsize=8, color=HARD if name in hard else INK
        )
    values = _values(table)
    dots = _axes(figure, 0.1 + places[-1] + CELL[0] + 0.3, TOP + HEAD, wide - places[-1] - CELL[0] - 0.5, body)
    dots.set(xlim=(0, 1.01), ylim=(body, 0))
    dots.set_title("macro F1")
    any_run = next(iter(runs.values()))[0]
    y = 0.0
    axes.text(0.08, HEAD + CELL[1] / 2, "always the largest class", va="center", color=FAINT)
    for x, (stage, name, _, _) in zip(places, columns, strict=True):
        _cell(axes, x, HEAD, values[*any_run, stage, name]["majority_f1"])
    y += CELL[1]
    for number, (family, own) in enumerate(runs.items()):
        colour = PALETTE[number % len(PALETTE)]
        for panel, top in ((axes, HEAD), (dots, 0.0)):
            panel.axhspan(top + y, top + y + GROUP + len(own) * CELL[1], color="#f4f4f4" if number % 2 == 0 else "#fbfbfb", lw=0, zorder=0)
        axes.text(0.08, HEAD + y + GROUP * 0.55, family, va="center", weight="bold", color=colour)
        y += GROUP
        for names in own:
            middle = y + CELL[1] / 2
            run = values[*names, "", ""]
            for x, text in ((0.08, short(names[1], 12)), (0.95, short(names[2], 22)), (2.6, short(names[3], 18))):
                axes.text(x, HEAD + middle, text, va="center", fontsize=8)
            for x, (stage, name, _, _) in zip(places, columns, strict=True):
                found = values[*names, stage, name]
                _cell(axes, x, HEAD + y, found["f1"], found["f1_lower"], found["f1_upper"])
            if pd.notna(run["f1_lower"]):
                dots.plot([run["f1_lower"], run["f1_upper"]], [middle, middle], color=colour, lw=1.6, solid_capstyle="butt", zorder=2)
            marker, face = CASCADE if run["is_cascade"] else FLAT
            dots.plot(run["f1"], middle, marker, mfc=face or colour, mec=colour, mew=1.2, ms=5.5, zorder=3, clip_on=False)
            if run["chosen"]:
                axes.text(NAME - 0.07, HEAD + middle, MARK, ha="right", va="center", color=HARD, fontsize=9)
            y += CELL[1]
    _finish(dots, values[*any_run, "", ""]["majority_f1"])


def _finish(dots: Axes, majority: float) -> None:
    """Draw the baseline of macro F1, and say what the signs are."""
    dots.axvline(majority, color=INK, lw=1, ls="--", zorder=1)
    dots.annotate(f"largest class {majority:.2f}", (majority, 0), xytext=(4, -4), textcoords="offset points", va="top", fontsize=7.5)
    dots.set_yticks([])
    dots.spines["left"].set_visible(False)
    dots.grid(axis="x", color="#dddddd", lw=0.6)
    dots.set_axisbelow(True)


def _cell(axes: Axes, x: float, y: float, value: float, lower: float = np.nan, upper: float = np.nan) -> None:
    """Draw a score on its colour, its bounds below; nothing is known of what is NaN."""
    known, bounded = pd.notna(value), pd.notna(lower)
    face = colormaps[COLOURS](0.92 * float(value)) if known else "#f2f2f2"
    axes.add_patch(Rectangle((x, y), CELL[0], CELL[1], facecolor=face, edgecolor="white", lw=1))
    colour = "white" if known and value > 0.55 else INK
    middle = x + CELL[0] / 2
    axes.text(middle, y + CELL[1] * (0.36 if bounded else 0.5), f"{value:.2f}" if known else "-", ha="center", va="center", color=colour)
    if bounded:
        axes.text(middle, y + CELL[1] * 0.76, f"{lower:.2f} to {upper:.2f}", ha="center", va="center", color=colour, fontsize=6)


def _matrix(axes: Axes, matrix: Matrix, classes: Sequence[str], pair: tuple[int, int] | None, *, first: bool) -> None:
    """Draw a confusion matrix with the hard pair outlined."""
    draw_matrix(axes, matrix.confusion, list(classes))
    for text in axes.texts:
        text.set_fontsize(7.5)
    if pair is not None:
        for i, j in (pair, pair[::-1]):
            axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, fill=False, edgecolor=HARD, lw=2))
    axes.tick_params(labelsize=7)
    axes.set(xlabel="called", ylabel="is" if first else "")
    if not first:
        axes.set_yticks([])
    kind = "cascade" if matrix.is_cascade else "flat"
    axes.set_title(f"{kind}: {short(matrix.names[2], 24)}\n{matrix.names[1]}, {short(matrix.names[3], 20)}", fontsize=8.5)
