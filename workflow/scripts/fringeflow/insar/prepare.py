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

from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.crew import Crew, attempt, settle, workshop
from fringeflow.errors import ProductError
from fringeflow.files import atomic, canonical_json, read_json, sha256_text
from fringeflow.insar.align import align
from fringeflow.insar.deposit import write_interferogram
from fringeflow.insar.phase import PI, rewrap
from fringeflow.insar.unwrap import UNWRAPPERS, unwrap
from fringeflow.licsar.names import PHASES, PRODUCTS, product_file
from fringeflow.licsar.plausible import check_range, check_together, step_of
from fringeflow.licsar.products import read_band, read_product, row_bands
from fringeflow.progress import track

logger = logging.getLogger(__name__)

ROLES = {"diff_pha": "wrapped", "unw": "unwrapped", "cc": "coherence"}
DESCRIPTIONS = {
    "wrapped": {"long_name": "wrapped interferometric phase", "units": "rad", "valid_range": [-float(PI), float(PI)]},
    "unwrapped": {"long_name": "unwrapped interferometric phase, positive where range increased", "units": "rad"},
    "coherence": {"long_name": "interferometric coherence", "units": "1", "valid_range": [0.0, 1.0]},
    "valid": {"long_name": "wrapped phase holds data"},
}


def prepare_event(
    event: Event,
    interferograms: list[Interferogram],
    raw: Path,
    settings: Prepare,
    out: Path,
    *,
    threads: int = 2,
    crew: Crew | None = None,
) -> str:
    """Prepare every interferogram of an event.

    Memory is bounded by two interferograms, whatever their number: one is written while the next is read. With a crew,
    each of its members holds one.

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
        Of dask, where there is no crew.
    crew : Crew, optional
        Who shares the interferograms; the result is the same.

    Returns
    -------
    str
        Digest of the content, also in the root attributes.

    Raises
    ------
    ProductError
        If a product is missing, corrupt, empty, on another grid than its siblings, too large, or has the values of another
        product.
    """
    if not interferograms:
        raise ProductError(f"event '{event.event}' has no interferogram to prepare; add rows to the interferograms table")
    rows, out = sorted(interferograms, key=lambda row: row.key), out.absolute()
    with atomic(out) as part:
        root = zarr.create_group(part, zarr_format=3)
        if crew is None:
            entries = _prepare_here(event, rows, Path(raw), settings, part, threads)
        else:
            for frame in sorted({row.frame for row in rows}):
                root.require_group(frame)
            with workshop(out) as folder:
                pieces = [(event, row, Path(raw).absolute(), settings, part, folder) for row in rows]
                entries = crew.each(_prepare_piece, pieces, desc=f"prepare {event.event}", unit="pair")
        content = sha256_text(canonical_json([[entry["group"], entry["digests"]] for entry in entries]))
        root.attrs.put({"digest": content, "event": event.event, "interferograms": entries})
    return content


def _prepare_here(
    event: Event, interferograms: list[Interferogram], raw: Path, settings: Prepare, store: Path, threads: int
) -> list[dict[str, Any]]:
    """Prepare interferograms one after the other by threads of this process."""
    entries: list[dict[str, Any]] = []
    with dask.config.set(scheduler=dask.threaded.get, num_workers=threads), ThreadPoolExecutor(1) as writer:
        # One interferogram is written while the next is read.
        written: list[Future[dict[str, str]]] = []
        before: dict[str, np.ndarray] = {}
        spare: dict[str, np.ndarray] = {}
        for interferogram in track(interferograms, desc=f"prepare {event.event}", unit="pair"):
            dataset = prepare_interferogram(interferogram, raw, settings, spare)
            for future in written[-1:]:
                future.result()
            before, spare = {str(name): dataset[name].values for name in dataset.data_vars}, before
            written.append(writer.submit(write_interferogram, store, interferogram.key, dataset, threads=threads))
            entries.append(_entry(event, interferogram, dataset))
            del dataset
        for entry, future in zip(entries, written, strict=True):
            entry["digests"] = future.result()
    return entries


def _prepare_piece(event: Event, interferogram: Interferogram, raw: Path, settings: Prepare, store: Path, pieces: Path) -> dict[str, Any]:
    """Prepare one interferogram, as one of a crew."""
    dataset = prepare_interferogram(interferogram, raw, settings)
    with attempt(pieces) as folder:
        zarr.create_group(folder, zarr_format=3)
        digests = write_interferogram(folder, interferogram.key, dataset, threads=1)
        settle(folder / interferogram.key, store / interferogram.key)
    return {**_entry(event, interferogram, dataset), "digests": digests}


def _entry(event: Event, interferogram: Interferogram, dataset: xr.Dataset) -> dict[str, Any]:
    """Return what the index says of a prepared interferogram."""
    return {
        "frame": interferogram.frame,
        "pair": interferogram.pair,
        "group": interferogram.key,
        "coseismic": interferogram.is_coseismic(event),
        "rows": dataset.sizes["y"],
        "columns": dataset.sizes["x"],
        "coherence": "coherence" in dataset,
    }


def prepare_interferogram(
    interferogram: Interferogram, raw: Path, settings: Prepare, spare: dict[str, np.ndarray] | None = None
) -> xr.Dataset:
    """Read, align, wrap and unwrap one interferogram.

    Parameters
    ----------
    interferogram : Interferogram
    raw : Path
        As in `prepare_event`.
    settings : Prepare
    spare : dict of ndarray, optional
        Arrays of an interferogram that is no longer needed: read into where they fit.

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
    name, product = next(iter(products.items()))
    if product.size > settings.max_pixels:
        raise ProductError(
            f"{paths[name]}: found {product.shape[0]} x {product.shape[1]} pixels; expected at most {settings.max_pixels:,} "
            f"(prepare: max_pixels). To do: raise that if there is the memory, or drop {interferogram.key} from the interferograms table"
        )
    arrays, made = _phases(paths, next(iter(products.values())).shape, {} if spare is None else spare)
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


def _phases(paths: dict[str, Path], shape: tuple[int, ...], spare: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the products, which lie on one grid, and tell what each phase was made from."""
    made = {"wrapped": "diff_pha" if "diff_pha" in paths else "rewrapped unw"}
    arrays = {role: _raster(role, shape, spare) for role in {"wrapped", "valid", *(ROLES[name] for name in paths)}}
    if "unwrapped" in arrays:
        made["unwrapped"] = "unw"
    step = step_of(arrays["wrapped"].size)
    samples: dict[str, list[np.ndarray]] = {name: [] for name in PHASES if name in paths}

    def read(rows: slice) -> None:
        band = {role: array[rows] for role, array in arrays.items()}
        for name, path in paths.items():
            read_band(path, name, rows, band[ROLES[name]])
            if name in samples:
                values = band[ROLES[name]].ravel()[::step]
                samples[name].append(values[np.isfinite(values)])
        wrapped, unwrapped = band["wrapped"], band.get("unwrapped")
        if "diff_pha" not in paths and unwrapped is not None:
            wrapped[...] = rewrap(unwrapped)
        elif _leaves_one_cycle(wrapped):
            wrapped[...] = rewrap(wrapped)
        valid = np.isfinite(wrapped, out=band["valid"])
        if "coherence" in band:
            seen = valid if unwrapped is None else valid | np.isfinite(unwrapped)
            np.copyto(band["coherence"], np.float32(np.nan), where=~seen)

    dask.compute(*(dask.delayed(read)(rows) for rows in row_bands(paths.values())))
    for name, values in samples.items():
        check_range(paths[name], name, np.concatenate(values), step)
    check_together(paths, arrays["wrapped"], arrays.get("unwrapped"), arrays.get("coherence"))
    return arrays, made


def _raster(role: str, shape: tuple[int, ...], spare: dict[str, np.ndarray]) -> np.ndarray:
    """Return an array to fill: a spare one if it fits, since fresh memory costs about as much as what is done with it."""
    old = spare.pop(role, None)
    return old if old is not None and old.shape == shape else np.empty(shape, bool if role == "valid" else np.float32)


def _leaves_one_cycle(phase: np.ndarray) -> bool:
    """Tell whether what an archive calls wrapped has values outside (-pi, pi], as resampling may leave."""
    low, high = np.fmin.reduce(phase, axis=None, initial=np.float32(0)), np.fmax.reduce(phase, axis=None, initial=np.float32(0))
    return bool(high > PI or low <= -PI)
