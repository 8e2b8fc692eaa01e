"""Tiles hold the pixels that the index says, in the order of the index, with labels and numbers that can be checked."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import LabelRule, Prepare, Tiling
from fringeflow.config.tables import Event, Interferogram
from fringeflow.errors import DatasetError, ProductError
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.reach import distance_km
from fringeflow.insar.tiles import tile_event
from fringeflow.store import open_samples
from tests.unit.toy_raw import FRAME, products_of, smooth_phase, write_raw

QUIET_PAIR, PAIR = "20210101_20210201", "20210218_20210315"
QUAKE = Event(
    event="quake",
    time="2021-03-03T10:16:08",
    latitude=39.93,
    longitude=22.06,
    depth_km=4,
    magnitude=5.6,
    strike_deg=314,
    dip_deg=36,
    rake_deg=-88,
)
PAIRS = [Interferogram(event="quake", frame=FRAME, pair=name) for name in (PAIR, QUIET_PAIR)]
COLUMNS = [
    *("sample", "event", "frame", "pair", "row", "column", "west", "south", "east", "north", "pixel_deg", "valid_fraction"),
    *("unwrapped_fraction", "mean_coherence", "fringes", "deformed_fraction", "coseismic", "label", "why"),
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Path:
    """An event of two interferograms: one with coherence and a hole in `unw`, one without coherence."""
    root = tmp_path_factory.mktemp("event")
    phase = smooth_phase(160, 200)
    phase[:40, :80] = np.nan
    products = products_of(phase)
    products["unw"][100:, 150:] = 0
    products["cc"][:, 100:] //= 2
    write_raw(root / "raw", PAIR, products)
    write_raw(root / "raw", QUIET_PAIR, products_of(smooth_phase(160, 200, 0.5), "diff_pha", "unw"))
    prepare_event(QUAKE, PAIRS, root / "raw", Prepare(), root / "interferograms.zarr")
    return root / "interferograms.zarr"


def tile(prepared: Path, out: Path, *, event: Event = QUAKE, pairs=PAIRS, polygons=None, others=None, **tiling) -> pd.DataFrame:
    settings = Tiling(**{"size": 32, "stride": 16, **tiling})
    paths = {"index": out / "tiles.parquet", "wrapped": out / "wrapped.zarr", "unwrapped": out / "unwrapped.zarr"}
    tile_event(event, pairs, prepared, settings, polygons, others=others, **paths)
    return pd.read_parquet(paths["index"])


def test_stores_hold_the_windows_that_the_index_names(prepared, tmp_path):
    index = tile(prepared, tmp_path)
    assert list(index.columns) == COLUMNS
    assert index["sample"].is_unique
    for view in ("wrapped", "unwrapped"):
        store = open_samples(tmp_path / f"{view}.zarr")
        assert (store.count, store.shape) == (len(index), (32, 32))
        assert (store.attrs["event"], store.attrs["view"], store.attrs["units"]) == ("quake", view, "rad")
        rasters = {pair.pair: open_interferogram(prepared, pair.key).read(view) for pair in PAIRS}
        samples = store.read(slice(None))
        for number, row in enumerate(index.itertuples()):
            window = rasters[row.pair][row.row : row.row + 32, row.column : row.column + 32]
            np.testing.assert_array_equal(samples[number], window)
            assert row.sample == f"quake/{FRAME}/{row.pair}/{row.row}_{row.column}"


def test_numbers_of_the_index_are_those_of_the_pixels(prepared, tmp_path):
    index = tile(prepared, tmp_path)
    data = open_interferogram(prepared, PAIRS[0].key)
    coherence = data.read("coherence")
    wrapped, unwrapped = (open_samples(tmp_path / f"{view}.zarr").read(slice(None)) for view in ("wrapped", "unwrapped"))
    np.testing.assert_allclose(index.valid_fraction, np.isfinite(wrapped).mean(axis=(1, 2)))
    np.testing.assert_allclose(index.unwrapped_fraction, np.isfinite(unwrapped).mean(axis=(1, 2)))
    assert (index.valid_fraction >= 0.5).all()
    assert index.unwrapped_fraction.min() == 0
    assert index[index.pair == QUIET_PAIR].mean_coherence.isna().all()
    for row in index[index.pair == PAIR].itertuples():
        window = np.s_[row.row : row.row + 32, row.column : row.column + 32]
        assert row.mean_coherence == pytest.approx(np.nanmean(coherence[window]), rel=1e-5)
        assert row.north == pytest.approx(40 - 0.001 * row.row, abs=1e-9)
        assert row.west == pytest.approx(22 + 0.001 * row.column, abs=1e-9)
        assert (row.east - row.west, row.north - row.south) == pytest.approx((0.032, 0.032), abs=1e-9)
        assert row.pixel_deg == 0.001


def test_only_the_coseismic_pair_is_positive(prepared, tmp_path):
    index = tile(prepared, tmp_path)
    assert set(index.label) == {"deformation", "ambiguous", "no_deformation"}
    assert index.coseismic.tolist() == (index.pair == PAIR).tolist()
    quiet = index[~index.coseismic]
    assert set(quiet.label) == {"no_deformation"}
    assert (quiet.fringes == 0).all()
    positive = index[index.label == "deformation"]
    assert (positive.fringes >= 1).all()
    assert (positive.deformed_fraction >= Tiling().label.min_area).all()
    assert index.why.str.len().min() > 10


def test_label_rule_changes_labels_but_not_stores(prepared, tmp_path):
    first = tile(prepared, tmp_path / "a")
    second = tile(prepared, tmp_path / "b", label=LabelRule(min_fringes=0.01, min_area=0.01, quiet_fringes=0.001))
    assert (second.label == "deformation").sum() > (first.label == "deformation").sum()
    for view in ("wrapped", "unwrapped"):
        roots = [(tmp_path / name / f"{view}.zarr/zarr.json").read_bytes() for name in "ab"]
        assert roots[0] == roots[1]


def test_tiling_again_gives_the_same_bytes(prepared, tmp_path):
    for name in "ab":
        tile(prepared, tmp_path / name)
    for name in ("tiles.parquet", "wrapped.zarr/zarr.json", "unwrapped.zarr/zarr.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_digests_of_stores_follow_pixels_and_windows(prepared, tmp_path):
    digests = {}
    for name, change in {"a": {}, "b": {"min_valid": 0.9}, "c": {"stride": 32}, "d": {"label": LabelRule(min_area=0.5)}}.items():
        tile(prepared, tmp_path / name, **change)
        digests[name] = [open_samples(tmp_path / name / f"{view}.zarr").digest for view in ("wrapped", "unwrapped")]
    assert digests["a"] == digests["d"]
    assert len({digest for pair in digests.values() for digest in pair}) == 6


def test_order_of_the_interferograms_does_not_matter(prepared, tmp_path):
    pd.testing.assert_frame_equal(tile(prepared, tmp_path / "a"), tile(prepared, tmp_path / "b", pairs=PAIRS[::-1]))


def test_min_valid_and_radius_choose_tiles(prepared, tmp_path):
    everything = tile(prepared, tmp_path / "a", min_valid=0)
    whole = tile(prepared, tmp_path / "b", min_valid=1)
    near = tile(prepared, tmp_path / "c", min_valid=0, radius_km=4)
    assert (whole.valid_fraction == 1).all()
    assert set(whole["sample"]) == set(everything["sample"][everything.valid_fraction == 1])
    assert (everything.valid_fraction > 0).all()
    centres = zip((everything.south + everything.north) / 2, (everything.west + everything.east) / 2, strict=True)
    inside = [distance_km((QUAKE.latitude, QUAKE.longitude), centre) <= 4 for centre in centres]
    assert 0 < sum(inside) < len(inside)
    assert set(near["sample"]) == set(everything["sample"][inside])


def test_radius_keeps_all_of_an_area_without_epicentre(prepared, tmp_path):
    area = Event(event="area")
    assert len(tile(prepared, tmp_path / "a", event=area, radius_km=1)) == len(tile(prepared, tmp_path / "b", event=area))


def test_polygons_decide_where_they_exist(prepared, tmp_path):
    path = tmp_path / "quake.geojson"
    ring = [[22.1, 39.9], [22.15, 39.9], [22.15, 39.95], [22.1, 39.95], [22.1, 39.9]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    index = tile(prepared, tmp_path, polygons={"quake": path})
    positive = index[index.label == "deformation"]
    assert len(positive) > 0
    assert positive.coseismic.all()
    assert ((positive.east > 22.1) & (positive.west < 22.15) & (positive.south < 39.95) & (positive.north > 39.9)).all()
    assert positive.why.str.contains("polygons").all()


OTHER = QUAKE.model_copy(update={"event": "other", "time": datetime(2021, 1, 20, tzinfo=UTC), "longitude": 22.12, "magnitude": 5.5})
UNKNOWN = OTHER.model_copy(update={"event": "unknown", "strike_deg": None, "dip_deg": None, "rake_deg": None})
LATER = UNKNOWN.model_copy(update={"event": "later", "time": datetime(2021, 3, 4, tzinfo=UTC)})


def test_a_pair_before_the_earthquake_that_spans_another_one_is_quiet_only_where_that_deformed_nothing(prepared, tmp_path):
    """By the other's model: cut for the other earthquake, the same tiles are quiet in the same places."""
    alone, index = tile(prepared, tmp_path / "a"), tile(prepared, tmp_path / "b", others={PAIRS[1].key: [OTHER]})
    pd.testing.assert_frame_equal(index[index.pair == PAIR], alone[alone.pair == PAIR])
    other = ["label", "why", "coseismic"]
    pd.testing.assert_frame_equal(index.drop(columns=other), alone.drop(columns=other))
    assert index.coseismic.all() and not alone.coseismic[alone.pair == QUIET_PAIR].any(), (
        "it spans an earthquake: nothing is implanted in it"
    )
    its_own = tile(prepared, tmp_path / "c", event=OTHER)
    quiet = (its_own.label == "no_deformation")[its_own.pair == QUIET_PAIR]
    assert 0 < quiet.sum() < len(quiet) and (its_own.label == "deformation").any()
    labels = index.label[index.pair == QUIET_PAIR]
    assert (labels == np.where(quiet, "no_deformation", "ambiguous")).all(), "its deformation is no example of this earthquake"
    assert index.why[index.label != alone.label].str.contains("of the earthquake 'other'").all()


def test_what_a_pair_shows_of_its_own_earthquake_stays_beside_another_one(prepared, tmp_path):
    alone, index = tile(prepared, tmp_path / "a"), tile(prepared, tmp_path / "b", others={PAIRS[0].key: [LATER]})
    changed = index.label != alone.label
    assert changed.any() and set(alone.label[changed]) == {"no_deformation"} and set(index.label[changed]) == {"ambiguous"}


def test_of_an_earthquake_without_mechanism_polygons_tell_where_a_pair_stays_quiet(prepared, tmp_path):
    others = {PAIRS[1].key: [UNKNOWN]}
    index = tile(prepared, tmp_path / "a", others=others)
    assert set(index.label[index.pair == QUIET_PAIR]) == {"ambiguous"}
    path = tmp_path / "unknown.geojson"
    ring = [[22.1, 39.9], [22.15, 39.9], [22.15, 39.95], [22.1, 39.95], [22.1, 39.9]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    index = tile(prepared, tmp_path / "b", others=others, polygons={"unknown": path})
    index = index[index.pair == QUIET_PAIR]
    touched = (index.east > 22.1) & (index.west < 22.15) & (index.south < 39.95) & (index.north > 39.9)
    assert (index.label == np.where(touched, "ambiguous", "no_deformation")).all() and touched.any()


def test_an_event_that_keeps_no_tile_says_why_and_leaves_nothing(prepared, tmp_path):
    far = QUAKE.model_copy(update={"latitude": -39.0})
    with pytest.raises(DatasetError, match=r"'quake': no tile is left of \d+: \d+ farther than 10 km from the epicentre"):
        tile(prepared, tmp_path, event=far, radius_km=10)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DatasetError, match=r"198 .*farther than.*Lower min_valid"):
        tile(prepared, tmp_path, event=far, radius_km=1)


def test_a_raster_smaller_than_a_tile_is_named(prepared, tmp_path):
    with pytest.raises(ProductError, match=rf"{FRAME}/{QUIET_PAIR}: a raster of 160 x 200 pixels is smaller than a tile of 256"):
        tile(prepared, tmp_path, size=256)
    assert not list(tmp_path.iterdir())


def test_an_interferogram_that_was_not_prepared_is_named(prepared, tmp_path):
    more = [*PAIRS, Interferogram(event="quake", frame=FRAME, pair="20220101_20220113")]
    with pytest.raises(DatasetError, match="but not 102A_05000_131313/20220101_20220113; run `prepare`"):
        tile(prepared, tmp_path, pairs=more)


def test_index_is_written_last(prepared, tmp_path, monkeypatch):
    tile(prepared, tmp_path)
    before = (tmp_path / "tiles.parquet").stat().st_mtime_ns

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fringeflow.insar.tiles.write_samples", killed)
    with pytest.raises(KeyboardInterrupt):
        tile(prepared, tmp_path)
    assert (tmp_path / "tiles.parquet").stat().st_mtime_ns == before
    assert open_samples(tmp_path / "wrapped.zarr").count == len(pd.read_parquet(tmp_path / "tiles.parquet"))
