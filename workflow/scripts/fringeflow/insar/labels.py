"""Labels of tiles: what is known about where an earthquake deformed the ground, and what it says of a tile.

In order of trust: outlines drawn by a person, then a dislocation model. Only an interferogram that
spans the earthquake can show deformation; where it spans another of its frame as well, what that one
may have deformed is not called quiet. Fractions are over the pixels with data: a tile is
judged by what can be seen in it, and deformation that lies under no data counts neither way.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fringeflow.config.classes import AMBIGUOUS, DEFORMATION, NO_DEFORMATION
from fringeflow.config.interferograms import LabelRule
from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.model import modelled_phase
from fringeflow.errors import DatasetError
from fringeflow.insar.phase import TWO_PI
from fringeflow.insar.tiling import GeoGrid

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry


MAX_BYTES = 20_000_000
MAX_POINTS = 20_000
"""Of the file, and of one outline: a person draws some hundreds, and a polygon's check takes minutes for some hundred thousand."""


@dataclass(frozen=True)
class Outline:
    """A polygon drawn by a person, in longitude and latitude; for one frame or pair only, or for all."""

    geometry: "BaseGeometry"
    frame: str | None = None
    pair: str | None = None

    def applies_to(self, interferogram: Interferogram) -> bool:
        """Whether it was drawn for this interferogram."""
        return self.frame in (None, interferogram.frame) and self.pair in (None, interferogram.pair)


@dataclass(frozen=True)
class Evidence:
    """What is known about the deformation in one interferogram.

    Attributes
    ----------
    coseismic : bool
        Whether the pair surely spans the earthquake.
    verdict : str or None
        The label of all its tiles, where neither outlines nor a model are needed to tell.
    why : str
        The reason for `verdict`.
    outlined : ndarray of bool, shape (rows, columns), or None
        Pixels inside a person's outlines.
    fringes : ndarray of float32, shape (rows, columns), or None
        Modelled phase, in cycles, without sign.
    """

    coseismic: bool
    verdict: str | None = None
    why: str = ""
    outlined: np.ndarray | None = None
    fringes: np.ndarray | None = None

    def where(self, valid: np.ndarray) -> "Evidence":
        """Return the evidence that can be seen: nothing where there is no data."""
        outlined = None if self.outlined is None else self.outlined & valid
        fringes = None if self.fringes is None else np.where(valid, self.fringes, np.float32(0))
        return replace(self, outlined=outlined, fringes=fringes)


@dataclass(frozen=True)
class Label:
    """The judgement of one tile: its label, the reason in words, and the numbers behind it."""

    label: str
    why: str
    fringes: float
    deformed_fraction: float


def read_outlines(path: Path) -> list[Outline]:
    """Read the outlines of deformation of one event.

    Parameters
    ----------
    path : Path
        GeoJSON (RFC 7946): polygons in longitude and latitude. A feature's properties `frame` and
        `pair`, if given, restrict it to those. A collection without features says that a person looked
        and saw no deformation.

    Raises
    ------
    DatasetError
        If it is no GeoJSON, or holds anything but valid polygons in degrees.
    """
    from shapely import get_num_coordinates
    from shapely.errors import ShapelyError
    from shapely.geometry import shape  # few events have polygons, and GEOS and GDAL take time to load

    advice = "draw polygons in longitude and latitude (EPSG:4326) and save them as GeoJSON"
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"{path.stat().st_size:,} bytes, more than {MAX_BYTES:,}")
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content["features"] if content["type"] == "FeatureCollection" else [content]
        outlines = []
        for feature in features:
            whole = feature["type"] == "Feature"
            properties = (feature.get("properties") or {}) if whole else {}
            geometry = shape(feature["geometry"] if whole else feature)
            outlines.append(Outline(geometry, _name(properties, "frame"), _name(properties, "pair")))
        crs = (content.get("crs") or {}).get("properties") or {}
        name = str(crs.get("name", "CRS84"))
    # For brackets within brackets, numbers beyond all numbers, and whatever else shapely stumbles over.
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, ArithmeticError, ShapelyError) as error:
        raise DatasetError(f"{path}: cannot be read as GeoJSON ({type(error).__name__}: {error}); {advice}") from error
    if not name.endswith(("CRS84", "4326")):
        raise DatasetError(f"{path}: coordinates are in {name}; {advice}")
    for number, outline in enumerate(outlines, 1):
        points = int(get_num_coordinates(outline.geometry))
        if points > MAX_POINTS:
            raise DatasetError(f"{path}: feature {number} has {points:,} points, more than {MAX_POINTS:,}; simplify it")
        west, south, east, north = outline.geometry.bounds or (0, 0, 0, 0)
        if outline.geometry.geom_type not in ("Polygon", "MultiPolygon") or not outline.geometry.is_valid:
            raise DatasetError(f"{path}: feature {number} is not a valid polygon ({outline.geometry.geom_type}); {advice}")
        if not (-360 <= west <= east <= 360 and -90 <= south <= north <= 90):
            raise DatasetError(f"{path}: feature {number} reaches from {west:g}, {south:g} to {east:g}, {north:g}, not degrees; {advice}")
    return outlines


def _name(properties: Mapping[str, object], key: str) -> str | None:
    """Return a property that is a name, or None where it is not given."""
    value = properties.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"the property '{key}' is {value!r}; expected a name")
    return value


def gather_evidence(
    event: Event,
    interferogram: Interferogram,
    outlines: list[Outline] | None,
    latitude: np.ndarray,
    longitude: np.ndarray,
) -> Evidence:
    """Collect what is known about the deformation in one interferogram.

    Parameters
    ----------
    event : Event
    interferogram : Interferogram
    outlines : list of Outline or None
        None if no person has drawn any for this event.
    latitude, longitude : ndarrays, degrees
        Pixel centres, latitude descending.
    """
    if event.time is None:
        return Evidence(False, NO_DEFORMATION, "no earthquake belongs to this event")
    if not interferogram.is_coseismic(event):
        if interferogram.acquisition_utc is None and event.time.date() in interferogram.dates:
            why = f"an acquisition is on the day of the earthquake ({event.time:%Y-%m-%d}) and its time (acquisition_utc) is not given"
            return Evidence(False, AMBIGUOUS, why)
        return Evidence(False, NO_DEFORMATION, f"the pair does not span the earthquake of {event.time:%Y-%m-%d %H:%M} UTC")
    fringes = None
    if event.has_mechanism:
        fringes = np.abs(modelled_phase(event, interferogram, latitude, longitude)) / np.float32(TWO_PI)
    if outlines is not None:
        mine = [outline.geometry for outline in outlines if outline.applies_to(interferogram)]
        return Evidence(True, outlined=_inside(mine, GeoGrid.from_centres(latitude, longitude)), fringes=fringes)
    if fringes is None:
        return Evidence(True, AMBIGUOUS, "the pair spans the earthquake, but neither polygons nor a mechanism tell where it deformed")
    return Evidence(True, fringes=fringes)


def judge(evidence: Evidence, window: tuple[slice, slice], seen: int, rule: LabelRule) -> Label:
    """Label one tile.

    Parameters
    ----------
    evidence : Evidence
        What can be seen of it (`Evidence.where`).
    window : tuple of slice
        Rows and columns of the tile.
    seen : int
        How many pixels of the tile have data, at least one.
    rule : LabelRule

    Returns
    -------
    Label
        `fringes` is the largest modelled phase over the pixels with data, in cycles: 0 where the pair
        is not coseismic, NaN where there is no model. `deformed_fraction` is the share of the pixels
        with data that are deformed by the rule, or outlined; NaN where nobody knows.
    """
    if evidence.verdict is not None:
        number = np.nan if evidence.verdict == AMBIGUOUS else 0.0
        return Label(evidence.verdict, evidence.why, number, number)
    cycles = None if evidence.fringes is None else evidence.fringes[window]
    fringes = np.nan if cycles is None else float(cycles.max())
    if evidence.outlined is not None:
        fraction = float(np.count_nonzero(evidence.outlined[window])) / seen
        found = f"{fraction:.1%} of what is seen lies inside the polygons"
        quiet = fraction == 0.0
    else:
        assert cycles is not None  # an Evidence without verdict and outlines has a model
        fraction = float(np.count_nonzero(cycles >= rule.min_fringes)) / seen
        found = f"the model shows {fringes:.2f} fringes at most, and {rule.min_fringes:g} or more over {fraction:.1%} of what is seen"
        quiet = fringes < rule.quiet_fringes
    if fraction >= rule.min_area:
        return Label(DEFORMATION, f"{found}; deformation from {rule.min_area:.0%}", fringes, fraction)
    if quiet:
        limit = "" if evidence.outlined is not None else f"; quiet below {rule.quiet_fringes:g}"
        return Label(NO_DEFORMATION, f"{found}{limit}", fringes, fraction)
    return Label(AMBIGUOUS, f"{found}; neither quiet nor deformation ({rule.min_area:.0%})", fringes, fraction)


def beside(own: Label, event: str, other: Label) -> Label:
    """Return the label of a tile beside what another earthquake says of it.

    Parameters
    ----------
    own : Label
        By the earthquake that the tile was cut for.
    event : str
        The other one, which may lie between the same two dates.
    other : Label
        By that one.

    Returns
    -------
    Label
        Ambiguous where the tile is quiet by its own earthquake alone. What the other one deformed is an example of that one: it does not
        become one of an earthquake that may stand in another part of the split.
    """
    if own.label == NO_DEFORMATION and other.label != NO_DEFORMATION:
        return replace(own, label=AMBIGUOUS, why=f"{own.why}; of the earthquake '{event}': {other.why}")
    return own


def _inside(geometries: list["BaseGeometry"], grid: GeoGrid) -> np.ndarray:
    """Return which pixel centres lie inside polygons, shape (rows, columns)."""
    if not geometries:
        return np.zeros((grid.rows, grid.columns), bool)
    from rasterio.features import geometry_mask
    from rasterio.transform import Affine

    transform = Affine(grid.dx, 0, grid.west, 0, -grid.dy, grid.north)
    return geometry_mask(geometries, (grid.rows, grid.columns), transform, invert=True)
