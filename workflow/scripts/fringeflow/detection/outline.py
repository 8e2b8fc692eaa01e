"""From a probability map to detections: polygons of what reaches the threshold, with what is known about each."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.features import shapes
from rasterio.transform import from_origin
from scipy import ndimage

from fringeflow.config.studies import Detect
from fringeflow.config.tables import Event, Interferogram
from fringeflow.detection.earthquakes import NONE, nearest_earthquake
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.operating_point import read_operating_point
from fringeflow.errors import DatasetError, ProductError
from fringeflow.files import atomic
from fringeflow.insar.tiling import GeoGrid

SEMI_MAJOR_KM, FLATTENING = 6378.137, 1 / 298.257223563
"""Of the ellipsoid WGS 84."""
DECIMALS = 7
"""Of coordinates in degrees: a centimetre."""


def outline(
    probability: Path, point: Path, events: Iterable[Event], settings: Detect, out: Path, *, key: str | None = None
) -> dict[str, Any]:
    """Draw outlines around what reaches the threshold.

    Parameters
    ----------
    probability : Path
        Map that `scan_interferogram` wrote.
    point : Path
        JSON that `operating_point` wrote, for the same run.
    events : iterable of Event
        Earthquakes that a detection may belong to.
    settings : Detect
        Smallest area, and how near an earthquake must be.
    out : Path
        GeoJSON to write (RFC 7946: longitude and latitude, outer rings counter-clockwise). Without a detection its
        list of features is empty. Its member `interferogram` tells about the whole map.
    key : str, optional
        `frame/pair`; by default what the map's tags say.

    Returns
    -------
    dict
        What was written. Features are in the order of their `rank`: by highest probability, then by area.

    Raises
    ------
    ProductError
        If the map cannot be read, has no data, or does not lie in longitude and latitude.
    DatasetError
        If threshold and map come from different runs.
    """
    values, grid, tags = read_probability(Path(probability))
    chosen = read_operating_point(Path(point))
    if tags.get("run_digest") != chosen.get("run_digest"):
        raise DatasetError(
            f"{point}: its threshold is one of the run {chosen.get('run')}, but {probability} was made by {tags.get('run')}, or by an earlier "
            "fit of it; make both again"
        )
    key = key or f"{tags.get('frame')}/{tags.get('pair')}"
    known = np.isfinite(values)
    if not known.any():
        raise ProductError(f"{probability}: no pixel holds a probability; scan the interferogram again")
    dates = Interferogram(event="any", frame=key.split("/")[0], pair=key.split("/")[1]).dates
    events, area = list(events), row_areas(grid)
    above = known & (values.astype(np.float64) >= chosen["threshold"])
    common = {
        "frame": key.split("/")[0],
        "pair": key.split("/")[1],
        "threshold": chosen["threshold"],
        "run": tags.get("run"),
        "run_digest": tags.get("run_digest"),
    }
    features: list[dict[str, Any]] = []
    for found in _regions(values, above, grid, area, settings.min_area_km2):
        near = nearest_earthquake(events, found["centroid"][::-1], dates, settings.near_km)
        properties = {"rank": len(features) + 1, **{name: found[name] for name in found if name != "geometry"}, **common}
        properties |= NONE if near is None else near.properties()
        features.append({"type": "Feature", "id": len(features) + 1, "geometry": found["geometry"], "properties": properties})
    peak = _peak(values, np.where(known, values, -1), grid)
    whole = nearest_earthquake(events, peak["peak_at"][::-1], dates, settings.near_km)
    about = {
        **common,
        **peak,
        "area_above_km2": round(float(above.sum(axis=1) @ area), 4),
        "area_km2": round(float(known.sum(axis=1) @ area), 4),
        "detections": len(features),
        **(NONE if whole is None else whole.properties()),
    }
    collection = {"type": "FeatureCollection", "interferogram": about, "features": features}
    with atomic(out) as part:
        part.write_text(json.dumps(collection, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    return collection


def _regions(values: np.ndarray, above: np.ndarray, grid: GeoGrid, area: np.ndarray, smallest_km2: float) -> list[dict[str, Any]]:
    """Return connected regions that are large enough, ranked.

    Pixels are connected by their sides, so that every region is one valid polygon; its `mean` is that of its pixels with data.
    """
    labels, count = ndimage.label(_closed(above, np.isfinite(values), area, smallest_km2))
    rows, columns = np.nonzero(labels)
    label = labels[rows, columns]
    weight = area[rows]
    areas = np.bincount(label, weight, count + 1)
    large = areas >= smallest_km2
    large[0] = False
    if not large.any():
        return []
    labels[~large[labels]] = 0
    north = np.bincount(label, weight * _latitude(grid, rows), count + 1)
    east = np.bincount(label, weight * _longitude(grid, columns), count + 1)
    seen = np.isfinite(values[rows, columns])
    mean = np.bincount(label, np.where(seen, weight * values[rows, columns], 0), count + 1) / np.bincount(
        label, weight * seen, count + 1
    ).clip(1e-9)
    transform = from_origin(grid.west, grid.north, grid.dx, grid.dy)
    boxes = ndimage.find_objects(labels)
    found = []
    for geometry, number in shapes(labels.astype(np.int32), mask=labels > 0, connectivity=4, transform=transform):
        at = int(number)
        box = boxes[at - 1]
        inside = np.where((labels[box] == at) & np.isfinite(values[box]), values[box], -1)
        found.append(
            {
                **_peak(values, inside, grid, (box[0].start, box[1].start)),
                "mean": round(float(mean[at]), 6),
                "area_km2": round(float(areas[at]), 4),
                "centroid": [round(float(east[at] / areas[at]), DECIMALS), round(float(north[at] / areas[at]), DECIMALS)],
                "geometry": _oriented(geometry),
            }
        )
    return sorted(found, key=lambda region: (-region["peak"], -region["area_km2"], region["peak_at"]))


def _closed(above: np.ndarray, known: np.ndarray, area: np.ndarray, smallest_km2: float) -> np.ndarray:
    """Fill what is enclosed and holds no data where it is smaller than a detection may be.

    Decorrelated pixels that the archive masks would else riddle a polygon with hundreds of holes.
    """
    gaps, count = ndimage.label(ndimage.binary_fill_holes(above, np.ones((3, 3))) & ~known)
    rows, columns = np.nonzero(gaps)
    small = np.bincount(gaps[rows, columns], area[rows], count + 1) < smallest_km2
    small[0] = False
    return above | small[gaps]


def _peak(values: np.ndarray, inside: np.ndarray, grid: GeoGrid, corner: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Return the highest probability and the middle of the pixels that have it, as near to one as there is."""
    rows, columns = np.nonzero(inside == inside.max())
    nearest = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
    row, column = corner[0] + rows[nearest], corner[1] + columns[nearest]
    place = [round(float(_longitude(grid, column)), DECIMALS), round(float(_latitude(grid, row)), DECIMALS)]
    return {"peak": round(float(values[row, column]), 6), "peak_at": place}


def _latitude(grid: GeoGrid, row: np.ndarray) -> np.ndarray:
    """Return latitudes of pixel centres, degrees."""
    return grid.north - (row + 0.5) * grid.dy


def _longitude(grid: GeoGrid, column: np.ndarray) -> np.ndarray:
    """Return longitudes of pixel centres, degrees."""
    return grid.west + (column + 0.5) * grid.dx


def row_areas(grid: GeoGrid) -> np.ndarray:
    """Return the area of a pixel of each row on the ellipsoid, shape (rows,), km2.

    Exact: the area between the equator and latitude f, for a longitude of 1 rad, is
    b^2 / 2 (sin f / (1 - e^2 sin^2 f) + artanh(e sin f) / e).

    References
    ----------
    Snyder (1987), Map Projections: A Working Manual, USGS Professional Paper 1395, equation 3-12.

    Examples
    --------
    >>> whole = GeoGrid(west=-180, north=90, dx=360, dy=1, rows=180, columns=1)
    >>> round(float(row_areas(whole).sum()) / 1e6, 3)
    510.066
    """
    squared = FLATTENING * (2 - FLATTENING)
    e = np.sqrt(squared)
    sine = np.sin(np.radians(grid.north - np.arange(grid.rows + 1) * grid.dy))
    zone = (SEMI_MAJOR_KM * (1 - FLATTENING)) ** 2 / 2 * (sine / (1 - squared * sine**2) + np.arctanh(e * sine) / e)
    return np.radians(grid.dx) * (zone[:-1] - zone[1:])


def _oriented(geometry: dict[str, Any]) -> dict[str, Any]:
    """Return a polygon with its outer ring counter-clockwise, its holes clockwise, and coordinates rounded."""
    rings = []
    for number, ring in enumerate(geometry["coordinates"]):
        x, y = np.array(ring).T
        turns_left = float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) > 0
        points = [[round(float(east), DECIMALS), round(float(north), DECIMALS)] for east, north in ring]
        rings.append(points if turns_left == (number == 0) else points[::-1])
    return {"type": "Polygon", "coordinates": rings}
