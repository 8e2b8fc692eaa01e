"""Writing simulated interferograms as a LiCSAR mirror would hold them."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile

from fringeflow.config.models import Simulation
from fringeflow.config.tables import Event, Interferogram
from fringeflow.files import atomic, sha256_file, write_json
from fringeflow.licsar.names import product_file, track_number
from fringeflow.simulate.scene import Product, Scene
from fringeflow.simulate.streams import stream


def simulate_event(
    event: Event, interferograms: list[Interferogram], settings: Simulation, seed: int, root: Path, out: Path
) -> list[dict[str, Any]]:
    """Write an event's interferograms in the layout of the JASMIN mirror, and list them.

    Folders are `{root}/{int(track)}/{frame}/interferograms/{pair}`, files `{pair}.geo.{diff_pha,unw,cc}.tif`:
    float32, float32 and uint8 in EPSG:4326, without a nodata tag. As in the real archive no data is 0 in
    `diff_pha` and `cc`, and 0 or NaN in `unw`; some pairs have no `unw`, a few rasters stand south up, and
    some grids of one pair differ in their last digits. `unw` is `diff_pha` plus whole fringes, but for the
    rounding of float32.

    Parameters
    ----------
    event : Event
    interferograms : list of Interferogram
        The event's own; their order does not matter.
    settings : Simulation
    seed : int
    root : Path
        `LiCSAR_products`, made if need be. Each pair's folder is replaced as a whole.
    out : Path
        A JSON list of what was written, itself written last.

    Returns
    -------
    list of dict
        `path` below `root`, `bytes` and `sha256` of every file, by path.

    Raises
    ------
    ConfigError
        If the event cannot be simulated.
    """
    frames: dict[str, list[Interferogram]] = defaultdict(list)
    for interferogram in interferograms:
        frames[interferogram.frame].append(interferogram)
    listed: list[dict[str, Any]] = []
    for frame, pairs in frames.items():
        scene = Scene(event, frame, settings, seed)
        for interferogram in pairs:
            folder = Path(root) / str(track_number(frame)) / frame / "interferograms" / interferogram.pair
            with atomic(folder) as part:
                part.mkdir()
                _write_pair(part, scene, interferogram)
            for path in folder.iterdir():
                listed.append({"path": path.relative_to(root).as_posix(), "bytes": path.stat().st_size, "sha256": sha256_file(path)})
    listed.sort(key=lambda entry: str(entry["path"]))
    write_json(out, listed)
    return listed


def _write_pair(folder: Path, scene: Scene, interferogram: Interferogram) -> None:
    """Write the products of one pair, with the irregularities that its name draws."""
    product: Product = scene.interferogram(interferogram)
    rng = stream(scene.seed, scene.event.event, scene.frame, interferogram.pair, "archive")
    without_unw, zero_is_no_data = rng.random() < 1 / 3, rng.random() < 0.5
    unwrapped = np.where(np.isnan(product.unwrapped), np.float32(0.0), product.unwrapped) if zero_is_no_data else product.unwrapped
    products: dict[str, NDArray[Any]] = {"diff_pha": product.wrapped, "unw": unwrapped, "cc": product.coherence}
    for name, array in products.items():
        south_up, shifted, digits = rng.random() < 0.06, rng.random() < 0.2, rng.normal(0.0, 1e-8, size=2)
        if name == "unw" and (without_unw or not np.isfinite(product.unwrapped).any()):
            continue
        shift = digits if shifted else np.zeros(2)
        path = folder / product_file(interferogram.pair, name)
        write_raster(path, array, scene.latitude + shift[0], scene.longitude + shift[1], south_up=south_up)


def write_raster(
    path: Path, array: NDArray[Any], latitude: NDArray[np.float64], longitude: NDArray[np.float64], *, south_up: bool = False
) -> None:
    """Write one product as LiCSAR does: deflated strips, EPSG:4326, no nodata tag.

    Parameters
    ----------
    path : Path
    array : ndarray, shape (rows, columns)
    latitude, longitude : ndarrays
        Pixel centres; latitudes descending.
    south_up : bool
        Store the southernmost row first, under a transform that says so.
    """
    height, width = array.shape
    down = float(latitude[-1] - latitude[0]) / (height - 1)
    right = float(longitude[-1] - longitude[0]) / (width - 1)
    if south_up:
        array, latitude, down = array[::-1], latitude[::-1], -down
    transform = Affine(right, 0.0, float(longitude[0]) - 0.5 * right, 0.0, down, float(latitude[0]) - 0.5 * down)
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": array.dtype.name}
    with MemoryFile() as memory:  # GDAL does not tell of a full disk when it closes a file
        with memory.open(crs="EPSG:4326", transform=transform, compress="deflate", **profile) as raster:
            raster.write(np.ascontiguousarray(array), 1)
        path.write_bytes(memory.read())
