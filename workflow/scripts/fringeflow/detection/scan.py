"""Scan an interferogram for fringes: every window of it scored by a trained run, and blended into a map."""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fringeflow import __version__
from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.detection.blend import Blend
from fringeflow.detection.detector import Detector, in_order, open_detector
from fringeflow.detection.geotiff import write_probability
from fringeflow.detection.risk import EDGES, count_values
from fringeflow.detection.windows import Bands, WindowReader, window_table, write_windows
from fringeflow.errors import DatasetError, ProductError
from fringeflow.files import sha256_file
from fringeflow.insar.prepared import Prepared, open_interferogram
from fringeflow.insar.tiling import GeoGrid, TileGrid
from fringeflow.progress import progress_bar
from fringeflow.training.embed import BATCH

logger = logging.getLogger(__name__)
OTHER_PIXELS = 1.3
"""Factor by which pixels may differ in size from those of training: fringes vary by more than that among earthquakes."""
ROWS = 64
"""Of a band that is blended and written at a time: it stays in the processor's cache."""


def scan_interferogram(
    interferograms: Path,
    key: str,
    run: Path | Detector,
    settings: Detect,
    *,
    size: int,
    spectrogram: Spectrogram,
    out: Path,
    windows: Path,
    stamp: str = "",
    threads: int = 1,
    batch: int = BATCH,
) -> None:
    """Score the windows of an interferogram and map the probability of fringes.

    Windows are cut, encoded and embedded by the functions that training uses, in batches of the same size, so that a
    window gets the probability that a stored tile gets. Memory is bounded by bands of rows and a few batches.

    Parameters
    ----------
    interferograms : Path
        interferograms.zarr of an event.
    key : str
        `frame/pair`.
    run : Path or Detector
        Folder of a trained run, or one that is open.
    settings : Detect
        Stride and least share of data; a window counts as far as it has the phase that the run's view is made of.
    size : int
        Side of a window, pixels: that of the run's tiles.
    spectrogram : Spectrogram
        With which the run's tiles were made.
    out : Path
        Map to write, a cloud-optimised GeoTIFF: float32, 0 to 1, EPSG:4326, NaN where there is no data or no window.
    windows : Path
        Table to write, Parquet: one row a scored window. Its metadata tell the run, and how the map's values
        are distributed (`risk.count_values`). Written last.
    stamp : str
        Of all that the scan is made of: kept in the table, beside the SHA-256 of the map, for `scan_event`.
    threads : int
        Batches at work at a time.
    batch : int
        Windows in a batch.

    Raises
    ------
    DatasetError
        If the interferogram is missing, damaged, or has no window with enough data.
    ProductError
        If it has no coordinate reference system, is smaller than a window, or its pixels are of another size than those that
        the run was trained on.
    ModelError
        If there is no such run, or it cannot be used on interferograms.
    """
    detector = run if isinstance(run, Detector) else open_detector(Path(run), spectrogram)
    data = _open(Path(interferograms), key, detector)
    geo = GeoGrid.from_centres(data.latitude, data.longitude)
    _check_pixels(interferograms, key, geo, detector)
    grid = _grid(interferograms, key, geo, size, settings.stride)
    reader = WindowReader(Bands(data, detector.source), grid, settings.min_valid, batch, detector.mosaic(grid))
    scores = detector.scores(_watched(reader, len(grid), key), threads=threads)
    if not reader.tiles:
        raise DatasetError(
            f"{interferograms}: none of the {len(grid)} windows of {key} has {detector.source} phase in {settings.min_valid:.0%} of its "
            "pixels; lower detect.min_valid, or leave the interferogram out"
        )
    logger.info("%s: %d of %d windows scored, the highest %.4f", key, len(scores), len(grid), scores.max())
    frame, pair = key.split("/")
    table = window_table(key, reader.tiles, reader.valid_fractions, scores, geo)
    about = {
        "run": detector.name,
        "run_digest": detector.digest,
        "view": detector.run.view,
        "temperatures": {str(seed): value for seed, value in detector.temperatures.items()},
        "size": size,
        "stride": settings.stride,
        "min_valid": settings.min_valid,
        "software": f"fringeflow {__version__}",
    }
    tags = {
        "frame": frame,
        "pair": pair,
        **{name: str(about[name]) for name in ("run", "run_digest", "view", "size", "stride", "software")},
    }
    counts = np.zeros(len(EDGES), np.int64)
    bands = _masked(Blend(grid, reader.tiles, scores), Bands(data, detector.source), grid, counts, threads)
    write_probability(out, bands, geo, tags, threads=threads)
    stamped = {"stamp": stamp, "map": sha256_file(out)} if stamp else {}
    write_windows(windows, table, {**about, **stamped, "maps": {key: counts.tolist()}})


def _open(interferograms: Path, key: str, detector: Detector) -> Prepared:
    """Open the interferogram and make sure that it has what the run needs."""
    data = open_interferogram(interferograms, key)
    if detector.source not in data:
        raise DatasetError(
            f"{interferograms}: {key} has no {detector.source} phase, which the view '{detector.run.view}' of {detector.name} is made of; "
            "run `prepare` for the event again, or scan with a run on another view"
        )
    if "spatial_ref" not in data or not data.arrays["spatial_ref"].attrs.get("crs_wkt"):
        raise ProductError(
            f"{interferograms}: {key} has no coordinate reference system; expected EPSG:4326. To do: run `prepare` for the event again"
        )
    return data


def _check_pixels(interferograms: Path, key: str, geo: GeoGrid, detector: Detector) -> None:
    """Refuse pixels of another size: fringes would look wider or narrower than any that the run has seen."""
    if not all(1 / OTHER_PIXELS <= size / detector.pixel_deg <= OTHER_PIXELS for size in (geo.dx, geo.dy)):
        raise ProductError(
            f"{interferograms}: {key} has pixels of {geo.dx:.5g} x {geo.dy:.5g} degrees; expected about {detector.pixel_deg:.5g}, as in the "
            f"tiles that {detector.name} was trained on. Leave it out, resample it, or scan with a run that was trained on such pixels"
        )


def _grid(interferograms: Path, key: str, geo: GeoGrid, size: int, stride: int) -> TileGrid:
    """Return where windows lie."""
    if min(geo.rows, geo.columns) < size:
        raise ProductError(
            f"{interferograms}: {key} has {geo.rows} x {geo.columns} pixels, less than a window of {size} x {size}; leave it out, or scan "
            "with a run that was trained on smaller tiles"
        )
    return TileGrid(geo.rows, geo.columns, size, stride)


def _watched(reader: WindowReader, total: int, key: str) -> Iterator[np.ndarray]:
    """Yield batches while a bar advances, skipped windows too."""
    with progress_bar(total, desc=f"scan {key}", unit="window") as bar:
        for windows in reader:
            yield windows
            bar.update(len(windows))


def _masked(blended: Blend, phase: Bands, grid: TileGrid, counts: np.ndarray, threads: int) -> Iterator[np.ndarray]:
    """Yield bands of the map without what has no data, which windows lie over all the same, and add what is left to `counts`."""

    def made(given: tuple[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        first, seen = given
        band = blended.rows(first, first + len(seen))
        band[~np.isfinite(seen)] = np.nan
        return band, count_values(band)

    read = ((first, phase.rows(first, min(first + ROWS, grid.rows))) for first in range(0, grid.rows, ROWS))
    for band, counted in in_order(made, read, threads):
        counts += counted
        yield band
