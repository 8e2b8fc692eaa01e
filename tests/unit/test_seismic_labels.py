"""Label tables, and the index that holds them against the recordings."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from obspy import Stream, Trace, UTCDateTime

from fringeflow.errors import DatasetError
from fringeflow.seismic.index import COLUMNS, index_recordings
from fringeflow.seismic.labels import read_labels

CLASSES = ["brak_Station", "noise_DNS"]
START = UTCDateTime("2024-02-29T12:00:00Z")


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(row.replace(" | ", "\t") for row in rows) + "\n", encoding="utf-8")
    return path


def gather(path: Path, seed: int, traces: int = 4, samples: int = 100) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    data = np.random.default_rng(seed).normal(size=(traces, samples)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Stream([Trace(row, {"delta": 0.01}) for row in data]).write(str(path), format="SEGY", data_encoding=5)
    return path


# --- The table


def test_seconds_times_traces_groups_and_splits(tmp_path):
    table = write(
        tmp_path / "labels.tsv",
        "recording | class | start | end | first_trace | last_trace | group | split",
        "a.sgy | noise_DNS | 0.5 | 2 | 3 | 7 | line 1 | train",
        "sub\\b.mseed | brak_Station | 2024-02-29T12:00:10+01:00 | 2024-02-29 12:00:20 |  |  |  | val",
        "",
        "c.sgy | noise_DNS |  |  |  |  |  | TEST",
    )
    rows = read_labels(table, CLASSES).to_dict("records")
    assert rows[0] == {
        "where": "line 2", "recording": "a.sgy", "label": "noise_DNS", "start": 0.5, "end": 2.0, "first_trace": 3, "last_trace": 7,
        "group": "line 1", "split": "train",
    }  # fmt: skip
    assert rows[1]["recording"] == "sub/b.mseed"
    assert (rows[1]["start"], rows[1]["end"]) == ("2024-02-29T11:00:10.000000Z", "2024-02-29T12:00:20.000000Z")
    assert [row["split"] for row in rows] == ["train", "validation", "test"]
    assert rows[2]["where"] == "line 5"
    assert rows[2]["start"] is None and rows[2]["end"] is None and (rows[2]["first_trace"], rows[2]["last_trace"]) == (-1, -1)


def test_parquet_says_the_same_as_text(tmp_path):
    text = write(
        tmp_path / "labels.tsv",
        "recording | class | start | end | first_trace",
        "a.sgy | noise_DNS | 2024-02-29T12:00:00.5Z | 2024-02-29T12:00:01Z | 3",
        "b.sgy | brak_Station |  |  | ",
    )
    table = pd.DataFrame(
        {
            "recording": ["a.sgy", "b.sgy"],
            "class": ["noise_DNS", "brak_Station"],
            "start": [pd.Timestamp("2024-02-29T12:00:00.5Z"), pd.NaT],
            "end": [pd.Timestamp("2024-02-29T12:00:01Z"), pd.NaT],
            "first_trace": [3, np.nan],
        }
    )
    table.to_parquet(tmp_path / "labels.parquet")
    columns = [name for name in read_labels(text, CLASSES) if name != "where"]
    pd.testing.assert_frame_equal(read_labels(text, CLASSES)[columns], read_labels(tmp_path / "labels.parquet", CLASSES)[columns])


def test_all_problems_of_a_table_are_told_at_once_with_their_lines(tmp_path):
    table = write(
        tmp_path / "labels.tsv",
        "recording | class | start | end | first_trace | last_trace | split",
        "a.sgy | noise_DMS | 3 | 2 | 5 | 4 | train",
        "b.sgy | noise_DNS | yesterday | -1 | 1.5 | x | tset",
        "c.sgy | noise_DNS | 1 | 2 |  |  | ",
        "c.sgy | brak_Station | 1 | 2 |  |  | test",
        " | noise_DNS |  |  |  |  | test",
    )
    with pytest.raises(DatasetError) as told:
        read_labels(table, CLASSES)
    text = str(told.value)
    for problem in (
        "line 2: unknown class 'noise_DMS': did you mean 'noise_DNS'?",
        "line 2: end (2) is not after start (3)",
        "line 2: last_trace (4) lies before first_trace (5)",
        "line 3: start: found 'yesterday'",
        "line 3: end: found '-1'",
        "line 3: first_trace: found '1.5'",
        "line 3: last_trace: found 'x'",
        "line 3: unknown split 'tset': did you mean 'test'?",
        "line 4, line 5: 'c.sgy' is labelled 2 times for the same part ('noise_DNS' and 'brak_Station')",
        "line 6: no recording",
        "no split, while",
    ):
        assert problem in text


@pytest.mark.parametrize("text", ["inf", "-inf", "1e400", "nan"])
def test_a_trace_that_is_no_finite_number_is_told_with_its_line(tmp_path, text):
    table = write(tmp_path / "labels.tsv", "recording | class | first_trace", f"a.sgy | noise_DNS | {text}")
    with pytest.raises(DatasetError, match=rf"line 2: first_trace: found '{text}'; expected a whole number, counted from 0"):
        read_labels(table, CLASSES)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (["recording | label", "a.sgy | noise_DNS"], "no column 'class'; found recording, label"),
        (["recording | class | begin", "a.sgy | noise_DNS | 1"], "unknown column 'begin'"),
        (["recording | class"], "it has no row"),
        (["recording,class", "a.sgy,noise_DNS"], "not separated by tabs"),
        ([""], "no column 'recording'; found an empty file"),
    ],
)
def test_tables_that_are_no_label_tables(tmp_path, rows, told):
    with pytest.raises(DatasetError, match=r"labels\.tsv") as caught:
        read_labels(write(tmp_path / "labels.tsv", *rows), CLASSES)
    assert told in str(caught.value)


# --- The index


def test_index_of_pieces_whole_recordings_and_subfolders(tmp_path):
    folder = tmp_path / "recordings"
    gather(folder / "line1/a.sgy", 1)
    gather(folder / "line2/b.sgy", 2)
    gather(folder / "line2/unlabelled.sgy", 3)
    Stream([Trace(np.arange(1000, dtype=np.int32), {"delta": 0.1, "starttime": START, "station": "A", "channel": "HHZ"})]).write(
        str(folder / "day.mseed"), format="MSEED"
    )
    table = write(
        folder / "labels.tsv",
        "recording | class | start | end | first_trace | last_trace | group",
        "line2/b.sgy | noise_DNS |  |  |  |  | ",
        "day.mseed | noise_DNS | 2024-02-29T12:00:10Z | 2024-02-29T12:00:20.5Z |  |  | ",
        "day.mseed | brak_Station | 50 |  |  |  | ",
        "a.sgy | brak_Station |  |  | 1 | 2 | crew 7",
    )
    index_recordings(folder, table, CLASSES, tmp_path / "index.parquet")
    index = pd.read_parquet(tmp_path / "index.parquet")
    assert list(index) == list(COLUMNS)
    assert index["sample"].tolist() == ["day.mseed/10-20.5s", "day.mseed/50-100s", "line1/a.sgy/traces1-2", "line2/b.sgy"]
    np.testing.assert_array_equal(index["begin_s"], [10, 50, np.nan, np.nan])
    np.testing.assert_array_equal(index["end_s"], [20.5, np.nan, np.nan, np.nan])
    assert index["first_trace"].tolist() == [-1, -1, 1, -1]
    assert index["last_trace"].tolist() == [-1, -1, 2, -1]
    assert index["group"].tolist() == ["day.mseed", "day.mseed", "crew 7", "line2/b.sgy"]
    assert index["label"].tolist() == ["noise_DNS", "brak_Station", "brak_Station", "noise_DNS"]
    assert all(Path(file).is_file() for file in index["file"])
    assert set(index["split"]) == {""}


def test_index_does_not_depend_on_the_order_of_the_table(tmp_path):
    files = [gather(tmp_path / "raw" / f"{name}.sgy", seed) for seed, name in enumerate("abc")]
    rows = ["a.sgy | noise_DNS", "b.sgy | brak_Station", "c.sgy | noise_DNS"]
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    index_recordings(tmp_path / "raw", write(tmp_path / "one.tsv", "recording | class", *rows), CLASSES, one)
    index_recordings(files[::-1], write(tmp_path / "two.tsv", "recording | class", *rows[::-1]), CLASSES, two, threads=1)
    assert one.read_bytes() == two.read_bytes()


def test_the_same_recording_under_two_names_is_one_group(tmp_path, caplog):
    for name, seed in (("a", 1), ("b", 2), ("copy of a", 1)):
        gather(tmp_path / "raw" / f"{name}.sgy", seed)
    table = write(tmp_path / "labels.tsv", "recording | class", "a.sgy | noise_DNS", "b.sgy | brak_Station", "copy of a.sgy | noise_DNS")
    index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "index.parquet")
    groups = pd.read_parquet(tmp_path / "index.parquet").set_index("recording")["group"]
    assert groups["a.sgy"] == groups["copy of a.sgy"] != groups["b.sgy"]
    assert "the same content under 2 names" in caplog.text
    write(
        table, "recording | class | split", "a.sgy | noise_DNS | train", "b.sgy | brak_Station | train", "copy of a.sgy | noise_DNS | test"
    )
    with pytest.raises(DatasetError, match=r"'a\.sgy' in train and 'copy of a\.sgy' in test"):
        index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "again.parquet")
    assert not (tmp_path / "again.parquet").exists()


def test_pieces_of_one_recording_share_a_group_whatever_the_table_says(tmp_path, caplog):
    """Groups are joined through the recordings that have pieces in several, in a chain too; the others stay."""
    for seed, name in enumerate("abcd"):
        gather(tmp_path / f"raw/{name}.sgy", seed)
    table = write(
        tmp_path / "labels.tsv",
        "recording | class | start | end | group",
        "a.sgy | noise_DNS | 0 | 0.9 | g3",
        "a.sgy | brak_Station | 0.2 | 1 | g2",
        "b.sgy | noise_DNS | 0 | 0.9 | g2",
        "b.sgy | noise_DNS | 0.2 | 1 | g1",
        "c.sgy | noise_DNS | 0 | 0.5 | g4",
        "c.sgy | noise_DNS | 0.5 | 1 | g4",
        "d.sgy | noise_DNS | 0 | 0.5 | g5",
        "d.sgy | noise_DNS | 0.5 | 1 | ",
    )
    index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "index.parquet")
    index = pd.read_parquet(tmp_path / "index.parquet")
    groups = index.groupby("recording")["group"].agg(lambda names: " ".join(sorted(set(names)))).to_dict()
    assert groups == {"a.sgy": "g1", "b.sgy": "g1", "c.sgy": "g4", "d.sgy": "d.sgy"}
    assert "5 groups are joined into 2: 3 recordings have pieces in several of them (a.sgy, b.sgy, d.sgy)" in caplog.text


def test_groups_that_no_recording_joins_stay_as_the_table_gives_them(tmp_path, caplog):
    for seed, name in enumerate("abc"):
        gather(tmp_path / f"raw/{name}.sgy", seed)
    rows = ["a.sgy | noise_DNS | line 1", "b.sgy | brak_Station | line 1", "c.sgy | noise_DNS | line 2"]
    table = write(tmp_path / "labels.tsv", "recording | class | group", *rows)
    index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "index.parquet")
    assert pd.read_parquet(tmp_path / "index.parquet")["group"].tolist() == ["line 1", "line 1", "line 2"]
    assert "joined" not in caplog.text


def test_a_recording_with_pieces_in_two_given_splits_is_refused_by_name(tmp_path):
    gather(tmp_path / "raw/line.sgy", 1)
    table = write(
        tmp_path / "labels.tsv",
        "recording | class | first_trace | last_trace | group | split",
        "line.sgy | noise_DNS | 0 | 1 | shot 1 | train",
        "line.sgy | brak_Station | 2 | 3 | shot 2 | test",
    )
    with pytest.raises(DatasetError) as told:
        index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "index.parquet")
    assert (
        "recording 'line.sgy' has pieces in 2 splits: 'line.sgy/traces0-1' in train and 'line.sgy/traces2-3' in test; "
        "put all of it into one" in str(told.value)
    )
    assert str(told.value).count("\n") == 1  # told once, and not as its group too
    assert not (tmp_path / "index.parquet").exists()


def test_all_problems_with_the_recordings_are_told_at_once(tmp_path):
    folder = tmp_path / "raw"
    gather(folder / "shot_001.sgy", 1)
    gather(folder / "x/same.sgy", 2)
    gather(folder / "y/same.sgy", 3)
    (folder / "empty.sgy").touch()
    table = write(
        tmp_path / "labels.tsv",
        "recording | class | start | end | last_trace",
        "shot_001.sgy | noise_DNS | 0.5 | 1.5 | ",
        "shot_001.sgy | noise_DNS |  |  | 4",
        "shot_001.sgy | noise_DNS | 2024-02-29T12:00:00Z |  | ",
        "shot_01.sgy | noise_DNS |  |  | ",
        "same.sgy | noise_DNS |  |  | ",
        "empty.sgy | brak_Station |  |  | ",
    )
    with pytest.raises(DatasetError) as told:
        index_recordings(folder, table, CLASSES, tmp_path / "index.parquet")
    for problem in (
        "line 2: shot_001.sgy: a label from 0.5 s to 1.5 s lies outside the recording, which spans 0 to 1 s",
        "line 3: shot_001.sgy: a label of the traces 0 to 4 lies outside the recording, which has the traces 0 to 3",
        "line 4: start is a time (2024-02-29T12:00:00.000000Z), but shot_001.sgy does not tell when it starts",
        "line 5: there is no recording 'shot_01.sgy' among 4 files; did you mean 'shot_001.sgy'?",
        "line 6: 'same.sgy' may be x/same.sgy or y/same.sgy",
        "empty.sgy: the file is empty",
    ):
        assert problem in str(told.value)
    assert not (tmp_path / "index.parquet").exists()


def test_a_class_without_a_label_and_an_absent_folder(tmp_path):
    gather(tmp_path / "raw/a.sgy", 1)
    table = write(tmp_path / "labels.tsv", "recording | class", "a.sgy | noise_DNS")
    with pytest.raises(DatasetError, match="class 'brak_Station' has no label"):
        index_recordings(tmp_path / "raw", table, CLASSES, tmp_path / "index.parquet")
    with pytest.raises(DatasetError, match="there is no such folder"):
        index_recordings(tmp_path / "row", table, CLASSES, tmp_path / "index.parquet")
