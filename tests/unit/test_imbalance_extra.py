"""Extra samples: as many as the ratio asks for, made of training samples alone, the same bytes each time."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import LabelRule, Spectrogram
from fringeflow.config.models import Config
from fringeflow.config.tables import Interferogram, Tables
from fringeflow.deformation.source import fault_from_event
from fringeflow.encoding.augment import Change, augment
from fringeflow.errors import ConfigError, DatasetError
from fringeflow.files import read_json, write_json
from fringeflow.imbalance.extra import COLUMNS, Maker, make_extra
from fringeflow.imbalance.recipes import Recipe, choose_sources, wanted_samples
from fringeflow.insar.labels import gather_evidence
from fringeflow.insar.phase import PI
from fringeflow.insar.prepared import open_interferogram
from fringeflow.insar.spectrum import spectrogram, spectrogram_event
from fringeflow.parameters import Parameters
from fringeflow.store import open_samples
from tests.unit.toy_quakes import COSEISMIC, SPLIT, TILING, ToyQuakes, quake, toy_quakes

VIEWS = ("wrapped", "unwrapped")


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyQuakes:
    return toy_quakes(tmp_path_factory.mktemp("quakes"))


def recipe(toy: ToyQuakes, kind: str, ratio: float = 1.0, **changes) -> Recipe:
    return replace(Recipe(f"{kind}-{ratio:g}", kind, ratio, 7, TILING.label, tuple(toy.interferograms)), **changes)


def make(toy: ToyQuakes, how: Recipe, folder: Path, threads: int = 2) -> pd.DataFrame:
    paths = {view: folder / f"{view}.zarr" for view in VIEWS}
    make_extra(toy.samples, toy.dataset, how, out=folder / "samples.parquet", **paths, threads=threads)
    return pd.read_parquet(folder / "samples.parquet")


@pytest.fixture(scope="module", params=["augment", "implant"])
def made(request, toy, tmp_path_factory) -> tuple[str, Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, make(toy, recipe(toy, request.param), folder)


def tiles(folder: Path, rows: slice = slice(None)) -> list[np.ndarray]:
    return [open_samples(folder / f"{view}.zarr").read(rows) for view in VIEWS]


def sources(toy: ToyQuakes, table: pd.DataFrame) -> list[np.ndarray]:
    """The tiles that extra ones were made from, in their order."""
    origin = toy.table.set_index("sample").loc[table["source"]]
    stores = {(store, view): open_samples(f"{store}/{view}.zarr") for store in origin["store"].unique() for view in VIEWS}
    return [np.stack([stores[row.store, view].read(np.array([row.row]))[0] for row in origin.itertuples()]) for view in VIEWS]


def test_the_rarer_class_reaches_the_ratio(toy, made):
    _, folder, table = made
    train = toy.table.query("split == 'train'")["label"].value_counts()
    assert set(table["label"]) == {"deformation"}
    assert len(table) + train["deformation"] == train["no_deformation"]
    assert list(table.columns) == list(COLUMNS)
    assert set(table["split"]) == {"train"}
    assert table["sample"].is_unique
    assert not set(table["sample"]) & set(toy.table["sample"])
    assert table["row"].tolist() == list(range(len(table)))
    assert set(table["store"]) == {folder.as_posix()}
    for view in VIEWS:
        store = open_samples(folder / f"{view}.zarr")
        assert (store.count, store.shape, store.attrs["units"], store.attrs["view"]) == (len(table), (32, 32), "rad", view)


def test_every_extra_sample_stems_from_a_training_sample(toy, made):
    kind, _, table = made
    origin = toy.table.set_index("sample").loc[table["source"]]
    assert set(origin["split"]) == {"train"}
    assert set(origin["event"]) <= set(SPLIT["train"])
    assert table["group"].tolist() == origin["group"].tolist()
    assert table["event"].tolist() == origin["event"].tolist()
    if kind == "implant":
        assert not origin["coseismic"].any()
        assert set(origin["label"]) == {"no_deformation"}
        assert COSEISMIC not in set(table["pair"])
    else:
        assert set(origin["label"]) == {"deformation"}
    uses = table["source"].value_counts()
    candidates = toy.table[(toy.table["split"] == "train") & (toy.table["label"] == origin["label"].iloc[0])]
    assert uses.max() - uses.reindex(candidates["sample"], fill_value=0).min() <= 1


def test_nothing_of_validation_and_test_events_is_read(toy, made, tmp_path):
    """With their tiles, indexes and interferograms gone, and other labels, the same bytes come out; with those of training gone, none do."""
    kind, folder, _ = made
    poor = ToyQuakes(tmp_path / "poor", toy.interferograms)
    shutil.copytree(toy.root, poor.root)
    table = pd.read_parquet(poor.samples)
    table["store"] = table["store"].str.replace(str(toy.root), str(poor.root))
    table.loc[table["split"] != "train", "label"] = "no_deformation"
    table.to_parquet(poor.samples, index=False)
    write_json(poor.dataset, {**read_json(poor.dataset), "digest": "of other test samples"})
    for event in SPLIT["validation"] + SPLIT["test"]:
        shutil.rmtree(poor.root / "events" / event)
    make(poor, recipe(toy, kind), tmp_path / "out")
    for view in VIEWS:
        assert open_samples(tmp_path / "out" / f"{view}.zarr").digest == open_samples(folder / f"{view}.zarr").digest
    shutil.rmtree(poor.root / "events" / SPLIT["train"][0])
    with pytest.raises((DatasetError, OSError)):
        make(poor, recipe(toy, kind), tmp_path / "none")


@pytest.mark.parametrize("split", ["validation", "test"])
@pytest.mark.parametrize("kind", ["augment", "implant"])
def test_a_sample_of_another_split_is_refused(toy, kind, split):
    with pytest.raises(DatasetError, match=f"is of the split '{split}'; extra samples are made from training samples only"):
        choose_sources(toy.table[toy.table["split"].isin(["train", split])], recipe(toy, kind), read_json(toy.dataset), source="x")


def test_views_agree(toy, made):
    """Wrapped and unwrapped phase differ by whole cycles where both are known, and have the gaps of their sources."""
    wrapped, unwrapped = tiles(made[1])
    known = np.isfinite(wrapped) & np.isfinite(unwrapped)
    cycles = (unwrapped[known].astype(float) - wrapped[known]) / (2 * np.pi)
    np.testing.assert_allclose(cycles, np.rint(cycles), atol=1e-5)
    assert wrapped[np.isfinite(wrapped)].min() > -PI
    assert wrapped[np.isfinite(wrapped)].max() <= PI
    for new, old in zip((wrapped, unwrapped), sources(toy, made[2]), strict=True):
        assert (np.isnan(new).sum(axis=(1, 2)) == np.isnan(old).sum(axis=(1, 2))).all()
        assert np.isnan(new).any()
        assert not np.array_equal(new, old, equal_nan=True)


def test_the_spectrogram_is_that_of_the_wrapped_tile(made, tmp_path):
    settings = Spectrogram(window=32, hop=32, bins=16, max_wavenumber=0.25)
    spectrogram_event(made[1] / "wrapped.zarr", settings, tmp_path / "spectrogram.zarr")
    store = open_samples(tmp_path / "spectrogram.zarr")
    assert store.count == len(made[2])
    np.testing.assert_allclose(store.read(slice(0, 8)), spectrogram(tiles(made[1], slice(0, 8))[0], settings), atol=1e-4)


def test_what_was_drawn_is_told_and_makes_the_sample_again(toy, made):
    kind, folder, table = made
    new, old = tiles(folder), sources(toy, table)
    for number in (0, len(table) // 2, len(table) - 1):
        told = json.loads(table["made"][number])
        if kind == "augment":
            again = augment(old[0][number], old[1][number], Change(**{**told, "ramp_rad": tuple(told["ramp_rad"])}))
            np.testing.assert_array_equal(again[0], new[0][number])
            np.testing.assert_array_equal(again[1], new[1][number])
        else:
            assert 5.1 < told["magnitude"] < 6.9
            assert told["depth_km"] > 0
    if kind == "augment":
        assert len(set(table["made"])) == len(table)
        assert {json.loads(text)["gain"] > 1 for text in table["made"]} == {True, False}


def test_an_implanted_tile_is_labelled_by_the_rule_of_real_tiles(toy, tmp_path):
    """What was added to the phase of the quiet tile reaches `min_fringes` over `min_area` of what is seen."""
    table = make(toy, recipe(toy, "implant"), tmp_path)
    added = tiles(tmp_path)[1] - sources(toy, table)[1]
    seen = np.isfinite(added)
    deformed = (np.abs(np.nan_to_num(added)) >= 2 * np.pi * TILING.label.min_fringes - 1e-3).sum(axis=(1, 2)) / seen.sum(axis=(1, 2))
    assert (deformed >= 0.9 * TILING.label.min_area).all()  # the rule counts wrapped pixels, of which a few have no unwrapped phase
    strict = LabelRule(min_fringes=3, min_area=0.5)
    stronger = make(toy, recipe(toy, "implant", rule=strict), tmp_path / "strict")
    added = tiles(tmp_path / "strict")[1] - sources(toy, stronger)[1]
    assert ((np.abs(np.nan_to_num(added)) >= 6 * np.pi - 1e-3).sum(axis=(1, 2)) / np.isfinite(added).sum(axis=(1, 2)) >= 0.45).all()


def test_a_tile_lies_where_the_prepared_interferogram_has_it(toy):
    """The grid that deformation is modelled on is that of the pixels, and the line of sight that of the pair's row."""
    how = recipe(toy, "implant")
    maker = Maker(how, [0])
    row = next(toy.table.query("event == 'b' and not coseismic").itertuples())
    wrapped = open_samples(f"{row.store}/wrapped.zarr").read(np.array([row.row]))[0]
    ground = maker.ground(row, wrapped)
    data = open_interferogram(toy.prepared("b"), f"{row.frame}/{row.pair}")
    top, left = map(int, row.sample.split("/")[-1].split("_"))
    np.testing.assert_allclose(ground.latitude, data.latitude[top : top + 32], atol=1e-8)
    np.testing.assert_allclose(ground.longitude, data.longitude[left : left + 32], atol=1e-8)
    np.testing.assert_array_equal(ground.valid, data.read("valid")[top : top + 32, left : left + 32])
    pair = next(one for one in toy.interferograms if one.event == "b" and one.pair == COSEISMIC)
    evidence = gather_evidence(quake("b"), pair, None, ground.latitude, ground.longitude)
    np.testing.assert_allclose(np.abs(ground.phase(fault_from_event(quake("b")))) / (2 * np.pi), evidence.fringes, rtol=1e-5)


@pytest.mark.parametrize("kind", ["augment", "implant"])
def test_a_rerun_gives_the_same_bytes_with_any_number_of_threads(toy, tmp_path, kind):
    for name, threads in (("one", 1), ("three", 3)):
        make(toy, recipe(toy, kind, 0.6), tmp_path / name / "extra", threads)
    for path in ("wrapped.zarr/zarr.json", "unwrapped.zarr/zarr.json"):
        assert (tmp_path / "one/extra" / path).read_bytes() == (tmp_path / "three/extra" / path).read_bytes()
    one, three = (pd.read_parquet(tmp_path / name / "extra/samples.parquet").drop(columns="store") for name in ("one", "three"))
    pd.testing.assert_frame_equal(one, three)
    before = (tmp_path / "one/extra/samples.parquet").read_bytes()
    make(toy, recipe(toy, kind, 0.6), tmp_path / "one/extra")
    assert (tmp_path / "one/extra/samples.parquet").read_bytes() == before
    other = make(toy, recipe(toy, kind, 0.6, seed=8), tmp_path / "other")
    assert other["made"].tolist() != one["made"].tolist()


@pytest.mark.parametrize(
    ("counts", "ratio", "wanted"),
    [
        ((100, 8), 0.5, {"b": 42}),
        ((8, 100), 1.0, {"a": 92}),
        ((101, 8), 0.5, {"b": 43}),
        ((100, 50), 0.5, {"b": 1}),
        ((10, 10), 1.0, {"a": 1}),
    ],
)
def test_number_of_extra_samples(counts, ratio, wanted):
    assert wanted_samples(dict(zip("ab", counts, strict=True)), Recipe("augment", "augment", ratio), "b") == wanted


def test_an_implant_makes_the_positive_class_only():
    how = Recipe("implant", "implant", 1.0)
    assert wanted_samples({"quiet": 4, "deformed": 10, "third": 2}, how, "deformed") == {"deformed": 1}
    assert wanted_samples({"quiet": 40, "deformed": 10, "third": 2}, how, "deformed") == {"deformed": 30}


def test_a_recipe_without_need_says_so_and_still_makes_one(toy, tmp_path, caplog):
    table = make(toy, recipe(toy, "augment", 0.01), tmp_path)
    assert len(table) == 1
    assert "no class lacks samples" in caplog.text


def test_an_implant_without_quiet_tiles_is_told(toy):
    train = toy.table.query("split == 'train' and coseismic")
    with pytest.raises(DatasetError, match=r"no quiet tile to implant .*\(a, b\) spans an earthquake; add pairs .*quiet_before"):
        choose_sources(train, recipe(toy, "implant"), read_json(toy.dataset), source="x")


def test_quiet_tiles_of_a_coseismic_pair_are_left_alone(toy):
    """Far from the fault they are `no_deformation` by the model, but nobody knows that nothing happened there."""
    train = toy.table.query("split == 'train'").reset_index(drop=True)
    quiet = train.index[train["label"] == "no_deformation"]
    far, near = quiet[::2], quiet[1::2]
    train.loc[far, "coseismic"] = True
    chosen = choose_sources(train, recipe(toy, "implant"), read_json(toy.dataset), source="x")
    assert set(chosen["sample"]) == set(train.loc[near, "sample"])


def test_an_implant_of_anything_but_deformation_is_refused(toy):
    about = {**read_json(toy.dataset), "positive": "no_deformation", "classes": ["deformation", "no_deformation"]}
    train = toy.table.query("split == 'train'")
    with pytest.raises(DatasetError, match="the dataset is about 'no_deformation'; use augmentation"):
        choose_sources(train, recipe(toy, "implant"), about, source="x")


def test_an_index_or_table_that_does_not_fit_is_told(toy, tmp_path):
    with pytest.raises(DatasetError, match=r"no interferogram 10\dA_05000_131313/\d+_\d+ of event 'a'"):
        make(toy, recipe(toy, "implant", interferograms=()), tmp_path)
    row = next(toy.table.itertuples())
    with pytest.raises(DatasetError, match=r"tiles\.parquet: row 1 is .*, the dataset has .* there; build the dataset again"):
        Maker(recipe(toy, "implant"), [0]).ground(row._replace(row=1), np.zeros((32, 32), "f4"))


def test_samples_are_listed_last(toy, tmp_path, monkeypatch):
    make(toy, recipe(toy, "augment"), tmp_path)
    before = (tmp_path / "samples.parquet").stat().st_mtime_ns

    def killed(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("fringeflow.imbalance.extra.augment", killed)
    with pytest.raises(KeyboardInterrupt):
        make(toy, recipe(toy, "augment"), tmp_path)
    assert (tmp_path / "samples.parquet").stat().st_mtime_ns == before
    assert not list(tmp_path.glob(".part-*"))


def planned(**changes) -> Parameters:
    """A configuration with two recipes, on the quakes' table."""
    strategies = {"augmentation": {"ratio": 0.25}, "implant": {}, "again": {"kind": "focal+implant"}, "none": {}}
    config = Config.model_validate(
        {"strategies": strategies, "datasets": {"toy": {"events": ["a"], "strategies": list(strategies)}}, **changes}
    )
    pair = Interferogram(event="a", frame="101A_05000_131313", pair=COSEISMIC, heading_deg=-12, acquisition_utc="04:00:00")
    return Parameters(config, Tables({"a": quake("a")}, {"a": [pair]}))


def test_a_recipe_depends_on_what_it_reads_and_nothing_else():
    texts = {name: planned().extra_json(SimpleNamespace(dataset="toy", recipe=name)) for name in ("augment-0.25", "implant-0.5")}
    augmented, implanted = (Recipe.from_dict(json.loads(text)) for text in texts.values())
    assert (augmented.extra, augmented.ratio, augmented.rule, augmented.interferograms) == ("augment", 0.25, None, ())
    assert (implanted.extra, implanted.rule, implanted.interferograms[0].heading_deg) == ("implant", LabelRule(), -12)
    assert "acquisition_utc" not in texts["implant-0.5"]
    for changes, changed in (
        ({"seed": 1}, {"augment-0.25", "implant-0.5"}),
        ({"tilings": {"standard": {"label": {"min_area": 0.2}}}}, {"implant-0.5"}),
        ({"tilings": {"standard": {"stride": 64}}, "training": {"epochs": 5}}, set()),
    ):
        again = {name: planned(**changes).extra_json(SimpleNamespace(dataset="toy", recipe=name)) for name in texts}
        assert {name for name in texts if again[name] != texts[name]} == changed
    with pytest.raises(ConfigError, match=r"dataset 'toy' has no strategy with extra samples 'implant-0.7'.*implant-0\.5"):
        planned().extra_json(SimpleNamespace(dataset="toy", recipe="implant-0.7"))
