"""Small raw interferograms as `fetch` leaves them: GeoTIFFs beside a manifest."""

import hashlib
import json
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from fringeflow.insar.phase import wrap

FRAME = "102A_05000_131313"
PIXEL = 0.001
WEST, NORTH = 22.0, 40.0
"""Outer corner of the upper-left pixel."""


def write_tiff(path: Path, values: np.ndarray, *, west: float = WEST, north: float = NORTH, south_up: bool = False) -> None:
    """Write one band as the archive does: deflated, EPSG:4326, no nodata tag; `values` are north up."""
    transform = from_origin(west, north, PIXEL, PIXEL)
    if south_up:
        values = values[::-1]
        transform = rasterio.Affine(PIXEL, 0, west, 0, PIXEL, north - PIXEL * values.shape[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = values.shape
    profile = {"driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": values.dtype, "crs": "EPSG:4326"}
    with rasterio.open(path, "w", **profile, transform=transform, compress="deflate") as target:
        target.write(values, 1)


def write_raw(raw: Path, pair: str, products: dict[str, np.ndarray], *, frame: str = FRAME, **grids: dict) -> Path:
    """Write an interferogram's products and its manifest; `grids` holds keywords of `write_tiff` by product."""
    folder = raw / frame / pair
    listed = {}
    for name, values in products.items():
        path = folder / f"{pair}.geo.{name}.tif"
        write_tiff(path, values, **grids.get(name, {}))
        listed[name] = {"url": "https://example.org/x", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps({"frame": frame, "pair": pair, "products": listed}))
    return folder


def smooth_phase(rows: int = 96, columns: int = 128, cycles: float = 3.0) -> np.ndarray:
    """Return a smooth hill of phase, radians, that never is exactly 0."""
    y, x = np.mgrid[:rows, :columns]
    hill = np.exp(-(((y - 0.4 * rows) / (0.25 * rows)) ** 2) - ((x - 0.55 * columns) / (0.25 * columns)) ** 2)
    return (2 * np.pi * cycles * hill + 0.013 * x + 0.1234).astype("f4")


def products_of(phase: np.ndarray, *names: str) -> dict[str, np.ndarray]:
    """Return products of a phase as the archive stores them: 0 for no data, coherence in bytes."""
    seen = np.isfinite(phase)
    whole = {
        "unw": np.where(seen, phase, 0).astype("f4"),
        "diff_pha": np.where(seen, wrap(np.where(seen, phase, 0)), 0).astype("f4"),
        "cc": np.where(seen, 204, 0).astype("u1"),
    }
    return {name: whole[name] for name in names or whole}
