"""Mirrored gathers and gathers of one side twice: their traces, their training samples, and their views."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fringeflow.config.collections import Gather, Pictures, Stft
from fringeflow.errors import DatasetError
from fringeflow.files import write_json
from fringeflow.imbalance.extra import COLUMNS
from fringeflow.imbalance.recipes import Recipe
from fringeflow.imbalance.vary_extra import make_variants, write_variants_view
from fringeflow.seismic.gather import gather_view
from fringeflow.seismic.images import image_maker
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.stft import spectrogram_view
from fringeflow.seismic.stores import write_view
from fringeflow.seismic.vary import VARIANTS, column_order, vary_picture, vary_recording
from fringeflow.simulate.gather_waves import draw_signal, draw_spread
from fringeflow.store import open_samples
from tests.unit.toy_gathers import SMALL, maker, recording, write_collection

HALF = Recipe("augment-0.5", "augment", 0.5)
ALL = Recipe("augment-1", "augment", 1.0)


@pytest.mark.parametrize("count", [2, 5, 96])
def test_halves_are_symmetric_and_keep_their_side(count):
    columns = np.arange(count)
    half = count // 2
    np.testing.assert_array_equal(vary_picture(vary_picture(columns, "mirror"), "mirror"), columns)
    left, right = (vary_picture(columns, f"two_{side}_halves") for side in ("left", "right"))
    for halves in (left, right):
        np.testing.assert_array_equal(halves, halves[::-1])
    np.testing.assert_array_equal(left[:half], columns[:half])
    np.testing.assert_array_equal(right[count - half :], columns[count - half :])
    assert set(left) | set(right) == set(columns)


def test_a_symmetric_shot_is_its_own_variant_but_for_statics():
    """The geometry that makes these valid: the source in the middle, both sides at the same offsets."""
    spread = draw_spread(np.random.default_rng(0), SMALL)
    middle = (spread.geophones_m[0] + spread.geophones_m[-1]) / 2
    assert abs(spread.source_m - middle) <= 2 * SMALL.spacing_m
    signal = draw_signal(np.random.default_rng(1), type(spread)(spread.geophones_m, middle, 10.0, spread.times_s))
    for variant in VARIANTS:
        varied = vary_recording(recording(signal), variant).traces
        assert np.corrcoef(np.abs(varied).ravel(), np.abs(signal).ravel())[0, 1] > 0.6


def test_names_follow_their_traces_and_pictures_vary_like_recordings():
    whole = recording(np.random.default_rng(0).normal(0, 1, (6, 50)))
    for variant in VARIANTS:
        varied = vary_recording(whole, variant)
        for name, trace in zip(varied.names, varied.traces, strict=True):
            np.testing.assert_array_equal(trace, whole.traces[int(name)])
        planes = np.stack([whole.traces.T] * 3)
        np.testing.assert_array_equal(vary_picture(planes, variant), np.stack([varied.traces.T] * 3))
    assert vary_recording(whole, "two_left_halves").names == ("0", "1", "2", "2", "1", "0")
    with pytest.raises(ValueError, match=r"no variant 'miror'; did you mean 'mirror'"):
        column_order(4, "miror")
    with pytest.raises(DatasetError, match=r"toy\.sgy: .* it has 1; expected a gather of at least 2"):
        vary_recording(recording(np.zeros(10)), "mirror")


def write_dataset(folder, train: dict[str, int], rest: int = 5):
    """Write samples.parquet and dataset.json with some training samples of each class, and others in the other parts."""
    rows = [(label, "train") for label, count in train.items() for _ in range(count)]
    rows += [(label, part) for part in ("validation", "test") for label in train for _ in range(rest)]
    table = pd.DataFrame(rows, columns=["label", "split"])
    names = [f"r{number}" for number in range(len(table))]
    table = table.assign(
        sample=names, store="results/collections/toy", row=np.arange(len(table)), group=names, event=names, frame="toy", pair=names,
        coseismic=False,
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    table.to_parquet(folder / "samples.parquet")
    write_json(folder / "dataset.json", {"classes": list(train), "positive": None})
    return table.set_index("sample")


def variants(folder, recipe=HALF):
    make_variants(folder / "samples.parquet", folder / "dataset.json", recipe, folder / "extra" / "samples.parquet")
    return pd.read_parquet(folder / "extra" / "samples.parquet")


def test_rarer_classes_reach_the_ratio_from_training_samples_alone_and_never_twice_the_same(tmp_path, caplog):
    table = write_dataset(tmp_path, {"a": 40, "b": 12, "c": 7, "d": 20})
    extra = variants(tmp_path)
    assert extra["label"].value_counts().to_dict() == {"b": 8, "c": 13}
    assert tuple(extra.columns) == COLUMNS
    assert (extra["store"] == (tmp_path / "extra").as_posix()).all()
    assert extra["row"].tolist() == list(range(21))
    assert extra["sample"].is_unique
    source = table.loc[extra["source"]]
    assert (source["split"] == "train").all()
    for column in ("label", "group", "event", "pair"):
        assert source[column].tolist() == extra[column].tolist()
    made = [json.loads(text)["variant"] for text in extra["made"]]
    assert set(made) == set(VARIANTS)
    assert not pd.DataFrame({"source": extra["source"], "made": made}).duplicated().any()
    counts = extra[extra["label"] == "c"]["source"].value_counts()
    assert (counts.min(), counts.max(), len(counts)) == (1, 2, 7)
    assert not caplog.text


def test_a_source_gives_three_at_most_and_the_log_says_what_is_reached(tmp_path, caplog):
    write_dataset(tmp_path, {"a": 93, "b": 9})
    extra = variants(tmp_path, ALL)
    assert len(extra) == 27
    assert not extra[["source", "made"]].duplicated().any()
    assert "9 training samples of 'b' have 27 variants, 84 were wanted: the class reaches 0.39 of the largest instead of 1" in caplog.text


def test_variants_depend_on_training_samples_and_seed_only(tmp_path):
    write_dataset(tmp_path / "x", {"a": 40, "b": 9})
    write_dataset(tmp_path / "y", {"a": 40, "b": 9}, rest=9)
    one, other = (variants(tmp_path / name).drop(columns="store") for name in "xy")
    pd.testing.assert_frame_equal(one, other)
    seeded = variants(tmp_path / "x", Recipe("augment-0.5", "augment", 0.5, seed=1))
    assert seeded[["source", "made"]].values.tolist() != one[["source", "made"]].values.tolist()


def test_no_training_sample_is_told(tmp_path):
    table = write_dataset(tmp_path, {"a": 4, "b": 2}).reset_index()
    table[table["split"] != "train"].to_parquet(tmp_path / "samples.parquet")
    with pytest.raises(DatasetError, match="the training split has no sample"):
        variants(tmp_path)


def extras_of(folder, index):
    """List every variant of every row of an index as an extra sample."""
    table = pd.read_parquet(index)
    rows = [
        (f"x/{place}{name}", sample, json.dumps({"variant": name})) for place, sample in enumerate(table["sample"]) for name in VARIANTS
    ]
    extra = pd.DataFrame(rows, columns=["sample", "source", "made"])
    extra = extra.sample(frac=1, random_state=0).reset_index(drop=True)
    extra.to_parquet(folder / "extra.parquet")
    return folder / "extra.parquet", extra


@pytest.mark.parametrize(("view", "settings"), [("gather", Gather(rows=20, columns=24)), ("spectrogram", Stft(rows=17, columns=20))])
def test_a_view_of_a_variant_is_that_of_the_varied_recording(tmp_path, view, settings):
    index, _ = write_collection(tmp_path, 3)
    pd.read_parquet(index).assign(begin_s=0.1, end_s=0.7, first_trace=1, last_trace=9).to_parquet(index)
    path, extra = extras_of(tmp_path, index)
    write_variants_view(path, index, maker(view, settings), tmp_path / "extra.zarr", threads=2)
    made = open_samples(tmp_path / "extra.zarr").read(slice(None))
    write_view(index, maker(view, settings), tmp_path / "plain.zarr")
    plain = dict(zip(pd.read_parquet(index)["sample"], open_samples(tmp_path / "plain.zarr").read(slice(None)), strict=True))
    for row, picture in zip(extra.itertuples(), made, strict=True):
        part = read_recording(tmp_path / f"{row.source}.sgy").window(0.1, 0.7, 1, 9)
        varied = vary_recording(part, json.loads(row.made)["variant"])
        expected = gather_view(varied, settings, begin_s=0.1) if view == "gather" else spectrogram_view(varied, settings)
        np.testing.assert_array_equal(picture, expected)
        # A spectrogram of all traces does not tell their order; which side they are from it does.
        same = np.allclose(picture, plain[row.source], atol=1e-3)
        assert same == (view == "spectrogram" and "mirror" in row.made)


def test_a_variant_of_a_picture_is_varied_before_it_is_resized(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 31)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    pd.DataFrame({"sample": ["a"], "file": [str(tmp_path / "a.png")]}).to_parquet(tmp_path / "index.parquet")
    path, extra = extras_of(tmp_path, tmp_path / "index.parquet")
    settings = Pictures(kind="pictures", folder="x", classes=["a", "b"], crop=(1, 0, 31, 40), size=20)
    write_variants_view(path, tmp_path / "index.parquet", image_maker(settings), tmp_path / "extra.zarr")
    made = open_samples(tmp_path / "extra.zarr").read(slice(None)).reshape(3, 3, 20, 20)
    for row, planes in zip(extra.itertuples(), made, strict=True):
        varied = vary_picture(pixels[:, 1:], json.loads(row.made)["variant"]) / 255
        expected = varied.reshape(20, 2, 30).mean(axis=1)  # 30 columns to 20: areas of one and a half
        expected = (
            np.stack([expected[:, 0::3] * 2 + expected[:, 1::3], expected[:, 1::3] + 2 * expected[:, 2::3]], axis=-1).reshape(20, 20) / 3
        )
        for plane in planes:
            np.testing.assert_allclose(plane, expected, atol=1e-6)


def test_a_source_that_the_index_lacks_is_told(tmp_path):
    index, _ = write_collection(tmp_path, 2)
    path, _ = extras_of(tmp_path, index)
    pd.read_parquet(index).iloc[:1].to_parquet(index)
    with pytest.raises(DatasetError, match=r"no sample 'shot1', of which .*extra\.parquet is to show a variant; build the dataset again"):
        write_variants_view(path, index, maker("gather", Gather(rows=16, columns=16)), tmp_path / "extra.zarr")
