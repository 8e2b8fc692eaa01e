"""A small prepared interferogram, and whether a scan of it tells what its stored tiles tell. Imports no framework."""

from pathlib import Path

import numpy as np

from fringeflow.config.interferograms import Prepare, Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.config.tables import Event, Interferogram
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import read_windows
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.spectrum import spectrogram
from fringeflow.insar.tiling import starts
from fringeflow.store import write_samples
from fringeflow.training.predict import load_run
from tests.unit.toy_learning import SIZE
from tests.unit.toy_raw import FRAME, products_of, write_raw

PAIR = "20210101_20210113"
KEY = f"{FRAME}/{PAIR}"
SPECTRA = Spectrogram(window=SIZE // 2, hop=SIZE // 2, bins=SIZE // 2, max_wavenumber=0.5)
DETECT = Detect(stride=48, min_valid=0.5)


def prepared(root: Path, raster: np.ndarray, *products: str) -> Path:
    """Prepare an interferogram of a raster of phase."""
    write_raw(root / "raw", PAIR, products_of(raster, *(products or ("unw", "diff_pha"))))
    rows = [Interferogram(event="q", frame=FRAME, pair=PAIR)]
    prepare_event(Event(event="q"), rows, root / "raw", Prepare(), root / "interferograms.zarr", threads=1)
    return root / "interferograms.zarr"


def scan(interferograms: Path, run: Path, out: Path, key: str = KEY, settings: Detect = DETECT, **options) -> Path:
    given = {"size": SIZE, "spectrogram": SPECTRA, "threads": 1, **options}
    scan_interferogram(interferograms, key, run, settings, out=out / "probability.tif", windows=out / "windows.parquet", **given)
    return out


def check_windows_are_tiles(
    interferograms: Path, raster: np.ndarray, run: Path, out: Path, *, stride: int = DETECT.stride, **options
) -> None:
    """Scan, and compare with the scores of tiles that are cut from the whole raster, stored, embedded and predicted as training does."""
    settings = DETECT.model_copy(update={"stride": stride})
    table, about = read_windows(scan(interferograms, run, out, settings=settings, **options) / "windows.parquet")
    view = about["view"]
    whole = open_interferogram(interferograms, KEY).read("unwrapped" if view == "unwrapped" else "wrapped")
    rows, columns = raster.shape
    seen = {
        (row, column): np.isfinite(raster[row : row + SIZE, column : column + SIZE]).mean()
        for row in starts(rows, SIZE, stride)
        for column in starts(columns, SIZE, stride)
    }
    kept = [place for place, fraction in seen.items() if fraction >= DETECT.min_valid]
    assert 0 < len(kept) < len(seen)
    assert list(zip(table["row"], table["column"], strict=True)) == kept
    np.testing.assert_allclose(table["valid_fraction"], [seen[place] for place in kept])
    tiles = np.stack([whole[row : row + SIZE, column : column + SIZE] for row, column in kept])
    if view == "spectrogram":
        tiles = spectrogram(tiles, SPECTRA)
    store = out / f"tiles/{view}.zarr"
    write_samples(store, [tiles], count=len(tiles), shape=tiles.shape[1:], attrs={"event": "q", "view": view}, units="rad")
    stored = load_run(run).score([str(store.parent)], out / "cache")["p_deformation"]
    assert np.ptp(stored) > 1e-4, "they differ among themselves"
    np.testing.assert_allclose(table["p"], stored, atol=1e-6)
