"""A dataset of recordings or pictures: groups stay whole, parts hold every class, and what looks wrong is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Dataset
from fringeflow.datasets.collection import build_collection
from fringeflow.errors import DatasetError
from fringeflow.store import write_samples

CLASSES = ("good", "bad")


def collection(folder: Path, rows: list[tuple], view: str = "gather", alike: tuple[int, int] | None = None) -> Path:
    """Write a collection of (recording, label, group, split) with samples that differ, or of which two are the same."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows, columns=["recording", "label", "group", "split"])
    names = [f"{row.recording}/{number}" for number, row in enumerate(table.itertuples())]
    table = table.assign(sample=names, file=table["recording"], begin_s=np.nan, end_s=np.nan, first_trace=-1, last_trace=-1)
    table.to_parquet(folder / "index.parquet", index=False)
    values = np.random.default_rng(0).random((len(rows), 16, 16)).astype("f4")
    if alike:
        values[alike[1]] = values[alike[0]]
    write_samples(folder / f"{view}.zarr", [values], count=len(rows), shape=(16, 16), attrs={}, units="1")
    return folder / "index.parquet"


def build(folder: Path, index: Path, **settings) -> tuple[pd.DataFrame, dict]:
    out = {name: folder / f"{name}.out" for name in ("samples", "dataset", "summary")}
    kind = settings.pop("kind", "recordings")
    given = {"collection": "shots", "views": ["gather"], **settings}
    duplicates = given.pop("duplicates", None)
    build_collection("shots", Dataset.model_validate(given), index, CLASSES, None, kind, duplicates=duplicates, **out)
    return pd.read_parquet(out["samples"]), json.loads(out["dataset"].read_text())


def many(count: int = 12) -> list[tuple]:
    """Return recordings with two labelled windows each, one of either class in every third."""
    return [
        (f"r{number}", label, f"r{number}", "")
        for number in range(count)
        for label in (("good", "bad") if number % 3 == 0 else ("good", "good"))
    ]


def test_windows_of_a_recording_never_cross_the_split_and_every_part_has_every_class(tmp_path):
    samples, about = build(tmp_path, collection(tmp_path / "c", many()))
    assert samples.groupby("group")["split"].nunique().max() == 1
    assert all(set(part["label"]) == set(CLASSES) for _, part in samples.groupby("split"))
    assert about["positive"] is None and about["prevalence"]["test"] is None
    assert about["counts"]["all"] == {"groups": 12, "events": 12, "interferograms": 12, "tiles": 24, "good": 20, "bad": 4}
    assert about["words"]["sample"] == "recording"
    assert list(samples["row"]) == list(range(24)), "row i of a store is row i of the index"


def test_the_split_of_folders_is_kept_as_it_is(tmp_path):
    parts = ("train", "validation", "test")
    rows = [(f"{part}{number}.png", label, f"{part}{number}", part) for part in parts for number, label in enumerate(CLASSES)]
    alike = tmp_path / "duplicates.tsv"
    alike.write_text("sample\tpart\tother\tother_part\tdistance\thow\na\ttrain\tb\ttest\t2\tmirror\n")
    settings = {"split": {"method": "folders"}, "kind": "pictures", "duplicates": alike}
    samples, about = build(tmp_path, collection(tmp_path / "c", rows), **settings)
    assert list(samples["split"]) == [row[3] for row in rows]
    assert about["near_duplicates"] == 1


def test_folders_that_share_an_original_leak(tmp_path):
    parts = ("train", "validation", "test")
    rows = [(f"{part}{number}.png", label, f"p{number}", part) for part in parts for number, label in enumerate(CLASSES)]
    with pytest.raises(DatasetError, match="original p0 stands in test and train and validation"):
        build(tmp_path, collection(tmp_path / "c", rows), split={"method": "folders"}, kind="pictures")


def test_pictures_without_folders_of_parts_cannot_be_split_by_them(tmp_path):
    with pytest.raises(DatasetError, match=r"lies in no folder train, val or test.*stratified"):
        build(tmp_path, collection(tmp_path / "c", many()), split={"method": "folders"})


def test_the_same_content_under_two_names_is_refused(tmp_path):
    rows = [(f"r{number}", CLASSES[number % 2], f"r{number}", "") for number in range(12)]
    given = {
        "method": "given",
        "train": [f"r{n}" for n in range(6)],
        "validation": [f"r{n}" for n in range(6, 9)],
        "test": ["r9", "r10", "r11"],
    }
    with pytest.raises(DatasetError, match="same content"):
        build(tmp_path, collection(tmp_path / "c", rows, alike=(0, 10)), split=given)


def test_a_class_without_a_sample_and_a_store_that_is_short_are_told(tmp_path):
    rows = [(f"r{number}", "good", f"r{number}", "") for number in range(6)]
    with pytest.raises(DatasetError, match="none of bad"):
        build(tmp_path, collection(tmp_path / "c", rows))
    index = collection(tmp_path / "d", many())
    table = pd.read_parquet(index)
    table.iloc[:-1].to_parquet(index, index=False)
    with pytest.raises(DatasetError, match=r"holds 24 samples, but .* lists 23"):
        build(tmp_path, index)
