"""From a map to detections: polygons, areas, the earthquake near them, the picture, and the ranked table."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from matplotlib.image import imread
from rasterio.features import rasterize

from fringeflow.config.interferograms import Prepare
from fringeflow.config.studies import Detect
from fringeflow.config.tables import Event, Interferogram
from fringeflow.detection.detections import COLUMNS, Scanned, summary
from fringeflow.detection.geotiff import read_probability, write_probability
from fringeflow.detection.outline import outline, row_areas
from fringeflow.detection.quicklook import draw_quicklook
from fringeflow.detection.windows import write_windows
from fringeflow.errors import DatasetError, ProductError
from fringeflow.files import sha256_file, write_json
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.tiling import GeoGrid
from tests.unit.toy_raw import FRAME, NORTH, PIXEL, WEST, products_of, smooth_phase, write_raw

PAIR = "20210218_20210303"
SHAPE = (300, 400)
GRID = GeoGrid(WEST, NORTH, PIXEL, PIXEL, *SHAPE)
SETTINGS = Detect(min_area_km2=4, near_km=50)


def quake(name: str, time: str, row: float, column: float, magnitude: float = 6.0) -> Event:
    place = {"latitude": NORTH - row * PIXEL, "longitude": WEST + column * PIXEL}
    return Event(event=name, time=time, depth_km=8, magnitude=magnitude, **place)


DURING = quake("during", "2021-02-25T10:00:00", 80, 100)
EVENTS = [quake("later", "2021-03-10T10:00:00", 80, 100), DURING, Event(event="quiet"), quake("far", "2021-02-25T10:00:00", 2000, 100)]


def probability() -> np.ndarray:
    """Two bumps above 0.7, one of them with a hole and a gap in the data, and a speck."""
    values = np.full(SHAPE, 0.2, "f4")
    values[60:101, 80:121] = 0.8
    values[80, 100] = 0.95
    values[70:75, 90:95] = 0.4
    values[90:93, 110:113] = np.nan
    values[200:240, 300:400] = 0.9
    values[250:253, 10:13] = 0.99
    values[:, :5] = np.nan
    return values


def write_map(folder: Path, values: np.ndarray, *, pair: str = PAIR, threshold: float = 0.7, digest: str = "d" * 64) -> Path:
    tags = {"frame": FRAME, "pair": pair, "run": "a/wrapped/m/none", "run_digest": digest}
    write_probability(folder / "probability.tif", [values[:100], values[100:]], GeoGrid(WEST, NORTH, PIXEL, PIXEL, *values.shape), tags)
    point = {"threshold": threshold, "window_threshold": 0.5, "rate_promised": 0.1, "attained": False, "scope": "all", "units": 9}
    write_json(folder / "point.json", {**point, "run": "a/wrapped/m/none", "run_digest": digest})
    return folder


def draw(folder: Path, events=EVENTS, settings: Detect = SETTINGS) -> dict:
    return outline(folder / "probability.tif", folder / "point.json", events, settings, folder / "detections.geojson")


def test_polygons_cover_what_reaches_the_threshold_and_are_large_enough(tmp_path):
    values = probability()
    found = draw(write_map(tmp_path, values))
    assert found == json.loads((tmp_path / "detections.geojson").read_text())
    first, second = found["features"]
    assert [feature["properties"]["rank"] for feature in found["features"]] == [1, 2]
    assert (first["properties"]["peak"], second["properties"]["peak"]) == (0.95, 0.9)
    transform = rasterio.transform.from_origin(WEST, NORTH, PIXEL, PIXEL)
    covered = rasterize([(feature["geometry"], 1) for feature in found["features"]], SHAPE, transform=transform)
    expected = (values >= 0.7) & ~(values == np.float32(0.99))
    expected[90:93, 110:113] = True  # a gap in the data, enclosed and small
    np.testing.assert_array_equal(covered.astype(bool), expected)
    for feature in found["features"]:
        shape = shapely.geometry.shape(feature["geometry"])
        assert shape.is_valid
        assert shape.exterior.is_ccw
        assert not any(ring.is_ccw for ring in shape.interiors)
    assert len(first["geometry"]["coordinates"]) == 2, "the low hole stays, the gap is closed"


def test_areas_are_those_on_the_ellipsoid(tmp_path):
    pyproj = pytest.importorskip("pyproj")
    geod = pyproj.Geod(ellps="WGS84")
    found = draw(write_map(tmp_path, probability()))
    for feature in found["features"]:
        area, _ = geod.geometry_area_perimeter(shapely.geometry.shape(feature["geometry"]))
        assert np.isclose(feature["properties"]["area_km2"], area / 1e6, rtol=1e-4)
    assert np.isclose(
        row_areas(GRID).sum() * SHAPE[1],
        geod.geometry_area_perimeter(shapely.box(WEST, NORTH - 0.3, WEST + 0.4, NORTH))[0] / 1e6,
        rtol=1e-4,
    )
    assert found["interferogram"]["area_above_km2"] > sum(feature["properties"]["area_km2"] for feature in found["features"])


def test_centroid_peak_and_mean_are_those_of_the_region(tmp_path):
    first, second = (feature["properties"] for feature in draw(write_map(tmp_path, probability()))["features"])
    assert first["peak_at"] == [round(WEST + 100.5 * PIXEL, 7), round(NORTH - 80.5 * PIXEL, 7)]
    np.testing.assert_allclose(second["centroid"], [WEST + 350 * PIXEL, NORTH - 220 * PIXEL], atol=2e-5)
    assert abs(second["peak_at"][0] - (WEST + 350 * PIXEL)) < 2 * PIXEL, "in the middle of a plateau"
    assert np.isclose(second["mean"], 0.9)
    assert 0.8 < first["mean"] < 0.801
    assert (first["frame"], first["pair"], first["run"], first["threshold"]) == (FRAME, PAIR, "a/wrapped/m/none", 0.7)


@pytest.mark.parametrize(
    ("events", "name", "days"),
    [
        (EVENTS, "during", 0),
        ([quake("on_the_day", "2021-03-03T16:00:00", 80, 100)], "on_the_day", 0),
        ([quake("later", "2021-03-10T10:00:00", 80, 100)], "later", 7),
        ([quake("before", "2021-02-10T10:00:00", 80, 100)], "before", -8),
        ([quake("old", "2020-02-10T10:00:00", 80, 100)], None, None),
        ([quake("near", "2021-02-25T10:00:00", 90, 100, 5.0), quake("nearer", "2021-02-25T10:00:00", 81, 100, 5.0)], "nearer", 0),
        ([], None, None),
    ],
)
def test_the_earthquake_between_the_dates_is_named_before_any_other(events, name, days, tmp_path):
    properties = draw(write_map(tmp_path, probability()), events)["features"][0]["properties"]
    assert (properties["earthquake"], properties["days"]) == (name, days)
    if name == "during":
        assert properties["magnitude"] == 6.0
        assert 0 < properties["distance_km"] < 1


def test_no_detection_gives_an_empty_collection_that_still_tells_about_the_map(tmp_path):
    for threshold in (0.995, np.nextafter(1.0, 2.0)):
        found = draw(write_map(tmp_path, probability(), threshold=threshold))
        assert (found["type"], found["features"]) == ("FeatureCollection", [])
        assert found["interferogram"]["peak"] == 0.99
        assert found["interferogram"]["detections"] == 0
    assert len(draw(write_map(tmp_path, probability()), settings=Detect(min_area_km2=0))["features"]) == 3


def test_the_same_map_gives_the_same_bytes(tmp_path):
    digests = []
    for name in "ab":
        (tmp_path / name).mkdir()
        draw(write_map(tmp_path / name, probability()))
        digests.append([sha256_file(tmp_path / name / file) for file in ("probability.tif", "detections.geojson")])
    assert digests[0] == digests[1]


def rewritten(folder: Path, **changes) -> Path:
    """Write a map again as other software might."""
    with rasterio.open(folder / "probability.tif") as source:
        profile, values, tags = source.profile, source.read(1), source.tags()
    profile.update(driver="GTiff", predictor=1, **changes)
    with rasterio.open(folder / "probability.tif", "w", **profile) as target:
        target.write(values, 1)
        target.update_tags(**tags)
    return folder


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")
def test_bad_maps_are_told(tmp_path):
    write_map(tmp_path, probability())
    with pytest.raises(ProductError, match=r"probability\.tif: found no coordinate reference system; expected EPSG:4326"):
        draw(rewritten(tmp_path, crs=None))
    with pytest.raises(ProductError, match="found the coordinate reference system EPSG:32634"):
        draw(rewritten(tmp_path, crs="EPSG:32634"))
    write_map(tmp_path, np.full(SHAPE, np.nan, "f4"))
    with pytest.raises(ProductError, match="no pixel holds a probability"):
        draw(tmp_path)
    write_map(tmp_path, 3 * probability())
    with pytest.raises(ProductError, match=r"found values from 0\.6 to 2\.97; expected probabilities"):
        draw(tmp_path)
    with pytest.raises(ProductError, match="cannot be read as a GeoTIFF"):
        read_probability(tmp_path / "none.tif")


def test_a_threshold_of_another_run_is_refused(tmp_path):
    write_map(tmp_path, probability())
    point = json.loads((tmp_path / "point.json").read_text())
    write_json(tmp_path / "point.json", {**point, "run_digest": "e" * 64})
    with pytest.raises(DatasetError, match="make both again"):
        draw(tmp_path)
    write_json(tmp_path / "point.json", {"rate": 0.1})
    with pytest.raises(DatasetError, match="expected an operating point with a threshold"):
        draw(tmp_path)


def test_the_picture_shows_outlines_and_epicentre(tmp_path):
    phase = smooth_phase(*SHAPE)
    write_raw(tmp_path / "raw", PAIR, products_of(phase, "unw"))
    store = tmp_path / "interferograms.zarr"
    prepare_event(Event(event="q"), [Interferogram(event="q", frame=FRAME, pair=PAIR)], tmp_path / "raw", Prepare(), store, threads=1)
    pictures = []
    for threshold in (0.7, 2.0):
        draw(write_map(tmp_path, probability(), threshold=threshold))
        out = tmp_path / f"{threshold}.png"
        draw_quicklook(store, tmp_path / "probability.tif", tmp_path / "detections.geojson", EVENTS, out)
        again = sha256_file(out)
        draw_quicklook(store, tmp_path / "probability.tif", tmp_path / "detections.geojson", EVENTS, out)
        assert sha256_file(out) == again
        pictures.append(imread(out)[..., :3])
    assert pictures[0].shape == pictures[1].shape
    orange, star = np.array([0xD5, 0x5E, 0]) / 255, np.array([0xE6, 0x9F, 0]) / 255

    def count(picture: np.ndarray, colour: np.ndarray) -> int:
        return int((np.abs(picture - colour).max(axis=-1) < 0.02).sum())

    assert count(pictures[0], orange) > 500
    assert count(pictures[1], orange) == 0
    assert min(count(picture, star) for picture in pictures) > 50

    write_map(tmp_path, probability()[:200])
    with pytest.raises(DatasetError, match=r"has 200 x 400 pixels, but .* has 300 x 400; scan it again"):
        draw_quicklook(store, tmp_path / "probability.tif", tmp_path / "detections.geojson", EVENTS, tmp_path / "x.png")


def scanned(folder: Path, pair: str, p: list[float], values: np.ndarray, digest: str = "d" * 64) -> Scanned:
    folder.mkdir()
    draw(write_map(folder, values, pair=pair, digest=digest))
    table = pd.DataFrame({"frame": FRAME, "pair": pair, "p": p})
    write_windows(folder / "windows.parquet", table, {"size": 64, "stride": 32, "run_digest": digest})
    return Scanned("q", folder)


def test_the_table_ranks_what_many_windows_agree_on_above_what_one_is_sure_of(tmp_path):
    flat = np.full(SHAPE, 0.3, "f4")
    found = summary(
        [
            scanned(tmp_path / "one", "20200101_20200113", [0.99, 0.1, 0.1, 0.1, 0.1], flat),
            scanned(tmp_path / "many", PAIR, [0.9, 0.9, 0.8, 0.8, 0.1], probability()),
            scanned(tmp_path / "level", "20200113_20200125", [0.99, 0.1, 0.1, 0.1, 0.1], probability()),
        ],
        tmp_path / "summary.tsv",
    )
    table = pd.read_csv(tmp_path / "summary.tsv", sep="\t")
    assert list(table) == COLUMNS
    assert list(table["pair"]) == [PAIR, "20200113_20200125", "20200101_20200113"], "equal scores are ranked by area"
    assert list(table["rank"]) == [1, 2, 3]
    assert np.isclose(table["score"][0], 0.85)
    assert list(table["detections"]) == [2, 2, 0]
    assert list(table["windows_above"]) == [4, 1, 1]
    assert table["earthquake"][0] == "during"
    assert (table["threshold"] == 0.7).all()
    assert not table["attained"].any()
    assert list(found["pair"]) == list(table["pair"])


def test_scans_of_two_runs_are_not_ranked_together(tmp_path):
    values = probability()
    mixed = [scanned(tmp_path / "a", PAIR, [0.5], values), scanned(tmp_path / "b", "20200101_20200113", [0.5], values, digest="e" * 64)]
    with pytest.raises(DatasetError, match="scans of 2 runs cannot be ranked together"):
        summary(mixed, tmp_path / "summary.tsv")
    (tmp_path / "a/detections.geojson").write_text("{}")
    with pytest.raises(DatasetError, match="expected detections of an interferogram"):
        summary(mixed, tmp_path / "summary.tsv")


def test_no_interferogram_gives_a_table_with_a_head_only(tmp_path):
    summary([], tmp_path / "summary.tsv")
    assert (tmp_path / "summary.tsv").read_text() == "\t".join(COLUMNS) + "\n"
