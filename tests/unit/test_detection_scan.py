"""Scanning: a window gets the probability of a stored tile, a pixel the weighted mean of its windows, and a map is a sound GeoTIFF."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import Resampling

from fringeflow.config.models import Model
from fringeflow.detection.blend import Blend, taper
from fringeflow.detection.detector import open_detector, temperatures_of
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.risk import count_values
from fringeflow.detection.windows import Bands, read_windows
from fringeflow.errors import DatasetError, ModelError, ProductError
from fringeflow.files import read_json, write_json
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.tiling import Tile, TileGrid
from fringeflow.models.base import run_digest
from fringeflow.models.registry import resolve_model
from fringeflow.training.train import train_run
from tests.unit.toy_events import phase
from tests.unit.toy_learning import QUICK, SIZE, model, strategy, toy_dataset
from tests.unit.toy_raw import FRAME, NORTH, PIXEL, WEST
from tests.unit.toy_scan import KEY, PAIR, SPECTRA, check_windows_are_tiles, prepared, scan

ROWS, COLUMNS = 700, 300
RUNS = {"wrapped": "hog_svm", "unwrapped": "resnet18", "spectrogram": "resnet18"}
"""One of a view, with a frozen encoder; and one of a network that was trained whole."""
WHOLE = Path("toy/wrapped/resnet18/none")


@pytest.fixture(scope="module")
def raster() -> np.ndarray:
    """Quiet but for a bowl of fringes; the north-west has no data."""
    rng = np.random.default_rng(3)
    values = phase(rng, ROWS, 0)[:, :COLUMNS]
    y, x = np.mgrid[:ROWS, :COLUMNS]
    values += (2 * np.pi * 9 * np.exp(-(((y - 500) / 40) ** 2) - ((x - 150) / 40) ** 2)).astype("f4")
    values[x + y < 260] = np.nan
    return values


@pytest.fixture(scope="module")
def interferograms(raster, tmp_path_factory) -> Path:
    return prepared(tmp_path_factory.mktemp("prepared"), raster)


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Path:
    """Trained ones: of `RUNS`, and `WHOLE`."""
    root = tmp_path_factory.mktemp("runs")
    toy = toy_dataset(root, quiet=12, deformed=6, views=tuple(RUNS))
    jobs = [(view, model(name, view), QUICK.model_copy(update={"epochs": 4, "seeds": [0, 1]})) for view, name in RUNS.items()]
    jobs.append(
        ("wrapped", resolve_model("resnet18", Model(input_size=32, mode="full"), "wrapped"), QUICK.model_copy(update={"epochs": 2}))
    )
    for view, spec, settings in jobs:
        folder = root / "runs/toy" / view / spec.name / "none"
        inputs = toy.samples, toy.dataset, toy.embeddings(spec, view)
        train_run(*inputs, folder, view=view, model=spec, strategy=strategy("none"), settings=settings)
    return root / "runs"


@pytest.fixture(scope="module")
def scanned(interferograms, runs, tmp_path_factory) -> Path:
    return scan(interferograms, runs / "toy/wrapped/hog_svm/none", tmp_path_factory.mktemp("scanned"))


@pytest.mark.parametrize("run", [Path("toy", view, name, "none") for view, name in RUNS.items()] + [WHOLE], ids=str)
def test_a_window_gets_the_probability_of_the_tile_in_its_place(run, raster, interferograms, runs, tmp_path):
    """However many threads, whatever bands the rows were read in: the raster has two chunks."""
    check_windows_are_tiles(interferograms, raster, runs / run, tmp_path, threads=2, stride=16 if run == WHOLE else 48)
    table, about = read_windows(tmp_path / "windows.parquet")
    assert about["run"] == str(run)
    first = table.iloc[0]
    assert np.isclose(first["west"], WEST + first["column"] * PIXEL)
    assert np.isclose(first["south"], NORTH - (first["row"] + SIZE) * PIXEL)


def test_windows_that_overlap_are_encoded_together_where_that_gives_the_same(runs):
    grid = TileGrid(ROWS, COLUMNS, SIZE, 16)
    assert open_detector(runs / WHOLE, SPECTRA).mosaic(grid).factor == 2
    assert open_detector(runs / "toy/wrapped/hog_svm/none", SPECTRA).mosaic(grid).factor == 1
    for view in ("unwrapped", "spectrogram"):
        assert open_detector(runs / "toy" / view / "resnet18/none", SPECTRA).mosaic(grid) is None


def test_a_pixel_gets_the_weighted_mean_of_the_windows_over_it():
    grid = TileGrid(100, 90, 32, 12)
    rng = np.random.default_rng(0)
    tiles = [tile for tile in grid if rng.random() < 0.6 and tile.row < 40]
    scores = rng.random(len(tiles))
    blend = Blend(grid, tiles, scores)
    found = np.concatenate([blend.rows(first, min(first + 17, 100)) for first in range(0, 100, 17)])
    weight = np.outer(taper(32), taper(32))
    total, share = np.zeros((2, 100, 90))
    for tile, score in zip(tiles, scores, strict=True):
        total[tile.window] += weight * score
        share[tile.window] += weight
    np.testing.assert_allclose(found[share > 0], (total / np.maximum(share, 1e-9))[share > 0], rtol=1e-5)
    assert np.isnan(found[share == 0]).all()
    assert (share == 0).any()


def test_where_one_window_lies_alone_its_probability_stands_and_gaps_stay_empty():
    grid = TileGrid(20, 50, 20, 30)
    found = Blend(grid, [Tile(0, 0, 20), Tile(0, 30, 20)], np.array([0.25, 0.75])).rows(0, 20)
    assert (found[:, :20] == 0.25).all()
    assert np.isnan(found[:, 20:30]).all()
    assert (found[:, 30:] == 0.75).all()


def test_the_map_lies_where_the_interferogram_does_and_knows_where_it_comes_from(scanned, raster, runs):
    run = runs / "toy/wrapped/hog_svm/none"
    with rasterio.open(scanned / "probability.tif") as source:
        assert (source.dtypes, source.crs.to_epsg(), source.shape) == (("float32",), 4326, (ROWS, COLUMNS))
        assert np.isnan(source.nodata)
        assert source.transform.almost_equals(rasterio.Affine(PIXEL, 0, WEST, 0, -PIXEL, NORTH), 1e-9)
        assert source.overviews(1) == [2, 4]
        tags, structure = source.tags(), source.tags(ns="IMAGE_STRUCTURE")
        values = source.read(1)
        half = source.read(1, out_shape=(ROWS // 2, COLUMNS // 2), resampling=Resampling.nearest)
    assert (structure["LAYOUT"], structure["COMPRESSION"]) == ("COG", "DEFLATE")
    assert (tags["run"], tags["run_digest"]) == ("toy/wrapped/hog_svm/none", run_digest(run))
    assert (tags["frame"], tags["pair"], tags["stride"], tags["size"]) == (FRAME, PAIR, "48", str(SIZE))
    assert tags["software"].startswith("fringeflow ")
    assert np.isnan(values[np.isnan(raster)]).all()
    assert np.isfinite(values[np.isfinite(raster)]).mean() > 0.95
    table, about = read_windows(scanned / "windows.parquet")
    assert np.nanmin(values) >= np.float32(table["p"].min()) - 1e-6
    assert np.nanmax(values) <= np.float32(table["p"].max()) + 1e-6
    assert about["maps"] == {KEY: count_values(values).tolist()}
    assert np.nanmax(half) > 0
    row, column = np.unravel_index(np.nanargmax(values), values.shape)
    assert np.hypot(row - 500, column - 150) < SIZE, "the peak lies on the fringes"


def test_the_same_scan_gives_the_same_bytes(scanned, interferograms, runs, tmp_path):
    again = scan(interferograms, runs / "toy/wrapped/hog_svm/none", tmp_path, threads=2)
    for name in ("probability.tif", "windows.parquet"):
        assert hashlib.sha256((again / name).read_bytes()).hexdigest() == hashlib.sha256((scanned / name).read_bytes()).hexdigest()
    assert sorted(path.name for path in again.iterdir()) == ["probability.tif", "windows.parquet"]


def test_rows_are_read_as_they_come_and_let_go(interferograms):
    data = open_interferogram(interferograms, KEY)
    bands, whole = Bands(data, "wrapped"), data.read("wrapped")
    for first, stop in ((0, 64), (480, 544), (500, 700), (650, 700)):
        np.testing.assert_array_equal(bands.rows(first, stop), whole[first:stop])
        assert len(bands._held) == (2 if first < 512 < stop else 1)


def test_temperatures_soften_and_never_sharpen(tmp_path, interferograms, runs):
    assert temperatures_of(tmp_path, [3, 4]) == {3: 1.0, 4: 1.0}
    write_json(tmp_path / "metrics.json", {"seeds": [3, 4], "temperature": [0.05, 2.5]})
    assert temperatures_of(tmp_path, [3, 4]) == {3: 1.0, 4: 2.5}

    run = tmp_path / "runs/toy/wrapped/hog_svm/none"
    run.parent.mkdir(parents=True)
    run.symlink_to(runs / "toy/wrapped/hog_svm/none")
    plain, _ = read_windows(scan(interferograms, run, tmp_path / "plain") / "windows.parquet")
    metrics = {"seeds": [entry["seed"] for entry in read_json(run / "run.json")["fits"]]}
    try:
        write_json(run / "metrics.json", {**metrics, "temperature": [2.0] * len(metrics["seeds"])})
        soft, about = read_windows(scan(interferograms, run, tmp_path / "soft") / "windows.parquet")
    finally:
        (run / "metrics.json").unlink()
    assert set(about["temperatures"].values()) == {2.0}
    np.testing.assert_allclose(np.log(soft["p"] / (1 - soft["p"])), np.log(plain["p"] / (1 - plain["p"])) / 2, rtol=1e-6)


def test_bad_input_is_told(interferograms, runs, tmp_path):
    run = runs / "toy/wrapped/hog_svm/none"
    with pytest.raises(ModelError, match=r"no trained run of that name; did you mean 'toy/wrapped/hog_svm/none'\?"):
        scan(interferograms, runs / "toy/wrapped/hog_svn/none", tmp_path)
    with pytest.raises(ModelError, match="holds no trained run at all"):
        scan(interferograms, tmp_path / "nowhere/toy/wrapped/hog_svm/none", tmp_path)
    with pytest.raises(ProductError, match=f"{KEY} has {ROWS} x {COLUMNS} pixels, less than a window of 512 x 512"):
        scan(interferograms, run, tmp_path, size=512)
    with pytest.raises(DatasetError, match="no prepared interferogram"):
        scan(interferograms, run, tmp_path, key=f"{FRAME}/20200101_20200113")
    assert not list(tmp_path.iterdir()), "nothing is left behind"


@pytest.mark.parametrize(("pixel_deg", "passes"), [(None, True), (0.0012, True), (0.003, False), (0.0003, False)])
def test_pixels_of_another_size_than_in_training_are_refused(pixel_deg, passes, interferograms, runs, tmp_path):
    """Here they measure 0.001 degree, as in runs that do not tell."""
    run = tmp_path / "runs/toy/wrapped/hog_svm/none"
    shutil.copytree(runs / "toy/wrapped/hog_svm/none", run)
    write_json(run / "run.json", {**read_json(run / "run.json"), "pixel_deg": pixel_deg})
    if passes:
        assert (scan(interferograms, run, tmp_path / "out") / "probability.tif").exists()
        return
    with pytest.raises(ProductError, match=f"{KEY} has pixels of 0.001 x 0.001 degrees; expected about {pixel_deg}"):
        scan(interferograms, run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"view": "images"}, r"trained on the view 'images'; interferograms can be scanned with runs on wrapped, unwrapped, spectrogram"),
        ({"view": "unwrapped", "encoding": "rgb"}, "the encoding 'rgb' is not defined for the view 'unwrapped'"),
        ({"positive": None}, "no positive class among no_deformation, deformation"),
    ],
)
def test_runs_that_cannot_be_used_are_told(change, error, interferograms, runs, tmp_path):
    about = read_json(runs / "toy/wrapped/hog_svm/none/run.json")
    about["model"]["encoder"]["encoding"] = change.pop("encoding", about["model"]["encoder"]["encoding"])
    run = tmp_path / "runs/d/v/m/s"
    write_json(run / "run.json", {**about, **change})
    with pytest.raises(ModelError, match=error):
        scan(interferograms, run, tmp_path / "out")


def test_interferograms_without_data_or_a_place_are_told(raster, runs, tmp_path):
    run = runs / "toy/wrapped/hog_svm/none"
    sparse = np.where(np.random.default_rng(0).random(raster.shape) < 0.3, raster, np.nan)
    store = prepared(tmp_path, sparse)
    with pytest.raises(DatasetError, match=r"none of the \d+ windows of .* has wrapped phase in 50% of its pixels"):
        scan(store, run, tmp_path / "out")
    shutil.rmtree(store / KEY / "unwrapped")
    with pytest.raises(DatasetError, match="has no unwrapped phase, which the view 'unwrapped' of toy/unwrapped/resnet18/none is made of"):
        scan(store, runs / "toy/unwrapped/resnet18/none", tmp_path / "out")
    about = read_json(store / KEY / "spatial_ref/zarr.json")
    write_json(store / KEY / "spatial_ref/zarr.json", {**about, "attributes": {}})
    with pytest.raises(ProductError, match="has no coordinate reference system; expected EPSG:4326"):
        scan(store, run, tmp_path / "out")
    with pytest.raises(ProductError, match="cannot be read as a GeoTIFF"):
        read_probability(store / "zarr.json")
