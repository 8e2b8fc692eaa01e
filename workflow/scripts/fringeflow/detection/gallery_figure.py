"""A gallery as a picture: each tile as people see it, and below it veiled where the network did not look."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from fringeflow.datasets.figures import LOOKS, with_no_data
from fringeflow.datasets.pictures import FAINT, INK, PALETTE, frame, new_figure, save_picture, styled

TILE, GAP, CAPTION, LEFT, TOP, MARGIN, EMPTY = 1.5, 0.1, 0.56, 1.35, 0.95, 0.12, 0.78
"""Inches of a tile's side, the gap between two, the caption below, the names at the left, the title, the margins, and of a kind
without a tile."""
VEIL = 0.8
"""Opacity of the veil where attention is 0."""
HALF = 0.5
"""Attention at which the outline is drawn."""
FINE = 4
"""Rows and columns that a map of attention needs to tell where in a tile."""
GOOD, BAD = PALETTE[2], PALETTE[1]
NAMES = {"hits": GOOD, "false alarms": BAD, "misses": BAD, "rightly quiet": GOOD}
ENDS = {" right": GOOD, " wrong": BAD}
"""Of the names of kinds where there are several classes."""


def draw_gallery(
    shown: pd.DataFrame,
    tiles: np.ndarray,
    attention: np.ndarray | None,
    path: str | Path,
    *,
    kinds: Mapping[str, int],
    view: str,
    title: str,
    note: str,
    word: str = "tile",
) -> None:
    """Picture a gallery.

    Parameters
    ----------
    shown : DataFrame
        `kind`, `event`, `pair`, `score`, and `threshold`, or `called` where several classes were to choose from; a row a tile.
    tiles : ndarray of float32, shape (n, rows, columns)
        In the view's units.
    attention : ndarray, shape (n, h, w), or None
        In [0, 1], of any resolution.
    path : path of the PNG
    kinds : mapping of str to int
        The kinds in their order, and how many tiles of each the test part holds.
    view : str
    title : str
        Which run this is.
    note : str
        How the tiles were chosen, and what the veil means or why there is none.
    word : str
        What a sample is called.
    """
    columns = max(int(shown.groupby("kind").size().max()), 4)
    rows = 1 if attention is None else 2
    band = rows * TILE + (rows - 1) * GAP + CAPTION
    bands = [band if count else EMPTY for count in kinds.values()]
    width, height = LEFT + columns * (TILE + GAP) - GAP + MARGIN, TOP + sum(bands) + MARGIN
    look = LOOKS.get(view, LOOKS["spectrogram"])
    drawn = [look.prepare(tile) for tile in tiles]
    limits = look.limits(np.concatenate([tile.ravel() for tile in drawn]))
    figure = new_figure(width, height)
    place: dict[str, Any] = {"cmap": with_no_data(look.colours), "vmin": limits[0], "vmax": limits[1], "interpolation": "nearest"}
    with styled():
        for number, (kind, count) in enumerate(kinds.items()):
            top = height - TOP - sum(bands[:number])
            figure.text(MARGIN / width, (top - 0.05) / height, kind.replace(" ", "\n"), va="top", weight="bold", color=_colour(kind))
            lines = kind.count(" ") + 1
            figure.text(
                MARGIN / width, (top - 0.12 - 0.17 * lines) / height, f"{count} test {word}{'' if count == 1 else 's'}",
                va="top", color=FAINT, fontsize=8,
            )  # fmt: skip
            mine = np.flatnonzero((shown["kind"] == kind).to_numpy())
            if not len(mine):
                figure.text(LEFT / width, (top - 0.05) / height, "none", va="top", color=FAINT)
            for column, which in enumerate(mine):
                left = LEFT + column * (TILE + GAP)
                for line in range(rows):
                    bottom = top - TILE - line * (TILE + GAP)
                    axes = figure.add_axes((left / width, bottom / height, TILE / width, TILE / height))
                    axes.imshow(drawn[which], **place)
                    if line == 1 and attention is not None:
                        _veil(axes, attention[which], drawn[which].shape[:2])
                    axes.set_xticks([])
                    axes.set_yticks([])
                    frame(axes)
                axes.set_xlabel(_caption(shown.iloc[which]), fontsize=7, labelpad=3, linespacing=1.25)
        figure.text(MARGIN / width, 1 - 0.14 / height, title, va="top", fontsize=11, weight="bold")
        figure.text(MARGIN / width, 1 - 0.37 / height, _note(note, attention), va="top", fontsize=8, color=FAINT, linespacing=1.35)
    save_picture(figure, path)


def _veil(axes: Axes, attention: np.ndarray, shape: tuple[int, ...]) -> None:
    """Darken a tile where the network did not look, and outline where it looked most."""
    rows, columns = shape
    extent = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    veil = np.zeros((*attention.shape, 4))
    veil[..., 3] = VEIL * (1 - np.clip(attention, 0, 1))
    axes.imshow(veil, extent=extent, interpolation="bilinear")
    if attention.max() > HALF > attention.min() and min(attention.shape) >= FINE:
        step = rows / attention.shape[0], columns / attention.shape[1]
        y, x = (step[axis] * (np.arange(-1, attention.shape[axis] + 1) + 0.5) - 0.5 for axis in (0, 1))
        axes.contour(x, y, np.pad(attention, 1, mode="edge"), [HALF], colors="white", linewidths=0.9)
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])


def _caption(row: Any) -> str:
    """Write the score, against the limit or for which class, and the event."""
    event = _short(row.event)
    if "called" in row.index:
        return f"called {_short(row.called)}\nscore {row.score:.2f}\n{event}"
    first, _, second = row.pair.partition("_")
    score, limit = apart(row.score, row.threshold)
    return f"score {score}, limit {limit}\n{event}\n{first} – {second}"


def apart(score: float, limit: float) -> tuple[str, str]:
    """Write two numbers with two decimals, or as many as tell them apart.

    Examples
    --------
    >>> apart(0.9, 0.45), apart(0.0912, 0.0887), apart(0.5, 0.5)
    (('0.90', '0.45'), ('0.091', '0.089'), ('0.500', '0.500'))
    """
    for digits in range(2, 7):
        first, second = f"{score:.{digits}f}", f"{limit:.{digits}f}"
        if first != second:
            return first, second
    return f"{score:.3f}", f"{limit:.3f}"


def _short(text: str) -> str:
    """Return a text that fits below a tile."""
    return text if len(text) <= 22 else text[:21] + "…"


def _colour(kind: str) -> str:
    """Return the colour of a kind's name: whether it is good."""
    return next((colour for end, colour in ENDS.items() if kind.endswith(end)), NAMES.get(kind, INK))


def _note(note: str, attention: np.ndarray | None) -> str:
    """Add how fine the maps of attention are."""
    if attention is None:
        return note
    rows, columns = attention.shape[1:]
    fine = min(rows, columns) >= FINE
    return f"{note}\n{rows} x {columns}" + ("; line: half of each tile's most" if fine else ": too coarse to tell where")
