"""The view `gather`: what lies where, what gains do, and that a store follows its index."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fringeflow.config.collections import Gather, Pictures, Stft
from fringeflow.errors import ConfigError, DatasetError
from fringeflow.seismic import windows as cutting
from fringeflow.seismic.gather import gather_view
from fringeflow.seismic.images import image_maker
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.resample import area_weights, line_weights, resampled
from fringeflow.seismic.stft import spectrogram_view
from fringeflow.seismic.stores import write_view
from fringeflow.seismic.windows import Reading
from fringeflow.store import content_digest, open_samples
from tests.unit.toy_gathers import INTERVAL_S, maker, recording, write_collection

PLAIN = Gather(rows=64, columns=32, gain="none", clip_percentile=100)
NOISE = np.random.default_rng(0).normal(0, 1, (32, 640)).astype("f4")


def test_time_runs_down_and_traces_across_and_polarity_stays():
    traces = np.zeros((32, 640))
    traces[5, 100:110] = 2.0
    traces[20, 400:410] = -1.0
    picture = gather_view(recording(traces), PLAIN)
    assert (picture.shape, picture.dtype) == ((64, 32), np.float32)
    assert picture[10, 5] == pytest.approx(1)
    assert picture[40, 20] == pytest.approx(-0.5)
    assert np.count_nonzero(picture) == 2


def test_each_pixel_is_the_mean_of_what_it_covers():
    picture = gather_view(recording(NOISE), PLAIN)
    np.testing.assert_allclose(picture, NOISE.T.reshape(64, 10, 32).mean(axis=1) / np.abs(NOISE).max(), atol=1e-6)
    wide = gather_view(recording(NOISE[:2]), PLAIN)
    np.testing.assert_array_equal(wide, np.repeat(wide[:, [0, 16]], 16, axis=1))
    single = gather_view(recording(NOISE[0]), PLAIN)
    np.testing.assert_array_equal(single, np.repeat(single[:, :1], 32, axis=1))


def test_a_percentile_of_the_live_samples_becomes_one():
    traces = NOISE.copy()
    traces[8:] = 0
    picture = gather_view(recording(traces), PLAIN.model_copy(update={"rows": 640, "clip_percentile": 90.0}))
    assert (np.abs(picture[:, :8]) == 1).mean() == pytest.approx(0.1, abs=1e-3)
    assert (picture[:, 8:] == 0).all()


def test_the_gain_by_time_undoes_spreading_and_counts_from_the_shot():
    time = (np.arange(640) + 1) * INTERVAL_S
    spread = np.sign(NOISE) / time**1.5
    settings = Gather(rows=640, columns=32, gain="time", time_power=1.5, clip_percentile=100)
    np.testing.assert_allclose(np.abs(gather_view(recording(spread), settings)), 1, rtol=1e-5)
    part = gather_view(recording(spread[:, 320:]), settings, begin_s=320 * INTERVAL_S)
    np.testing.assert_allclose(np.abs(part), 1, rtol=1e-5)


def test_agc_makes_loud_and_quiet_alike_and_dead_traces_stay_dead():
    loudness = np.exp(-np.arange(640) / 80) * 10 ** np.arange(32)[:, None].clip(0, 8)
    traces = NOISE * loudness
    traces[30] = 0
    settings = Gather(rows=640, columns=32, gain="agc", agc_s=40 * INTERVAL_S, clip_percentile=100)
    picture = gather_view(recording(traces), settings)
    sizes = np.sqrt((picture[:, :30].reshape(8, 80, 30) ** 2).mean(axis=1))
    assert sizes.max() / sizes.min() < 1.7
    assert (picture[:, 30] == 0).all()
    longer = gather_view(recording(traces), settings.model_copy(update={"agc_s": 100.0}))
    assert np.isfinite(longer).all()


@pytest.mark.parametrize("gain", ["none", "time", "agc"])
def test_gaps_are_no_data_and_change_nothing_else_but_the_scale(gain):
    traces = NOISE.copy()
    traces[3, 100:140] = np.nan
    traces[9] = np.nan
    settings = Gather(rows=64, columns=32, gain=gain, agc_s=0.02, clip_percentile=100)
    picture, whole = gather_view(recording(traces), settings), gather_view(recording(NOISE), settings)
    lost = np.isnan(picture)
    assert lost[:, 9].all()
    assert lost[10:14, 3].all()
    assert lost.sum() == 68
    # Next to a gap the sliding mean of `agc` has less to go by.
    far = ~lost & ~np.isin(np.arange(64), [9, 14])[:, None]
    ratio = picture[far] / whole[far]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)


@pytest.mark.parametrize("gain", ["none", "time", "agc"])
def test_silence_and_nothing_are_defined(gain):
    settings = Gather(rows=16, columns=16, gain=gain)
    assert (gather_view(recording(np.zeros((4, 100))), settings) == 0).all()
    assert np.isnan(gather_view(recording(np.full((4, 100), np.nan)), settings)).all()
    mostly = np.zeros((4, 100))
    mostly[:, 0] = 3
    picture = gather_view(recording(mostly), settings)
    assert picture.max() > 0
    assert np.isfinite(picture).all()


@pytest.mark.parametrize(("size", "wanted"), [(7, 3), (3, 7), (96, 224), (750, 224), (5, 5), (1, 4), (4, 1)])
def test_areas_keep_the_mean_and_lines_keep_a_constant(size, wanted):
    area = area_weights(size, wanted).toarray()
    np.testing.assert_allclose(area.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(area.sum(axis=0), wanted / size, atol=1e-6)
    line = line_weights(size, wanted).toarray()
    np.testing.assert_allclose(line.sum(axis=1), 1, atol=1e-6)
    if wanted > size > 1:
        np.testing.assert_allclose((line @ np.arange(size))[wanted // 2], (wanted // 2 + 0.5) * size / wanted - 0.5, rtol=1e-5)


def test_a_new_cell_needs_more_than_half_of_its_weight():
    picture = np.array([[1.0, np.nan, 3.0, np.nan, np.nan, np.nan]], "f4")
    one = area_weights(1, 1)
    np.testing.assert_array_equal(resampled(picture, one, area_weights(6, 2)), [[2, np.nan]])
    np.testing.assert_array_equal(resampled(picture, one, area_weights(6, 3)), [[np.nan] * 3])


def windows(folder, count=5):
    """Label many windows of each file, in an order in which files alternate."""
    index, _ = write_collection(folder, count)
    whole = pd.read_parquet(index)
    rng = np.random.default_rng(1)
    rows = []
    for number in range(40 * count):
        row = whole.iloc[int(rng.integers(count))].copy()
        row["sample"] = f"{row['recording']}/{number}"
        if number % 3:
            begin = round(rng.uniform(0, 0.3), 2)
            row["begin_s"], row["end_s"] = begin, begin + 0.4
        if number % 2:
            row["first_trace"], row["last_trace"] = 2, 7 + number % 4
        rows.append(row)
    table = pd.DataFrame(rows).reset_index(drop=True)
    table.to_parquet(index, index=False)
    return index, table


@pytest.mark.parametrize(("view", "settings"), [("gather", Gather(rows=24, columns=16)), ("spectrogram", Stft(rows=24, columns=16))])
def test_row_by_row_a_store_is_the_view_of_its_window_and_files_are_read_once(tmp_path, monkeypatch, view, settings):
    index, table = windows(tmp_path)
    read = []

    def counted(path, **options):
        read.append(path)
        return read_recording(path, **options)

    monkeypatch.setattr(cutting, "read_recording", counted)
    digests = {write_view(index, maker(view, settings), tmp_path / f"{threads}.zarr", threads=threads) for threads in (1, 3)}
    assert len(digests) == 1
    assert sorted(read) == sorted([*table["file"].unique()] * 2)
    store = open_samples(tmp_path / "3.zarr")
    assert (store.count, store.shape) == (len(table), (24, 16))
    assert (store.attrs["view"], store.attrs["units"]) == (view, "1" if view == "gather" else "dB")
    expected = []
    for row in table.itertuples():
        part = read_recording(row.file).window(row.begin_s, row.end_s, row.first_trace, row.last_trace)
        begin = 0.0 if np.isnan(row.begin_s) else row.begin_s
        expected.append(gather_view(part, settings, begin_s=begin) if view == "gather" else spectrogram_view(part, settings))
    assert store.digest == content_digest(np.stack(expected))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_pictures_become_three_planes_one_below_the_other(tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 50, 70, 3)).astype(np.uint8)
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    index = pd.DataFrame({"sample": list("abc"), "file": [str(tmp_path / f"{number}.png") for number in (2, 0, 1)]})
    index.to_parquet(tmp_path / "index.parquet")
    settings = Pictures(kind="pictures", folder="x", classes=["a", "b"], crop=(5, 2, 69, 50), size=16)
    write_view(tmp_path / "index.parquet", image_maker(settings), tmp_path / "images.zarr")
    store = open_samples(tmp_path / "images.zarr")
    assert (store.shape, store.attrs["crop"]) == ((48, 16), [5, 2, 69, 50])
    box = pixels[[2, 0, 1], 2:50, 5:69].reshape(3, 16, 3, 16, 4, 3).mean(axis=(2, 4)) / 255
    np.testing.assert_allclose(store.read(slice(None)), np.moveaxis(box, -1, 1).reshape(3, 48, 16), atol=1e-6)


def test_nothing_stands_after_an_error(tmp_path):
    index, table = windows(tmp_path, 3)
    small = maker("gather", Gather(rows=16, columns=16))
    table.assign(end_s=99.0).iloc[:1].to_parquet(index)
    with pytest.raises(DatasetError, match="lies outside the recording"):
        write_view(index, small, tmp_path / "view.zarr")
    table.iloc[:0].to_parquet(index)
    with pytest.raises(DatasetError, match="no sample to make"):
        write_view(index, small, tmp_path / "view.zarr")
    table.to_parquet(index)
    (tmp_path / "shot1.sgy").write_bytes(b"not SEG-Y at all" * 300)
    with pytest.raises(DatasetError, match=r"shot1\.sgy"):
        write_view(index, small, tmp_path / "view.zarr")
    assert not [path.name for path in tmp_path.iterdir() if "view" in path.name]


def test_recordings_are_read_as_told(tmp_path):
    index, _ = write_collection(tmp_path, 2)
    write_view(index, maker("gather", Gather(rows=16, columns=16), Reading(interval_ms=8.0)), tmp_path / "a.zarr")
    expected = gather_view(read_recording(tmp_path / "shot0.sgy", interval_ms=8.0), Gather(rows=16, columns=16))
    np.testing.assert_array_equal(open_samples(tmp_path / "a.zarr").read(slice(0, 1))[0], expected)
    with pytest.raises(ConfigError, match=r"window_s is 5 s, longer than .*shot0\.sgy, which lasts 0\.8 s"):
        write_view(index, maker("spectrogram", Stft(window_s=5)), tmp_path / "b.zarr")
