"""Prepare: from an interferogram's products to aligned wrapped and unwrapped phase, one event at a time."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dask
import dask.threaded
import numpy as np
import rioxarray  # noqa: F401  (registers the `rio` accessor)
import xarray as xr
import zarr

from fringeflow.config.models import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import ProductError
from fringeflow.files import atomic, canonical_json, read_json, sha256_text
from fringeflow.insar.align import align
from fringeflow.insar.deposit import write_interferogram
from fringeflow.insar.phase import PI, rewrap
from fringeflow.insar.unwrap import UNWRAPPERS, unwrap
from fringeflow.licsar.names import PHASES, PRODUCTS, product_file
from fringeflow.licsar.products import read_into, read_product
from fringeflow.progress import track

logger = logging.getLogger(__name__)

ROLES = {"diff_pha": "wrapped", "unw": "unwrapped", "cc": "coherence"}
BAND_ROWS = 256
DESCRIPTIONS = {
    "wrapped": {"long_name": "wrapped interferometric phase", "units": "rad", "valid_range": [-float(PI), float(PI)]},
    "unwrapped": {"long_name": "unwrapped interferometric phase, positive where range increased", "units": "rad"},
    "coherence": {"long_name": "interferometric coherence", "units": "1", "valid_range": [0.0, 1.0]},
    "valid": {"long_name": "wrapped phase holds data"},
}


def prepare_event(event: Event, interferograms: list[Interferogram], raw: Path, settings: Prepare, out: Path, *, threads: int = 2) -> str:
    """Prepare every interferogram of an event, one after the other.

    Memory is bounded by two interferograms, whatever their number: one is written while the next is read.

    Parameters
    ----------
    event : Event
    interferograms : list of Interferogram
    raw : Path
        Folder of `{frame}/{pair}/manifest.json`, with the products beside it.
    settings : Prepare
    out : Path
        The `interferograms.zarr` to make; it appears when all are done.
    threads : int
        Of dask.

    Returns
    -------
    str
        Digest of the content, also in the root attributes.

    Raises
    ------
    ProductError
        If a product is missing, corrupt, empty, or on another grid than its siblings.
    """
    if not interferograms:
        raise ProductError(f"event '{event.event}' has no interferogram to prepare; add rows to the interferograms table")
    entries: list[dict[str, Any]] = []
    with atomic(out) as part, dask.config.set(scheduler=dask.threaded.get, num_workers=threads), ThreadPoolExecutor(1) as writer:
        root = zarr.create_group(part, zarr_format=3)
        # One interferogram is written while the next is read.
        written: list[Future[dict[str, str]]] = []
        for interferogram in track(sorted(interferograms, key=lambda row: row.key), desc=f"prepare {event.event}", unit="pair"):
            dataset = prepare_interferogram(interferogram, Path(raw), settings)
            for future in written[-1:]:
                future.result()
            written.append(writer.submit(write_interferogram, part, interferogram.key, dataset, threads=threads))
            entries.append(
                {
                    "frame": interferogram.frame,
                    "pair": interferogram.pair,
                    "group": interferogram.key,
                    "coseismic": interferogram.is_coseismic(event),
                    "rows": dataset.sizes["y"],
                    "columns": dataset.sizes["x"],
                    "coherence": "coherence" in dataset,
                }
            )
            del dataset
        for entry, future in zip(entries, written, strict=True):
            entry["digests"] = future.result()
        content = sha256_text(canonical_json([[entry["group"], entry["digests"]] for entry in entries]))
        root.attrs.put({"digest": content, "event": event.event, "interferograms": entries})
    return content


def prepare_interferogram(interferogram: Interferogram, raw: Path, settings: Prepare) -> xr.Dataset:
    """Read, align, wrap and unwrap one interferogram.

    Returns
    -------
    Dataset
        In memory, dims (y, x), north up, with `wrapped` and `unwrapped` (float32, rad, NaN for no
        data), `coherence` (float32, 0..1, absent if the archive has none) and `valid` (bool).
        Attributes tell the products and their SHA-256, and how each phase came about.

    Raises
    ------
    ProductError
        As `prepare_event`.
    """
    folder = raw / interferogram.frame / interferogram.pair
    hashes = _listed_products(folder)
    paths = {name: folder / product_file(interferogram.pair, name) for name in ROLES if name in hashes}
    products = align({name: read_product(path, name) for name, path in paths.items()}, paths, settings.grid_tolerance_px)
    arrays, made = _phases(paths, next(iter(products.values())).shape)
    if not arrays["valid"].any():
        some = paths[next(iter(paths))]
        raise ProductError(f"{some}: no pixel holds data; drop {interferogram.key} from the interferograms table or use another mirror")
    if "unwrapped" not in arrays:
        tool = UNWRAPPERS[settings.unwrapper]
        made["unwrapped"] = f"{tool.package} {tool.version}"
        logger.info("unwrapping %s with %s", interferogram.key, made["unwrapped"])
        arrays["unwrapped"] = unwrap(
            arrays["wrapped"],
            arrays.get("coherence"),
            method=settings.unwrapper,
            looks=settings.looks,
            default_coherence=settings.default_coherence,
        )
    grid = next(iter(products.values()))
    dataset = xr.Dataset(
        {name: (("y", "x"), arrays[name], description) for name, description in DESCRIPTIONS.items() if name in arrays},
        coords={
            "y": ("y", grid.y.values, {"standard_name": "latitude", "long_name": "latitude of pixel centres", "units": "degrees_north"}),
            "x": ("x", grid.x.values, {"standard_name": "longitude", "long_name": "longitude of pixel centres", "units": "degrees_east"}),
        },
        attrs={
            "frame": interferogram.frame,
            "pair": interferogram.pair,
            "products": {paths[name].name: hashes[name] for name in paths},
            "wrapped_from": made["wrapped"],
            "unwrapped_from": made["unwrapped"],
        },
    )
    dataset.rio.write_crs(grid.rio.crs, inplace=True).rio.write_transform(grid.rio.transform(), inplace=True)
    return dataset


def _listed_products(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each product that the manifest lists, by product name."""
    path = folder / "manifest.json"
    try:
        listed = read_json(path)["products"]
        hashes = {name: str(listed[name]["sha256"]) for name in PRODUCTS if name in listed}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ProductError(
            f"{path}: cannot be read as a manifest ({type(error).__name__}: {error}); fetch the interferogram again"
        ) from error
    if not any(name in hashes for name in PHASES):
        listed = ", ".join(hashes) or "no product"
        raise ProductError(
            f"{path}: lists {listed}; expected {' or '.join(PHASES)}. Drop the interferogram from the table or use another mirror"
        )
    return hashes


def _phases(paths: dict[str, Path], shape: tuple[int, ...]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the products, which lie on one grid, and tell what each phase was made from."""
    made = {"wrapped": "diff_pha" if "diff_pha" in paths else "rewrapped unw"}
    arrays = {ROLES[name]: np.empty(shape, np.float32) for name in paths}
    for name, path in paths.items():
        read_into(path, name, arrays[ROLES[name]])
    if "unwrapped" in arrays:
        made["unwrapped"] = "unw"
    wrapped = arrays.setdefault("wrapped", np.empty(shape, np.float32))
    unwrapped, coherence = arrays.get("unwrapped"), arrays.get("coherence")
    valid = arrays["valid"] = np.empty(shape, bool)

    def finish(first: int) -> None:
        band = slice(first, first + BAND_ROWS)
        if "diff_pha" not in paths and unwrapped is not None:
            wrapped[band] = rewrap(unwrapped[band])
        elif _leaves_one_cycle(wrapped[band]):
            wrapped[band] = rewrap(wrapped[band])
        np.isfinite(wrapped[band], out=valid[band])
        if coherence is not None:
            seen = valid[band] if unwrapped is None else valid[band] | np.isfinite(unwrapped[band])
            np.copyto(coherence[band], np.float32(np.nan), where=~seen)

    dask.compute(*(dask.delayed(finish)(first) for first in range(0, shape[0], BAND_ROWS)))
    return arrays, made


def _leaves_one_cycle(phase: np.ndarray) -> bool:
    """Tell whether what an archive calls wrapped has values outside (-pi, pi], as resampling may leave."""
    low, high = np.fmin.reduce(phase, axis=None, initial=np.float32(0)), np.fmax.reduce(phase, axis=None, initial=np.float32(0))
    return bool(high > PI or low <= -PI)
