"""A gallery of doubtful tiles: the phase, the label, the score, and what the tiles that overlap it score."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fringeflow.datasets.figures import LOOKS, with_no_data
from fringeflow.datasets.pictures import FAINT, INK, PALETTE, frame, new_figure, save_picture, styled
from fringeflow.store import open_samples

TILE, GAP, CAPTION, TOP, MARGIN = 1.75, 0.14, 0.66, 0.85, 0.1
"""Inches of a tile's side, the gap between two, the caption below, the title, the margins."""
COLUMNS, MOST = 6, 24


def draw_doubts(table: pd.DataFrame, path: str | Path, *, title: str, note: str) -> None:
    """Picture the most doubtful tiles, the worst first.

    Parameters
    ----------
    table : DataFrame
        Ranked: `store`, `place` (row in the store), `event`, `pair`, `label`, `score`, `neighbours_score`,
        `neighbours_label`, `disagreement`, `weight`. The wrapped phase is shown whatever view was scored: it is what a person judges by.
    path : path of the PNG
    title : str
    note : str
        What the scores are, under the title.

    Raises
    ------
    DatasetError
        If a store is missing.
    """
    shown = table.head(MOST)
    rows = max(1, -(-len(shown) // COLUMNS))
    width = COLUMNS * (TILE + GAP) - GAP + 2 * MARGIN
    height = rows * (TILE + CAPTION) + TOP + MARGIN
    figure = new_figure(width, height)
    stores = {store: open_samples(f"{store}/wrapped.zarr") for store in shown["store"].unique()}
    look = LOOKS["wrapped"]
    colours = with_no_data(look.colours)
    with styled():
        figure.text(MARGIN / width, 1 - 0.14 / height, title, va="top", fontsize=12, weight="bold")
        figure.text(MARGIN / width, 1 - 0.40 / height, note, va="top", fontsize=8.5, color=FAINT, linespacing=1.3)
        if shown.empty:
            figure.text(0.5, 0.4, "No tile stands out from those that overlap it.", ha="center", fontsize=11)
        row: Any
        for number, row in enumerate(shown.itertuples()):
            line, column = divmod(number, COLUMNS)
            left, bottom = MARGIN + column * (TILE + GAP), height - TOP - line * (TILE + CAPTION) - TILE
            axes = figure.add_axes((left / width, bottom / height, TILE / width, TILE / height))
            tile = stores[row.store].read(np.array([row.place]))[0]
            axes.imshow(tile, cmap=colours, vmin=-np.pi, vmax=np.pi, interpolation="nearest")
            axes.set_xticks([])
            axes.set_yticks([])
            frame(axes)
            colour = PALETTE[1] if row.weight < 1 else INK
            for place, text, tint, bold in _caption(number, row, colour):
                figure.text(left / width, (bottom - place) / height, text, va="top", fontsize=7, color=tint, weight=bold)
    save_picture(figure, path)


def _caption(number: int, row: Any, colour: str) -> list[tuple[float, str, str, str]]:
    """Return the lines below a tile: inches below it, text, colour, weight."""
    weight = "left out" if row.weight == 0 else f"weight {row.weight:g}" if row.weight < 1 else "kept"
    event = row.event if len(row.event) <= 24 else row.event[:23] + "…"
    return [
        (0.04, f"{number + 1}. {row.label}", INK, "bold"),
        (0.17, f"score {row.score:.2f}; around: {row.neighbours_score:.2f}, labels {row.neighbours_label:.2f}", INK, "normal"),
        (0.30, f"disagreement {row.disagreement:.2f}: {weight}", colour, "normal"),
        (0.43, f"{event}, {row.pair.partition('_')[0]}", FAINT, "normal"),
    ]
