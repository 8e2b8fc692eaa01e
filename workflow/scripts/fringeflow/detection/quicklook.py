"""The picture of a scanned interferogram: its phase beside the probability of fringes, with what was detected."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fringeflow.config.tables import Event
from fringeflow.datasets.figures import LOOKS, with_no_data
from fringeflow.datasets.pictures import FAINT, INK, PALETTE, frame, new_figure, save_picture, styled
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.windows import Bands
from fringeflow.errors import DatasetError
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.reach import EARTH_RADIUS_KM
from fringeflow.insar.tiling import GeoGrid

LONGEST = 800
"""Most pixels along a side that a picture draws; larger interferograms are thinned."""
PANEL, LEFT, GAP, RIGHT, TOP, BOTTOM = 4.6, 0.75, 0.6, 0.85, 1.0, 0.6
"""Inches: of the longer side of a panel, and around and between both."""
OUTLINE, STAR = PALETTE[1], PALETTE[4]
ROUND = (1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500)
HALO = [patheffects.withStroke(linewidth=2.6, foreground="white")]


@dataclass(frozen=True)
class Scene:
    """What is drawn: both rasters, thinned, and where they lie."""

    phase: np.ndarray
    probability: np.ndarray
    grid: GeoGrid

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """West, east, south, north."""
        grid = self.grid
        return grid.west, grid.west + grid.dx * grid.columns, grid.north - grid.dy * grid.rows, grid.north

    @property
    def km_per_degree(self) -> float:
        """Of longitude, in the middle of the scene."""
        return float(np.radians(1) * EARTH_RADIUS_KM * np.cos(np.radians((self.extent[2] + self.extent[3]) / 2)))


def draw_quicklook(interferograms: Path, probability: Path, detections: Path, events: Iterable[Event], out: Path) -> None:
    """Picture wrapped phase and probability of fringes side by side.

    Parameters
    ----------
    interferograms : Path
        interferograms.zarr with the interferogram.
    probability : Path
        Its map.
    detections : Path
        GeoJSON that `outline` wrote: its polygons are drawn and numbered by rank.
    events : iterable of Event
        Earthquakes whose epicentres are starred if they lie within the picture.
    out : Path
        PNG to write.

    Raises
    ------
    ProductError
        If the map cannot be read.
    DatasetError
        If the interferogram is missing or lies on another grid than the map.
    """
    collection = json.loads(Path(detections).read_text(encoding="utf-8"))
    about = collection["interferogram"]
    scene = _scene(Path(interferograms), Path(probability), f"{about['frame']}/{about['pair']}")
    west, east, south, north = scene.extent
    ratio = (north - south) * np.radians(1) * EARTH_RADIUS_KM / ((east - west) * scene.km_per_degree)
    width, height = (PANEL, PANEL * ratio) if ratio < 1 else (PANEL / ratio, PANEL)
    whole = (LEFT + 2 * (width + RIGHT) + GAP, TOP + height + BOTTOM)
    figure = new_figure(*whole)
    looks: list[tuple[np.ndarray, dict[str, Any], str, str]] = [
        (scene.phase, {"cmap": with_no_data(LOOKS["wrapped"].colours), "vmin": -np.pi, "vmax": np.pi}, "wrapped phase (rad)", "Phase"),
        (scene.probability, {"cmap": with_no_data("viridis"), "vmin": 0, "vmax": 1}, "probability", "Probability of fringes"),
    ]
    with styled():
        for number, (values, colours, label, title) in enumerate(looks):
            left = LEFT + number * (width + RIGHT + GAP)
            axes = figure.add_axes((left / whole[0], BOTTOM / whole[1], width / whole[0], height / whole[1]))
            image = axes.imshow(values, extent=scene.extent, interpolation="nearest", aspect="auto", **colours)
            bar = figure.colorbar(
                image, cax=figure.add_axes(((left + width + 0.1) / whole[0], BOTTOM / whole[1], 0.12 / whole[0], height / whole[1]))
            )
            bar.set_label(label)
            bar.outline.set_linewidth(0.6)  # type: ignore[operator]
            if number == 0:
                bar.set_ticks([value for value, _ in LOOKS["wrapped"].ticks], labels=[text for _, text in LOOKS["wrapped"].ticks])
                axes.set_ylabel("latitude (deg)")
            elif about["threshold"] <= 1:
                bar.ax.axhline(about["threshold"], color=OUTLINE, lw=1.6)
            axes.set(title=title, xlabel="longitude (deg)", xlim=scene.extent[:2], ylim=scene.extent[2:])
            axes.locator_params(nbins=5)
            axes.ticklabel_format(useOffset=False)
            frame(axes)
            _outlines(axes, collection["features"])
            _stars(axes, events, scene.extent)
            _scale_bar(axes, scene)
        _title(figure, about, whole)
    save_picture(figure, out)


def _scene(interferograms: Path, probability: Path, key: str) -> Scene:
    """Read and thin both rasters."""
    values, grid, _ = read_probability(probability)
    data = open_interferogram(interferograms, key)
    if (data.latitude.size, data.longitude.size) != values.shape:
        raise DatasetError(
            f"{probability}: has {values.shape[0]} x {values.shape[1]} pixels, but {key} in {interferograms} has "
            f"{data.latitude.size} x {data.longitude.size}; scan it again"
        )
    step = max(1, -(-max(values.shape) // LONGEST))
    bands = Bands(data, "wrapped")
    phase = np.concatenate([bands.rows(row, row + 1)[:, ::step] for row in range(0, grid.rows, step)])
    return Scene(phase, values[::step, ::step], grid)


def _outlines(axes: Axes, features: list[dict[str, Any]]) -> None:
    """Draw polygons, and their ranks at their centroids."""
    for feature in features:
        for ring in feature["geometry"]["coordinates"]:
            x, y = np.array(ring).T
            axes.plot(x, y, color=OUTLINE, lw=1.4, path_effects=HALO, solid_joinstyle="round")
        first = max(feature["geometry"]["coordinates"][0], key=lambda point: (point[1], point[0]))
        axes.annotate(
            str(feature["properties"]["rank"]),
            first,
            xytext=(0, 3),
            textcoords="offset points",
            ha="left" if first[0] < np.mean(axes.get_xlim()) else "right",
            color=OUTLINE,
            weight="bold",
            path_effects=HALO,
        )


def _stars(axes: Axes, events: Iterable[Event], extent: tuple[float, float, float, float]) -> None:
    """Star epicentres within the picture."""
    west, east, south, north = extent
    for event in events:
        x, y = event.longitude, event.latitude
        if event.magnitude is not None and x is not None and y is not None and west <= x <= east and south <= y <= north:
            axes.plot(x, y, marker="*", ms=15, mfc=STAR, mec=INK, mew=0.9, ls="none")


def _scale_bar(axes: Axes, scene: Scene) -> None:
    """Draw a bar of a round number of kilometres, about a quarter of the width, at the lower left."""
    west, east, south, north = scene.extent
    across = (east - west) * scene.km_per_degree
    length = max((value for value in ROUND if value <= across / 3.5), default=ROUND[0])
    x, y = west + 0.05 * (east - west), south + 0.06 * (north - south)
    effects = [patheffects.withStroke(linewidth=6, foreground="white")]
    axes.plot([x, x + length / scene.km_per_degree], [y, y], color=INK, lw=3, solid_capstyle="butt", path_effects=effects)
    middle = x + length / scene.km_per_degree / 2
    axes.text(middle, y + 0.018 * (north - south), f"{length} km", ha="center", va="bottom", color=INK, path_effects=HALO)


def _title(figure: Figure, about: dict[str, Any], whole: tuple[float, float]) -> None:
    """Write which interferogram is shown, which run looked at it, and what came of it."""
    first, second = about["pair"].split("_")
    dates = " – ".join(f"{date[:4]}-{date[4:6]}-{date[6:]}" for date in (first, second))
    count = about["detections"]
    threshold = f"threshold {about['threshold']:.4g}" if about["threshold"] <= 1 else "threshold above 1: no alarm can be given"
    found = f"{count} detection{'s' * (count != 1)}, {threshold}, highest probability {about['peak']:.4g}"
    if about.get("earthquake"):
        days = about["days"]
        when = "between the dates" if days == 0 else f"{abs(days)} days {'before' if days < 0 else 'after'} them"
        found += f"; ★ {about['earthquake']}, magnitude {about['magnitude']:g}, {about['distance_km']:.0f} km from there, {when}"
    left = 0.15 / whole[0]
    figure.text(left, 1 - 0.12 / whole[1], f"{about['frame']}  {dates}", va="top", fontsize=12, weight="bold")
    figure.text(left, 1 - 0.37 / whole[1], found, va="top", fontsize=8.5)
    figure.text(left, 1 - 0.56 / whole[1], f"run {about['run']}; grey: no data or no window", va="top", fontsize=8.5, color=FAINT)
