"""Pictures of scores over the phase they belong to."""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

LONGEST = 900
"""Most pixels along a side that a picture draws; larger interferograms are thinned."""


def tile_map(tiles: pd.DataFrame, shape: tuple[int, int], size: int, step: int = 1) -> np.ndarray:
    """Average the scores of the tiles that cover each pixel.

    Parameters
    ----------
    tiles : DataFrame
        Columns `row`, `column` (upper-left pixel) and `score`.
    shape : (rows, columns)
        Of the interferogram.
    size : int
        Side of a tile, pixels.
    step : int
        Thinning of the result.

    Returns
    -------
    ndarray of float64, shape (ceil(rows / step), ceil(columns / step))
        NaN where no tile lies.
    """
    total = np.zeros((-(-shape[0] // step), -(-shape[1] // step)))
    count = np.zeros_like(total)
    for row, column, score in tiles[["row", "column", "score"]].itertuples(index=False):
        window = np.s_[row // step : -(-(row + size) // step), column // step : -(-(column + size) // step)]
        total[window] += score
        count[window] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def picture_scores(tiles: pd.DataFrame, interferograms: Path, out: Path, *, title: str) -> None:
    """Draw wrapped phase and mean tile score of every interferogram side by side.

    Parameters
    ----------
    tiles : DataFrame
        As `score_event` writes it.
    interferograms : Path
        interferograms.zarr of the event.
    out : Path
        A PNG file.
    title : str
    """
    groups = list(tiles.groupby(["frame", "pair"], sort=True))
    figure, axes = plt.subplots(len(groups), 2, figsize=(12, 4.6 * len(groups) + 0.6), squeeze=False, layout="constrained")
    for (phase_axis, score_axis), ((frame, pair), part) in zip(axes, groups, strict=True):
        wrapped = xr.open_zarr(interferograms, group=f"{frame}/{pair}", consolidated=False)["wrapped"]
        step = max(1, -(-max(wrapped.shape) // LONGEST))
        phase = wrapped[::step, ::step].values
        x, y = wrapped["x"].values, wrapped["y"].values
        half_x, half_y = abs(x[1] - x[0]) / 2, abs(y[1] - y[0]) / 2
        extent = (x[0] - half_x, x[-1] + half_x, y[-1] - half_y, y[0] + half_y)
        size = _size(part, y)
        for axis in (phase_axis, score_axis):
            axis.set(xlabel="longitude (deg)", aspect=1 / np.cos(np.radians(y.mean())), facecolor="0.85")
        image = phase_axis.imshow(phase, extent=extent, cmap="twilight", vmin=-np.pi, vmax=np.pi, interpolation="nearest", aspect="auto")
        bar = figure.colorbar(image, ax=phase_axis, label="wrapped phase (rad)")
        bar.set_ticks([-np.pi, 0, np.pi], labels=["-π", "0", "π"])
        mean = tile_map(part, wrapped.shape, size, step)
        image = score_axis.imshow(mean, extent=extent, cmap="viridis", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
        figure.colorbar(image, ax=score_axis, label="mean score of the tiles over a pixel")
        labelled = part.loc[part["label"] == "deformation", ["west", "south", "east", "north"]].to_numpy(float)
        for west, south, east, north in labelled:
            for axis in (phase_axis, score_axis):
                axis.add_patch(Rectangle((west, south), east - west, north - south, fill=False, ec="crimson", lw=0.8))
        phase_axis.set(ylabel="latitude (deg)", title=f"{frame} {pair}")
        score_axis.set_title(f"{len(part)} tiles, score {part['score'].min():.2f} to {part['score'].max():.2f}; red: labelled deformation")
        for axis in (phase_axis, score_axis):
            axis.set_xlim(extent[:2])
            axis.set_ylim(extent[2:])
    figure.suptitle(f"{tiles['event'].iloc[0]}: {title}")
    figure.savefig(out, dpi=110, format="png", metadata={"Software": None})
    plt.close(figure)


def _size(tiles: pd.DataFrame, y: np.ndarray) -> int:
    """Return the side of a tile in pixels."""
    return round(float((tiles["north"] - tiles["south"]).iloc[0] / abs(y[1] - y[0])))
