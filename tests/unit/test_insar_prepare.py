"""Prepare gives aligned wrapped and unwrapped phase from whichever products the archive has."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio

from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import DatasetError, ProductError
from fringeflow.insar.phase import wrap
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import open_dataset, open_interferogram, read_index
from tests.unit.toy_raw import FRAME, NORTH, PIXEL, WEST, products_of, smooth_phase, write_raw

PAIR = "20210218_20210303"
QUAKE = Event(event="quake", time="2021-03-01T10:00:00", latitude=39.95, longitude=22.05, depth_km=5, magnitude=6)


def pair(name: str = PAIR) -> Interferogram:
    return Interferogram(event="quake", frame=FRAME, pair=name)


def prepare(root: Path, *pairs: str, **settings: object) -> str:
    rows = [pair(name) for name in pairs or (PAIR,)]
    return prepare_event(QUAKE, rows, root / "raw", Prepare(**settings), root / "interferograms.zarr", threads=1)


def arrays(root: Path, name: str = PAIR) -> dict[str, np.ndarray]:
    data = open_dataset(root / "interferograms.zarr", f"{FRAME}/{name}")
    return {str(key): value.values for key, value in data.data_vars.items()}


@pytest.fixture
def phase() -> np.ndarray:
    values = smooth_phase()
    values[:10] = np.nan
    values[:, 100:] = np.nan
    return values


@pytest.mark.parametrize("names", [("unw", "diff_pha", "cc"), ("unw", "diff_pha"), ("unw",), ("diff_pha", "cc"), ("diff_pha",)])
def test_every_combination_of_products_gives_the_same_phases(tmp_path, phase, names):
    write_raw(tmp_path / "raw", PAIR, products_of(phase, *names))
    prepare(tmp_path)
    found = arrays(tmp_path)
    assert sorted(found) == sorted(["unwrapped", "valid", "wrapped", *(["coherence"] if "cc" in names else [])])
    np.testing.assert_array_equal(found["valid"], np.isfinite(phase))
    np.testing.assert_array_equal(np.isnan(found["wrapped"]), np.isnan(phase))
    np.testing.assert_allclose(found["wrapped"], wrap(phase), atol=1e-5)
    cycles = (found["unwrapped"] - phase) / (2 * np.pi)
    assert np.nanmax(np.abs(cycles - np.nanmedian(cycles))) < 1e-4
    if "unw" in names:
        np.testing.assert_array_equal(found["unwrapped"], phase)
    if "cc" in names:
        np.testing.assert_allclose(found["coherence"], np.where(np.isfinite(phase), 0.8, np.nan), rtol=1e-6)


def test_xarray_opens_it_with_grid_units_and_provenance(tmp_path, phase):
    folder = write_raw(tmp_path / "raw", PAIR, products_of(phase, "diff_pha", "cc"))
    prepare(tmp_path)
    data = open_dataset(tmp_path / "interferograms.zarr", f"{FRAME}/{PAIR}")
    assert data.wrapped.chunks is not None
    assert data.rio.crs.to_epsg() == 4326
    assert tuple(data.rio.transform())[:6] == pytest.approx((PIXEL, 0, WEST, 0, -PIXEL, NORTH))
    assert data.y.values[0] == pytest.approx(NORTH - PIXEL / 2)
    assert data.x.values[0] == pytest.approx(WEST + PIXEL / 2)
    assert (np.diff(data.y.values) < 0).all()
    assert data.wrapped.attrs["units"] == data.unwrapped.attrs["units"] == "rad"
    assert "long_name" in data.coherence.attrs
    assert data.attrs["wrapped_from"] == "diff_pha"
    assert data.attrs["unwrapped_from"].startswith("whirlwind-insar ")
    listed = json.loads((folder / "manifest.json").read_text())["products"]
    assert data.attrs["products"] == {f"{PAIR}.geo.{name}.tif": listed[name]["sha256"] for name in ("diff_pha", "cc")}


def test_south_up_rasters_and_last_digits_of_a_grid_do_not_matter(tmp_path, phase):
    write_raw(tmp_path / "a" / "raw", PAIR, products_of(phase))
    odd = {"unw": {"south_up": True}, "cc": {"west": WEST + 3e-9, "north": NORTH - 1e-5}}
    write_raw(tmp_path / "b" / "raw", PAIR, products_of(phase), **odd)
    assert prepare(tmp_path / "a") == prepare(tmp_path / "b")


@pytest.mark.parametrize("grid", [{"west": WEST + 0.1 * PIXEL}, {"north": NORTH - PIXEL}])
def test_shifted_grids_are_refused_with_both_files_and_grids(tmp_path, phase, grid):
    write_raw(tmp_path / "raw", PAIR, products_of(phase), cc=grid)
    with pytest.raises(ProductError, match=r"(?s)diff_pha\.tif: 96 rows x 128 columns.*cc\.tif: 96 rows.*0\.05 pixel"):
        prepare(tmp_path)
    assert not (tmp_path / "interferograms.zarr").exists()
    prepare(tmp_path, grid_tolerance_px=1)


def test_a_raster_of_more_pixels_than_allowed_is_refused_unread(tmp_path):
    folder = write_raw(tmp_path / "raw", PAIR, products_of(smooth_phase(), "diff_pha"))
    path = folder / f"{PAIR}.geo.diff_pha.tif"
    with rasterio.open(path) as source:
        profile = {**source.profile, "width": 22_000, "height": 22_000, "tiled": True, "blockxsize": 512, "blockysize": 512}
    with rasterio.open(path, "w", sparse_ok=True, **profile):
        pass
    assert path.stat().st_size < 100_000
    begin = time.monotonic()
    with pytest.raises(ProductError, match=r"22000 x 22000 pixels; expected at most 100,000,000 \(prepare: max_pixels\)"):
        prepare(tmp_path)
    assert time.monotonic() - begin < 5
    with pytest.raises(ProductError, match="at most 1,000 "):
        write_raw(tmp_path / "raw", PAIR, products_of(smooth_phase()))
        prepare(tmp_path, max_pixels=1000)
    prepare(tmp_path, max_pixels=96 * 128)


def test_grids_of_another_size_are_refused(tmp_path, phase):
    products = products_of(phase)
    products["unw"] = products["unw"][:-1]
    write_raw(tmp_path / "raw", PAIR, products)
    with pytest.raises(ProductError, match=r"(?s)96 rows x 128.*95 rows x 128"):
        prepare(tmp_path)


def test_what_resampling_left_outside_a_cycle_is_wrapped(tmp_path, phase):
    products = products_of(phase, "diff_pha")
    products["diff_pha"][50, 50] = 3.3
    write_raw(tmp_path / "raw", PAIR, products)
    prepare(tmp_path)
    assert arrays(tmp_path)["wrapped"][50, 50] == pytest.approx(3.3 - 2 * np.pi, abs=1e-6)


def test_index_lists_the_pairs_and_says_which_span_the_earthquake(tmp_path, phase):
    for name in (PAIR, "20210101_20210201"):
        write_raw(tmp_path / "raw", name, products_of(phase, "unw"))
    digest = prepare(tmp_path, PAIR, "20210101_20210201")
    index = read_index(tmp_path / "interferograms.zarr")
    assert (index["event"], index["digest"]) == ("quake", digest)
    assert [(row["pair"], row["coseismic"]) for row in index["interferograms"]] == [("20210101_20210201", False), (PAIR, True)]
    assert (tmp_path / "interferograms.zarr/zarr.json").stat().st_size < 10_000


def test_digest_and_root_depend_on_pixels_alone(tmp_path, phase):
    for name in ("a", "b", "c"):
        write_raw(tmp_path / name / "raw", PAIR, products_of(phase))
    with rasterio.open(tmp_path / f"c/raw/{FRAME}/{PAIR}/{PAIR}.geo.unw.tif", "r+") as source:
        values = source.read(1)
        values[50, 50] += 1
        source.write(values, 1)
    digests = [prepare(tmp_path / name) for name in ("a", "b", "c")]
    roots = [(tmp_path / name / "interferograms.zarr/zarr.json").read_bytes() for name in ("a", "b", "c")]
    assert digests[0] == digests[1] != digests[2]
    assert roots[0] == roots[1] != roots[2]
    assert prepare(tmp_path / "a") == digests[0]


def test_threads_and_bands_do_not_matter(tmp_path):
    phase = smooth_phase(600, 300)
    write_raw(tmp_path / "raw", PAIR, products_of(phase))
    digest = prepare(tmp_path)
    assert prepare_event(QUAKE, [pair()], tmp_path / "raw", Prepare(), tmp_path / "b.zarr", threads=3) == digest
    data = open_interferogram(tmp_path / "b.zarr", f"{FRAME}/{PAIR}")
    np.testing.assert_array_equal(data.read("unwrapped"), phase)
    np.testing.assert_array_equal(data.read("valid"), np.ones(phase.shape, bool))


def test_interferograms_of_one_event_leave_nothing_in_each_other(tmp_path):
    """They are read into each other's arrays."""
    shapes, names = [(96, 128), (96, 128), (64, 128), (96, 128), (96, 128), (96, 128)], [(), ("unw",), (), ("diff_pha",), ("unw", "cc"), ()]
    phases = {}
    for number, (shape, products) in enumerate(zip(shapes, names, strict=True)):
        phase = smooth_phase(*shape, cycles=1.0 + 0.3 * number)
        phase[: 5 * number] = np.nan
        phases[f"2021{number + 1:02d}01_2021{number + 2:02d}01"] = phase
        write_raw(tmp_path / "raw", list(phases)[-1], products_of(phase, *products))
    prepare(tmp_path, *phases)
    for (name, phase), products in zip(phases.items(), names, strict=True):
        found = arrays(tmp_path, name)
        np.testing.assert_array_equal(found["valid"], np.isfinite(phase))
        np.testing.assert_allclose(found["wrapped"], wrap(phase), atol=1e-5)
        assert ("coherence" in found) == (not products or "cc" in products)
        if products != ("diff_pha",):
            np.testing.assert_array_equal(found["unwrapped"], phase)


def test_unwrapper_is_chosen_by_the_settings(tmp_path, phase):
    write_raw(tmp_path / "raw", PAIR, products_of(phase, "diff_pha"))
    prepare(tmp_path, unwrapper="snaphu")
    data = open_dataset(tmp_path / "interferograms.zarr", f"{FRAME}/{PAIR}")
    assert data.attrs["unwrapped_from"].startswith("snaphu ")


def test_bad_input_is_named_and_leaves_what_was_there(tmp_path, phase):
    folder = write_raw(tmp_path / "raw", PAIR, products_of(phase))
    digest = prepare(tmp_path)
    empty = products_of(np.full_like(phase, np.nan))
    cases = {
        "no pixel holds data": lambda: write_raw(tmp_path / "raw", PAIR, empty),
        r"unw\.tif.*cannot be (opened|read)": lambda: (folder / f"{PAIR}.geo.unw.tif").write_bytes(b"II*\0 not a raster"),
        r"unw\.tif": lambda: (folder / f"{PAIR}.geo.unw.tif").unlink(),
        r"lists cc; expected unw or diff_pha": lambda: (folder / "manifest.json").write_text('{"products": {"cc": {"sha256": "0"}}}'),
        r"manifest\.json: cannot be read": lambda: (folder / "manifest.json").write_text("<html>"),
        r"manifest\.json: cannot be read as a manifest \(FileNotFound": lambda: shutil.rmtree(folder),
    }
    for message, damage in cases.items():
        damage()
        with pytest.raises(ProductError, match=message):
            prepare(tmp_path)
        assert read_index(tmp_path / "interferograms.zarr")["digest"] == digest
        assert {path.name for path in tmp_path.iterdir()} == {"raw", "interferograms.zarr"}


def test_an_event_without_interferograms_is_refused(tmp_path):
    with pytest.raises(ProductError, match="event 'quake' has no interferogram"):
        prepare_event(QUAKE, [], tmp_path, Prepare(), tmp_path / "i.zarr")


def test_damage_is_noticed_on_reading(tmp_path, phase):
    with pytest.raises(DatasetError, match="run `prepare`"):
        read_index(tmp_path / "interferograms.zarr")
    write_raw(tmp_path / "raw", PAIR, products_of(phase))
    prepare(tmp_path)
    with pytest.raises(DatasetError, match="no prepared interferogram x/y"):
        open_interferogram(tmp_path / "interferograms.zarr", "x/y")
    next((tmp_path / "interferograms.zarr" / FRAME / PAIR / "wrapped").glob("c.*")).unlink()
    with pytest.raises(DatasetError, match="wrapped is damaged"):
        open_interferogram(tmp_path / "interferograms.zarr", f"{FRAME}/{PAIR}").read("wrapped")
