"""A dataset is an index that is the same for the same tiles, that leaks nothing, and that says what is wrong."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Dataset
from fringeflow.datasets.build import build_dataset
from fringeflow.datasets.leaks import check_identical, check_leaks, shared_acquisitions
from fringeflow.errors import DatasetError
from fringeflow.store import open_samples, write_samples
from tests.unit.toy_events import FRAMES, some_events, write_event

CLASSES = ["no_deformation", "deformation"]
PAIR = "20210101_20210113"
BOTH = {PAIR: ["deformation", "no_deformation"]}


def build(folder: Path, indexes, *, classes=CLASSES, views=("wrapped",), **settings):
    paths = {name: folder / name for name in ("samples.parquet", "dataset.json", "summary.tsv")}
    build_dataset(
        "fringes", Dataset(views=list(views), **settings), indexes, classes,
        samples=paths["samples.parquet"], dataset=paths["dataset.json"], summary=paths["summary.tsv"],
    )  # fmt: skip
    return (
        pd.read_parquet(paths["samples.parquet"]),
        json.loads(paths["dataset.json"].read_text()),
        pd.read_csv(paths["summary.tsv"], sep="\t"),
    )


def given_split(**parts):
    return {"method": "given", **parts}


def test_samples_lead_to_their_tiles_and_parts_hold_whole_events(tmp_path):
    indexes = some_events(tmp_path)
    samples, dataset, summary = build(tmp_path / "out", indexes)
    assert list(samples) == ["sample", "store", "row", "label", "group", "split", "event", "frame", "pair", "coseismic"]
    assert len(samples) == 8 * 19
    assert set(samples["label"]) == set(CLASSES)
    assert (samples.groupby("group")["split"].nunique() == 1).all()
    for event, path in indexes.items():
        tiles = pd.read_parquet(path)
        mine = samples[samples["event"] == event]
        assert (tiles["sample"].iloc[mine["row"]].to_numpy() == mine["sample"].to_numpy()).all()
        assert set(mine["store"]) == {path.parent.as_posix()}
    assert dataset["classes"] == CLASSES
    assert dataset["positive"] == "deformation"
    assert dataset["pixel_deg"] == 0.001
    assert sum(map(len, dataset["events"].values())) == 8
    row = summary.set_index("split").loc["all"]
    assert (row["tiles"], row["deformation"], row["ambiguous_left_out"], row["events"], row["interferograms"]) == (152, 20, 8, 8, 24)
    assert summary.set_index("split").loc["test", "prevalence"] == pytest.approx(
        (samples.query("split == 'test'")["label"] == "deformation").mean()
    )
    assert (summary["tiles"][:3].sum(), list(summary["split"])) == (152, ["train", "validation", "test", "all"])


def test_the_order_of_the_events_changes_nothing(tmp_path):
    indexes = some_events(tmp_path)
    build(tmp_path / "a", indexes)
    build(tmp_path / "b", dict(reversed(indexes.items())))
    for name in ("samples.parquet", "dataset.json", "summary.tsv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_description_follows_the_index_and_not_the_content_of_a_view(tmp_path):
    """Runs on one view must not be trained again because another view was computed differently."""
    views = ("wrapped", "spectrogram")
    indexes = some_events(tmp_path, 6, views=views)
    _, before, _ = build(tmp_path / "a", indexes, views=views)
    folder = indexes["eq03"].parent
    store = open_samples(folder / "spectrogram.zarr")
    write_samples(folder / "spectrogram.zarr", [store.read(slice(None)) + 1], count=store.count, shape=store.shape, attrs={}, units="dB")
    assert build(tmp_path / "b", indexes, views=views)[1] == before
    assert build(tmp_path / "c", indexes)[1] == before
    tiles = pd.read_parquet(indexes["eq03"])
    tiles.loc[0, "label"] = "ambiguous"
    tiles.to_parquet(indexes["eq03"], index=False)
    assert build(tmp_path / "d", indexes)[1]["digest"] != before["digest"]


def test_two_shocks_with_one_interferogram_are_one_group_and_their_tiles_count_once(tmp_path):
    """What is quiet for the model of one shock holds the fringes of the other."""
    indexes = some_events(tmp_path, 6)
    first = {PAIR: ["no_deformation", "deformation", "ambiguous", "no_deformation"]}
    second = {PAIR: ["deformation", "no_deformation", "no_deformation", "no_deformation"], "20210201_20210213": ["no_deformation"] * 2}
    indexes["shock1"] = write_event(tmp_path, "shock1", first, frame=FRAMES[1], seed=7)
    indexes["shock2"] = write_event(tmp_path, "shock2", second, frame=FRAMES[1], seed=7)
    samples, dataset, summary = build(tmp_path / "out", indexes)
    shocks = samples[samples["group"] == "shock1"]
    assert set(shocks["event"]) == {"shock1", "shock2"}
    assert not shocks.duplicated(["frame", "pair", "row"]).any()
    labels = shocks.set_index("sample")["label"]
    assert labels[f"shock2/{FRAMES[1]}/{PAIR}/0_0"] == "deformation"
    assert labels[f"shock1/{FRAMES[1]}/{PAIR}/0_16"] == "deformation"
    assert not labels.index.str.endswith("/0_32").any(), "one says ambiguous, the other quiet"
    assert len(shocks) == 5
    assert dataset["shared_left_out"] == 4
    assert summary.set_index("split").loc["all", "groups"] == 7


def test_a_given_split_is_used_and_may_name_an_event_without_tiles(tmp_path):
    indexes = {event: write_event(tmp_path, event, BOTH, frame=f"00{n}A_05000_131313") for n, event in enumerate("abc")}
    indexes["d"] = write_event(tmp_path, "d", {})
    split = given_split(train=["a", "d"], validation=["b"], test=["c"])
    samples, dataset, _ = build(tmp_path / "out", indexes, split=split)
    assert dict(zip(samples["event"], samples["split"], strict=True)) == {"a": "train", "b": "validation", "c": "test"}
    assert dataset["events"] == {"train": ["a"], "validation": ["b"], "test": ["c"]}


def test_one_class_is_refused(tmp_path):
    quiet = {PAIR: ["no_deformation", "ambiguous"]}
    indexes = {event: write_event(tmp_path, event, quiet, frame=f"00{n}A_05000_131313") for n, event in enumerate("abc")}
    message = r"1 of 2 classes in its 3 samples \(3 of no_deformation; none of deformation\).*loosen the label rule"
    with pytest.raises(DatasetError, match=message):
        build(tmp_path / "out", indexes)
    assert not (tmp_path / "out").exists()


def test_only_ambiguous_tiles_are_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"0 of 2 classes in its 0 samples \(no sample at all;"):
        build(tmp_path / "out", {"a": write_event(tmp_path, "a", {PAIR: ["ambiguous"] * 2})})


def test_a_class_missing_from_a_part_names_the_events_that_have_it(tmp_path):
    labels = {"a": BOTH, "b": {PAIR: ["no_deformation"] * 3}, "c": BOTH}
    indexes = {event: write_event(tmp_path, event, row, frame=f"00{n}A_05000_131313") for n, (event, row) in enumerate(labels.items())}
    with pytest.raises(DatasetError) as caught:
        build(tmp_path / "out", indexes, split=given_split(train=["a"], validation=["b"], test=["c"]))
    message = str(caught.value)
    assert "split 'validation' has no sample of class 'deformation'. Events that have: train: a (1); test: c (1)" in message
    assert "move events between split.train" in message


def test_an_empty_part_is_refused(tmp_path):
    indexes = {event: write_event(tmp_path, event, BOTH, frame=f"00{n}A_05000_131313") for n, event in enumerate("ac")}
    indexes["b"] = write_event(tmp_path, "b", {})
    with pytest.raises(DatasetError, match="split 'validation' is empty"):
        build(tmp_path / "out", indexes, split=given_split(train=["a"], validation=["b"], test=["c"]))
    with pytest.raises(DatasetError, match=r"dataset 'fringes': .* at least 3 groups of events, found 2 \(a, c\)"):
        build(tmp_path / "out", indexes)


def test_every_problem_of_the_indexes_is_told_at_once(tmp_path):
    indexes = some_events(tmp_path, 5)
    pd.read_parquet(indexes["eq00"]).iloc[:5].to_parquet(indexes["eq00"], index=False)
    pd.read_parquet(indexes["eq01"]).drop(columns=["pair", "label"]).to_parquet(indexes["eq01"], index=False)
    pd.read_parquet(indexes["eq02"]).replace({"label": {"deformation": "deformaton"}}).to_parquet(indexes["eq02"], index=False)
    indexes["eq03"].write_text("not a parquet file")
    (indexes["eq04"].parent / "wrapped.zarr" / "zarr.json").unlink()
    indexes["eq05"] = tmp_path / "nowhere.parquet"
    with pytest.raises(DatasetError) as caught:
        build(tmp_path / "out", indexes)
    message = str(caught.value)
    assert "holds 20 samples, but" in message and "lists 5 tiles" in message
    assert "no column pair, label; found sample, event" in message
    assert "unknown label 'deformaton'; did you mean 'deformation'?" in message
    assert "eq03/standard/tiles.parquet: cannot be read as a tile index" in message
    assert "eq04/standard/wrapped.zarr: expected a sample store" in message
    assert "nowhere.parquet: cannot be read" in message


def test_an_index_of_another_event_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="is given for event 'b' but lists tiles of a"):
        build(tmp_path / "out", {"b": write_event(tmp_path, "a", BOTH)})


def table(**columns):
    base = {"sample": ["s", "t"], "group": ["g", "h"], "event": ["e", "f"], "frame": ["F", "G"], "pair": ["1_2", "1_2"]}
    return pd.DataFrame({**base, "split": ["train", "test"], **columns})


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"group": ["g", "g"]}, "group g stands in test and train"),
        ({"event": ["e", "e"]}, "event e stands in test and train"),
        ({"frame": ["F", "F"]}, "interferogram F/1_2 stands in test and train"),
        ({"sample": ["s", "s"]}, "1 samples are listed twice, for example s"),
    ],
)
def test_each_kind_of_leak_is_caught(columns, message):
    check_leaks(table())
    with pytest.raises(DatasetError, match=message):
        check_leaks(table(**columns))


def test_the_same_product_under_two_names_is_caught(tmp_path):
    """As after a frame was renamed: no name betrays it, the pixels do."""
    indexes = some_events(tmp_path, 4)
    indexes["copy1"] = write_event(tmp_path, "copy1", BOTH, frame="900A_05000_131313", seed=3)
    indexes["copy2"] = write_event(tmp_path, "copy2", BOTH, frame="901A_05000_131313", seed=3)
    split = given_split(train=["eq00", "eq01", "copy1"], validation=["eq02"], test=["eq03", "copy2"])
    with pytest.raises(DatasetError, match=r"2 tiles have the same content \(wrapped\) in two parts"):
        build(tmp_path / "out", indexes, split=split)
    build(tmp_path / "out", indexes, split=given_split(train=["eq00", "eq01"], validation=["eq02"], test=["eq03", "copy1", "copy2"]))


def test_tiles_without_any_variation_are_no_leak(tmp_path):
    flat = np.full((2, 8, 8), np.nan, "f4")
    flat[1] = 0.5
    for store in "ab":
        write_samples(tmp_path / store / "wrapped.zarr", [flat], count=2, shape=(8, 8), attrs={}, units="rad")
    stores = [str(tmp_path / store) for store in "aabb"]
    parts = ["train", "train", "test", "test"]
    check_identical(pd.DataFrame({"sample": list("wxyz"), "store": stores, "row": [0, 1, 0, 1], "split": parts}), "wrapped")


def test_an_acquisition_in_two_parts_is_told_but_allowed():
    pairs = ["20210101_20210113", "20210113_20210125", "20210113_20210206", "20210101_20210206"]
    samples = pd.DataFrame({"frame": ["F", "F", "G", "F"], "pair": pairs, "split": ["train", "test", "test", "train"]})
    assert shared_acquisitions(samples) == ["F 20210113"]
