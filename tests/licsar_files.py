"""Small LiCSAR files for tests: products with a known content, and mirrors that hold them."""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

FRAME = "102A_05000_131313"
PAIR = "20210218_20210303"
GRID = Affine(0.001, 0, 21.7, 0, -0.001, 40.1)


def phase(rows: int = 60, columns: int = 80, *, seed: int = 0) -> np.ndarray:
    """Return noise in (-3, 3) radians with a no-data margin of exact zeros on the left."""
    values = np.random.default_rng(seed).uniform(0.1, 3, (rows, columns)).astype(np.float32)
    values *= np.where(np.arange(columns) % 2, 1, -1).astype(np.float32)
    values[:, :5] = 0
    return values


def coherence(rows: int = 60, columns: int = 80, *, seed: int = 0) -> np.ndarray:
    """Return coherence as the archive stores it, 0..255."""
    return np.random.default_rng(seed).integers(0, 256, (rows, columns), dtype=np.uint8)


def write_tif(path: Path, values: np.ndarray, *, transform: Affine = GRID, crs: Any = "EPSG:4326", **options: Any) -> Path:
    """Write a striped GeoTIFF of one or more bands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bands = values[None] if values.ndim == 2 else values
    profile = {"driver": "GTiff", "dtype": values.dtype, "compress": "deflate", "blockysize": 4, **options}
    with rasterio.open(
        path, "w", width=bands.shape[2], height=bands.shape[1], count=len(bands), crs=crs, transform=transform, **profile
    ) as target:
        target.write(bands)
    return path


def write_pair(folder: Path, pair: str = PAIR, products: tuple[str, ...] = ("unw", "diff_pha", "cc"), **shape: int) -> Path:
    """Write the products of one interferogram into a folder."""
    for seed, product in enumerate(products):
        values = coherence(seed=seed, **shape) if product == "cc" else phase(seed=seed, **shape)
        write_tif(folder / f"{pair}.geo.{product}.tif", values)
    return folder


def jasmin(root: Path, frame: str = FRAME, pair: str = PAIR, **options: Any) -> Path:
    """Write an interferogram where a mirror of JASMIN's layout keeps it; return its folder."""
    return write_pair(root / str(int(frame[:3])) / frame / "interferograms" / pair, pair, **options)


def ceda(root: Path, frame: str = FRAME, pair: str = PAIR, **options: Any) -> Path:
    """Write an interferogram where a mirror of CEDA's layout keeps it; return its folder."""
    return write_pair(root / f"{int(frame[:3]):02d}" / frame / pair, pair, **options)
