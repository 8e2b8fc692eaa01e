"""Pictures of example tiles: what each class looks like in a view, before anything is trained on it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

from fringeflow.datasets.pictures import FAINT, INK, NO_DATA, frame, new_figure, save_picture, styled
from fringeflow.files import read_json
from fringeflow.store import open_samples

TILE, GAP, CAPTION = 1.9, 0.12, 0.42
"""Inches of a tile's side, of the gap between two, and of the caption below."""
TOP, BOTTOM, LEFT, RIGHT = 0.75, 0.15, 1.3, 1.15

CYCLE = ("#6b3a5b", "#96502f", "#b88a35", "#d4d08a", "#a5d3b3", "#64acc0", "#5175ac", "#5d4a83", "#6b3a5b")
"""A colour cycle whose ends meet, dark at -pi and pi and light at 0, without red against green."""


@dataclass(frozen=True)
class Look:
    """How a view is drawn.

    Attributes
    ----------
    colours : str or Colormap
    label : str
        Of the colour bar, with the unit.
    prepare : callable
        Applied to each tile before drawing.
    limits : callable
        Returns the ends of the colour bar for all tiles drawn.
    ticks : list of (float, str), optional
        Of the colour bar.
    note : str
        What the picture shows, under its title.
    """

    colours: str | Colormap
    label: str
    prepare: Callable[[np.ndarray], np.ndarray]
    limits: Callable[[np.ndarray], tuple[float, float]]
    ticks: tuple[tuple[float, str], ...] = ()
    note: str = ""


def _same(tile: np.ndarray) -> np.ndarray:
    return tile


def _centred(tile: np.ndarray) -> np.ndarray:
    finite = tile[np.isfinite(tile)]
    return tile - np.median(finite) if finite.size else tile


def _coloured(tile: np.ndarray) -> np.ndarray:
    """Put the three planes of a picture, one below the other, beside each other as Matplotlib has them."""
    return np.moveaxis(tile.reshape(3, -1, tile.shape[-1]), 0, -1)


def _extent(tiles: np.ndarray) -> tuple[float, float]:
    finite = tiles[np.isfinite(tiles)]
    low, high = np.percentile(finite, [0.2, 99.8]) if finite.size else (0.0, 1.0)
    return float(low), float(max(high, low + 1e-6))


def _symmetric(tiles: np.ndarray) -> tuple[float, float]:
    low, high = _extent(tiles)
    return -max(-low, high), max(-low, high)


LOOKS = {
    "wrapped": Look(
        LinearSegmentedColormap.from_list("phase", CYCLE, N=512),
        "wrapped phase (rad)",
        _same,
        lambda tiles: (-np.pi, np.pi),
        ((-np.pi, "-π"), (-np.pi / 2, "-π/2"), (0, "0"), (np.pi / 2, "π/2"), (np.pi, "π")),
        "one turn of the colours is one fringe: 2.8 cm along the line of sight; grey: no data",
    ),
    "unwrapped": Look(
        "RdBu_r",
        "phase less the tile's median (rad)",
        _centred,
        _symmetric,
        note="positive: away from the satellite; 2π rad are 2.8 cm along the line of sight; grey: no data",
    ),
    "spectrogram": Look("magma", "power over white noise (dB)", _same, _extent),
    "gather": Look(
        "RdBu_r", "amplitude, clipped at ±1", _same, lambda tiles: (-1.0, 1.0), note="time goes down, traces across; grey: no data"
    ),
    "images": Look("gray", "brightness", _coloured, lambda tiles: (0.0, 1.0)),
}
OF_RECORDINGS = Look("magma", "power over the recording's median (dB)", _same, _extent, note="frequency goes up, time to the right")


def draw_examples(samples: str | Path, dataset: str | Path, view: str, *, out: str | Path, columns: int = 6, seed: int = 0) -> None:
    """Picture some tiles of every class in one view.

    The tiles are drawn at random, from as many events as there are, and are the same in every view.

    Parameters
    ----------
    samples : path of `samples.parquet`
    dataset : path of `dataset.json`
    view : str
    out : path of the PNG to write
    columns : int
        Tiles of each class.
    seed : int

    Raises
    ------
    DatasetError
        If a store is missing.
    """
    table, described = pd.read_parquet(samples), read_json(dataset)
    word = described["words"]["sample"]
    chosen = {name: choose_examples(table[table["label"] == name], columns, seed) for name in described["classes"]}
    stores = {store: open_samples(f"{store}/{view}.zarr") for rows in chosen.values() for store in rows["store"].unique()}
    attrs = next(iter(stores.values())).attrs
    of_recordings = view == "spectrogram" and "collection" in described
    look = OF_RECORDINGS if of_recordings else LOOKS.get(view) or Look("gray", f"{view} ({attrs.get('units', 'no unit')})", _same, _extent)
    tiles = {
        name: [look.prepare(stores[row.store].read(np.array([row.row]))[0]) for row in rows.itertuples()] for name, rows in chosen.items()
    }
    limits = look.limits(np.concatenate([tile.ravel() for group in tiles.values() for tile in group]))
    height = len(chosen) * (TILE + CAPTION) + TOP + BOTTOM
    width = columns * (TILE + GAP) - GAP + LEFT + RIGHT
    figure = new_figure(width, height)
    image: Any = None
    with styled():
        for number, (name, rows) in enumerate(chosen.items()):
            bottom = height - TOP - number * (TILE + CAPTION) - TILE
            counts = described["counts"]["all"]
            share = 100 * counts[name] / counts["tiles"]
            figure.text(0.12 / width, (bottom + TILE / 2 + 0.03) / height, _broken(name), va="bottom", weight="bold", fontsize=10)
            figure.text(0.12 / width, (bottom + TILE / 2 - 0.03) / height, f"{counts[name]} {word}s\n{share:.3g} %", va="top", color=FAINT)
            for column, (row, tile) in enumerate(zip(rows.itertuples(), tiles[name], strict=True)):
                axes = figure.add_axes(((LEFT + column * (TILE + GAP)) / width, bottom / height, TILE / width, TILE / height))
                image = axes.imshow(tile, cmap=with_no_data(look.colours), vmin=limits[0], vmax=limits[1], interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                frame(axes)
                axes.set_xlabel(_caption(row) if "tiling" in described else _name(row), fontsize=7, labelpad=3, linespacing=1.25)
                if view == "spectrogram" and not of_recordings:
                    _windows(axes, attrs, tile.shape, ticks=column == 0 and number == 0)
        _colour_bar(figure, image, look, width, height)
        note = look.note or _spectrum_note(view, attrs)
        figure.text(0.12 / width, 1 - 0.16 / height, f"{described['name']}: example {word}s, {view}", va="top", fontsize=12, weight="bold")
        figure.text(0.12 / width, 1 - 0.42 / height, note, va="top", fontsize=8.5, color=FAINT)
    save_picture(figure, out)


def choose_examples(samples: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """Choose samples at random, one of each event before a second of any.

    Parameters
    ----------
    samples : DataFrame
        Columns `sample` and `event`.
    count, seed : int

    Returns
    -------
    DataFrame
        At most `count` rows; the same ones whatever the order of `samples`.
    """
    keys = [hashlib.sha256(f"{seed}/{name}".encode()).hexdigest() for name in samples["sample"]]
    shuffled = samples.assign(key=keys).sort_values("key", kind="stable")
    turn = shuffled.groupby("event").cumcount()
    return shuffled.assign(turn=turn).sort_values(["turn", "key"], kind="stable").head(count).drop(columns=["turn", "key"])


def with_no_data(colours: str | Colormap) -> Colormap:
    """Return a colour map that shows NaN in grey."""
    from matplotlib import colormaps

    found = colormaps[colours] if isinstance(colours, str) else colours
    return found.with_extremes(bad=NO_DATA)


def _name(row: Any) -> str:
    """Write which recording or picture is shown, and its part."""
    name = row.sample if len(row.sample) <= 30 else "…" + row.sample[-29:]
    return f"{name}\n({row.split})"


def _caption(row: Any) -> str:
    """Write which tile is shown: its event and part, and its pair."""
    event = row.event if len(row.event) <= 22 else row.event[:21] + "…"
    first, _, second = row.pair.partition("_")
    kind = "coseismic" if row.coseismic else "quiet pair"
    return f"{event} ({row.split})\n{first} – {second}, {kind}"


def _broken(name: str) -> str:
    """Break a class name into lines that fit beside the tiles."""
    return name.replace("_", "\n").replace(" ", "\n")


def _windows(axes: Axes, attrs: dict[str, Any], shape: tuple[int, ...], *, ticks: bool) -> None:
    """Part the windows of a mosaic of spectra; label the wavenumbers of the upper left one."""
    bins = int(attrs.get("bins", 0))
    if not 0 < bins <= min(shape[:2]):
        return
    for edge in range(bins, shape[1], bins):
        axes.axvline(edge - 0.5, color="white", lw=0.5)
    for edge in range(bins, shape[0], bins):
        axes.axhline(edge - 0.5, color="white", lw=0.5)
    if ticks:
        places, most = [-0.5, bins / 2, bins - 0.5], _fraction(attrs["max_wavenumber"])
        axes.xaxis.tick_top()
        axes.set_xticks(places, [f"-{most}", "0", most], fontsize=6)
        axes.set_yticks(places, [f"-{most}", "0", most], fontsize=6)
        axes.tick_params(length=2, pad=1, color=INK)


def _fraction(wavenumber: float) -> str:
    """Write a wavenumber as people read it: one fringe in so many pixels."""
    return f"1/{1 / wavenumber:.3g}"


def _spectrum_note(view: str, attrs: dict[str, Any]) -> str:
    """Say how a mosaic of spectra is read."""
    if view != "spectrogram" or "bins" not in attrs:
        return ""
    most = _fraction(attrs["max_wavenumber"])
    return (
        f"spectrum of exp(i phase) of each {attrs['window']} x {attrs['window']} pixel window, at its place in the tile; both axes: "
        f"wavenumber, -{most} to {most} cycle a pixel, 0 in the middle (no fringes)"
    )


def _colour_bar(figure: Figure, image: Any, look: Look, width: float, height: float) -> None:
    """Draw the colour bar at the right, no taller than two tiles."""
    tall = min(height - TOP - BOTTOM - CAPTION, 2 * TILE + CAPTION)
    box = ((width - RIGHT + 0.18) / width, (height - TOP - tall) / height, 0.14 / width, tall / height)
    bar = figure.colorbar(image, cax=figure.add_axes(box), extend="neither")
    bar.set_label(look.label)
    bar.outline.set_linewidth(0.6)  # type: ignore[operator]
    if look.ticks:
        bar.set_ticks([value for value, _ in look.ticks], labels=[text for _, text in look.ticks])
