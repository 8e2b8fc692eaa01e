"""The archive on disk: a LiCSAR mirror's layout, its irregularities, and the same bytes for the same seed."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio

from fringeflow.config.models import Mirror, Simulation
from fringeflow.config.tables import Event, Interferogram, read_tables
from fringeflow.deformation.model import modelled_phase
from fringeflow.deformation.source import mechanism
from fringeflow.errors import ConfigError
from fringeflow.files import read_json, sha256_file
from fringeflow.licsar.mirrors import product_location
from fringeflow.licsar.products import read_product
from fringeflow.simulate.archive import simulate_event, write_raster

SMALL = Simulation(rows=96, columns=112, pixel_deg=0.006)
CONFIG = Path(__file__).parents[2] / "config"


def earthquake(name="quake", **changes):
    fields = {
        "source": "simulated",
        "time": "2021-03-03T10:16:08",
        "latitude": 39.755,
        "longitude": 22.176,
        "depth_km": 8.0,
        "magnitude": 6.3,
        "strike_deg": 314.0,
        "dip_deg": 36.0,
        "rake_deg": -88.0,
    }
    return Event(event=name, **(fields | changes))


def pairs(name="quake", frame="006A_05000_131313"):
    return [Interferogram(event=name, frame=frame, pair=pair) for pair in ("20210206_20210218", "20210218_20210314", "20210314_20210326")]


def digests(root):
    return {path.relative_to(root).as_posix(): sha256_file(path) for path in sorted(root.rglob("*.tif"))}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Sixty pairs of six frames."""
    root = tmp_path_factory.mktemp("many")
    rows = []
    event = earthquake()
    for number in range(6):
        for step in range(-5, 5):
            first = event.time.date() + timedelta(days=12 * step - 6)
            pair = f"{first:%Y%m%d}_{first + timedelta(days=12):%Y%m%d}"
            rows.append(Interferogram(event="quake", frame=f"{number + 1:03d}A_05000_131313", pair=pair))
    simulate_event(event, rows, SMALL, 11, root / "LiCSAR_products", root / "quake.json")
    return root


def test_files_lie_where_a_jasmin_mirror_has_them_and_are_listed(tmp_path):
    root, out = tmp_path / "LiCSAR_products", tmp_path / "quake.json"
    listed = simulate_event(earthquake(), pairs(), SMALL, 11, root, out)
    assert read_json(out) == listed
    assert [entry["path"] for entry in listed] == sorted(entry["path"] for entry in listed)
    assert {entry["path"]: entry["sha256"] for entry in listed} == digests(root)
    mirror = Mirror(layout="jasmin", root=str(root))
    for row in pairs():
        for product in ("diff_pha", "cc"):
            assert Path(product_location(mirror, row.frame, row.pair, product)).is_file()
    assert (root / "6/006A_05000_131313/interferograms/20210206_20210218/20210206_20210218.geo.diff_pha.tif").is_file()


def test_products_are_as_licsar_writes_them(many):
    for path in sorted(many.rglob("*.tif")):
        with rasterio.open(path) as raster:
            product = path.name.split(".")[2]
            assert raster.count == 1 and raster.shape == (96, 112)
            assert raster.dtypes[0] == ("uint8" if product == "cc" else "float32")
            assert raster.crs.to_epsg() == 4326
            assert raster.nodata is None
            assert raster.compression.name == "deflate"
            assert raster.transform.a == pytest.approx(0.006)
            assert abs(raster.transform.e) == pytest.approx(0.006)


def test_archives_vary_as_real_ones_do(many):
    folders = [path for path in many.glob("LiCSAR_products/*/*/interferograms/*") if path.is_dir()]
    assert len(folders) == 60
    without = [folder for folder in folders if not list(folder.glob("*.unw.tif"))]
    assert 10 < len(without) < 30  # about one in three
    south_up, origins, zero, nan = 0, 0, 0, 0
    for folder in folders:
        corners = set()
        for path in folder.glob("*.tif"):
            with rasterio.open(path) as raster:
                south_up += raster.transform.e > 0
                corners.add((raster.bounds.left, max(raster.bounds.top, raster.bounds.bottom)))
                if ".unw." in path.name:
                    phase = raster.read(1)
                    assert (phase == 0).any() != np.isnan(phase).any()  # one or the other
                    zero, nan = zero + (phase == 0).any(), nan + np.isnan(phase).any()
        origins += len(corners) > 1
        assert np.ptp(np.array(sorted(corners)), axis=0).max() < 1e-7
    assert 3 < south_up < 30
    assert origins > 10
    assert zero > 5 and nan > 5


def test_products_of_a_pair_agree_once_read(many):
    """No data in the wrapped phase is 0 exactly; unwrapped is wrapped plus whole fringes; all lie on one grid."""
    for wrapped_file in sorted(many.rglob("*.diff_pha.tif")):
        wrapped = read_product(wrapped_file, "diff_pha").compute()
        with rasterio.open(wrapped_file) as raster:
            raw = raster.read(1)
        assert np.isfinite(raw).all()
        assert np.mean(raw == 0) == pytest.approx(float(np.isnan(wrapped).mean()))
        cc = read_product(Path(str(wrapped_file).replace("diff_pha", "cc")), "cc").compute()
        assert np.array_equal(cc.values == 0, np.isnan(wrapped.values))
        unwrapped_file = Path(str(wrapped_file).replace("diff_pha", "unw"))
        if unwrapped_file.is_file():
            unwrapped = read_product(unwrapped_file, "unw").compute()
            cycles = (unwrapped.values - wrapped.values) / (2 * np.pi)
            seen = np.isfinite(unwrapped.values)
            assert not (seen & np.isnan(wrapped.values)).any()
            assert np.abs(cycles - np.round(cycles))[seen].max() < 1e-4
            np.testing.assert_allclose(unwrapped.y, wrapped.y, atol=1e-6)


def test_same_seed_same_bytes_and_another_seed_others(tmp_path):
    for name, seed, rows in (("a", 11, pairs()), ("b", 11, pairs()[::-1]), ("c", 12, pairs())):
        simulate_event(earthquake(), rows, SMALL, seed, tmp_path / name, tmp_path / f"{name}.json")
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    one, other = digests(tmp_path / "a"), digests(tmp_path / "c")
    assert not set(one.values()) & set(other.values())


def test_another_event_or_pair_changes_no_other(tmp_path):
    simulate_event(earthquake(), pairs(), SMALL, 11, tmp_path / "alone", tmp_path / "alone.json")
    simulate_event(earthquake("first"), pairs("first", "007A_05000_131313"), SMALL, 11, tmp_path / "both", tmp_path / "first.json")
    more = [*pairs(), Interferogram(event="quake", frame="006A_05000_131313", pair="20210314_20210407")]
    simulate_event(earthquake(), more, SMALL, 11, tmp_path / "both", tmp_path / "quake.json")
    alone, both = digests(tmp_path / "alone"), digests(tmp_path / "both")
    assert alone.items() <= both.items()
    first = {value for path, value in both.items() if "007A" in path}
    assert first and not first & set(alone.values())  # not the same interferograms under another name either


def test_writing_again_leaves_nothing_of_before(tmp_path):
    """A product that the new settings no longer have must not survive from the old."""
    root = tmp_path / "LiCSAR_products"
    folder = root / "6/006A_05000_131313/interferograms/20210218_20210314"
    for seed in range(12):
        listed = simulate_event(earthquake(), pairs(), SMALL, seed, root, tmp_path / "quake.json")
        assert sorted(digests(root)) == [entry["path"] for entry in listed]
        assert not [path for path in root.rglob("*") if path.name.startswith(".")]
    assert folder.is_dir()


def test_an_event_that_cannot_be_simulated_leaves_nothing(tmp_path):
    nameless = Event(event="nowhere", source="portal")
    with pytest.raises(ConfigError, match="'nowhere'"):
        simulate_event(nameless, pairs("nowhere"), SMALL, 1, tmp_path / "root", tmp_path / "nowhere.json")
    assert not list(tmp_path.rglob("*.tif")) and not (tmp_path / "nowhere.json").exists()


def test_south_up_rasters_hold_the_same_ground(tmp_path):
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    latitude, longitude = np.array([40.0, 39.9, 39.8]), np.array([20.0, 20.1, 20.2, 20.3])
    for south_up in (False, True):
        write_raster(tmp_path / "x.tif", values, latitude, longitude, south_up=south_up)
        with rasterio.open(tmp_path / "x.tif") as raster:
            assert (raster.transform.e > 0) == south_up
            assert [float(v[0]) for v in raster.sample([(20.0, 40.0), (20.3, 39.8), (20.1, 39.9)])] == [0.0, 11.0, 5.0]


def test_the_embedded_earthquakes_are_worth_learning_from():
    """The default tables: ten and more earthquakes of Mw 5.4-7 of every kind, each with fringes where it is coseismic."""
    tables, problems = read_tables([str(CONFIG / "events.tsv")], [str(CONFIG / "interferograms.tsv")])
    assert not problems and not tables.gaps
    events = [event for event in tables.events.values() if event.source == "simulated"]
    assert len(events) >= 10
    assert all(event.is_earthquake and 5.4 <= event.magnitude <= 7 and 4 <= event.depth_km <= 15 for event in events)
    assert {mechanism(event.rake_deg) for event in events} == {"normal", "reverse", "strike_slip"}
    axis = np.linspace(-0.2, 0.2, 101)
    for event in events:
        rows = tables.interferograms[event.event]
        coseismic = [row for row in rows if row.is_coseismic(event)]
        assert coseismic and len(coseismic) < len(rows)
        phase = modelled_phase(event, coseismic[0], event.latitude - axis, event.longitude + axis)
        assert 0.01 < np.mean(np.abs(phase) > 2 * np.pi) < 0.9
