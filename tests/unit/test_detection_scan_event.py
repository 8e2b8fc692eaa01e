"""Scanning an event: what is scanned stays, what is bad is told and stops nothing else, and a crew makes the same bytes."""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fringeflow.detection.scan_event
from fringeflow.config.interferograms import Prepare
from fringeflow.config.tables import Event, Interferogram
from fringeflow.crew import settle
from fringeflow.detection.scan_event import EventScan, scan_event
from fringeflow.detection.windows import read_windows
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json, sha256_file
from fringeflow.insar.prepare import prepare_event
from fringeflow.training.train import train_run
from tests.unit.toy_cluster import crew_of, files_of
from tests.unit.toy_events import phase
from tests.unit.toy_learning import QUICK, SIZE, model, strategy, toy_dataset
from tests.unit.toy_raw import FRAME, products_of, write_raw
from tests.unit.toy_scan import DETECT, SPECTRA, scan

PAIRS = ("20210101_20210113", "20210113_20210125", "20210125_20210206")
KEYS = tuple(f"{FRAME}/{pair}" for pair in PAIRS)
ROWS, COLUMNS = 200, 150
RUNS = {"wrapped": "hog_svm", "unwrapped": "resnet18"}


def prepare(root: Path, **rasters: np.ndarray) -> Path:
    """Prepare an event of three interferograms, with other phase in those that are named."""
    rng = np.random.default_rng(2)
    for pair in PAIRS:
        made = phase(rng, ROWS, 3)[:, :COLUMNS]
        write_raw(root / "raw", pair, products_of(rasters.get(f"p{pair}", made), "unw", "diff_pha"))
    rows = [Interferogram(event="q", frame=FRAME, pair=pair) for pair in PAIRS]
    prepare_event(Event(event="q"), rows, root / "raw", Prepare(), root / "interferograms.zarr", threads=1)
    return root / "interferograms.zarr"


@pytest.fixture(scope="module")
def interferograms(tmp_path_factory) -> Path:
    return prepare(tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    """A trained run of each view of `RUNS`: one of no framework, and a network."""
    root = tmp_path_factory.mktemp("runs")
    toy = toy_dataset(root, quiet=8, deformed=4, views=tuple(RUNS))
    folders = {}
    for view, name in RUNS.items():
        spec, folder = model(name, view), root / "runs/toy" / view / name / "none"
        inputs = toy.samples, toy.dataset, toy.embeddings(spec, view)
        train_run(*inputs, folder, view=view, model=spec, strategy=strategy("none"), settings=QUICK.model_copy(update={"epochs": 2}))
        folders[view] = folder
    return folders


@pytest.fixture
def wanted(interferograms, runs, tmp_path) -> EventScan:
    return EventScan("q", interferograms, KEYS, runs["wrapped"], DETECT, SIZE, SPECTRA, "c0de", tmp_path / "detections")


def listed(wanted: EventScan) -> Path:
    return wanted.folder / "scans/q.json"


def times(wanted: EventScan) -> dict[str, int]:
    return {key: (wanted.folder / key / "windows.parquet").stat().st_mtime_ns for key in wanted.keys}


def rescanned(wanted: EventScan, **options) -> list[str]:
    """Scan, and return which interferograms were scanned, not kept."""
    before = times(wanted)
    scan_event(wanted, listed(wanted), **options)
    after = times(wanted)
    return [key for key in wanted.keys if after[key] != before[key]]


def test_each_is_scanned_as_if_it_were_alone_and_all_are_listed(wanted, tmp_path):
    files = scan_event(wanted, listed(wanted), threads=2)
    found = read_json(listed(wanted))
    assert found["event"] == "q" and [f"{row['frame']}/{row['pair']}" for row in found["interferograms"]] == list(KEYS)
    assert sorted(files_of(wanted.folder)) == sorted([*(str(path.relative_to(wanted.folder)) for path in files), "scans/q.json"])
    for key, row in zip(KEYS, found["interferograms"], strict=True):
        alone, own = scan(wanted.interferograms, wanted.run, tmp_path / key.split("/")[1], key=key), wanted.folder / key
        assert (own / "probability.tif").read_bytes() == (alone / "probability.tif").read_bytes()
        (table, about), (expected, told) = read_windows(own / "windows.parquet"), read_windows(alone / "windows.parquet")
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
        assert about == {**told, "stamp": wanted.stamps[key], "map": sha256_file(own / "probability.tif")}
        assert (row["map"], row["windows"]) == (about["map"], sha256_file(own / "windows.parquet"))


def test_what_is_scanned_is_kept_and_an_added_interferogram_is_scanned_alone(wanted):
    first = replace(wanted, keys=KEYS[:2])
    scan_event(first, listed(wanted))
    listed(wanted).unlink()  # as after a kill
    assert replace(first).left == [] and rescanned(replace(first)) == []
    assert wanted.left == [KEYS[2]]
    before = times(first)
    scan_event(wanted, listed(wanted))
    assert times(first) == before and len(read_json(listed(wanted))["interferograms"]) == 3


def test_what_was_changed_cut_short_or_made_of_something_else_is_scanned_again(wanted, interferograms, runs, tmp_path):
    scan_event(wanted, listed(wanted))
    sound = files_of(wanted.folder)
    os.truncate(wanted.folder / KEYS[0] / "probability.tif", 1000)
    (wanted.folder / KEYS[1] / "windows.parquet").write_bytes(b"none")
    assert rescanned(replace(wanted)) == list(KEYS[:2])
    assert files_of(wanted.folder) == sound
    (wanted.folder / KEYS[2] / "probability.tif").unlink()
    assert replace(wanted).left == [KEYS[2]]
    for change in (
        {"code": "other"},
        {"settings": DETECT.model_copy(update={"stride": 32})},
        {"size": SIZE // 2},
        {"run": runs["unwrapped"]},
    ):
        assert replace(wanted, **change).left == list(KEYS), change
    other = prepare(tmp_path / "other", **{f"p{PAIRS[1]}": phase(np.random.default_rng(7), ROWS, 0)[:, :COLUMNS]})
    (wanted.folder / KEYS[2] / "probability.tif").write_bytes(sound[f"{KEYS[2]}/probability.tif"])
    assert replace(wanted, interferograms=other).left == [KEYS[1]], "the others hold the same phase"
    assert replace(wanted, settings=DETECT.model_copy(update={"near_km": 1.0})).left == [], "it bears on outlines alone"


def test_one_without_data_is_told_and_does_not_keep_the_others_from_being_scanned(wanted, tmp_path):
    sparse = np.where(np.random.default_rng(0).random((ROWS, COLUMNS)) < 0.3, 1.0, np.nan).astype("f4")
    store = prepare(tmp_path, **{f"p{PAIRS[0]}": sparse})
    with pytest.raises(DatasetError, match=rf"none of the \d+ windows of {KEYS[0]} has wrapped phase in 50% of its pixels; lower"):
        scan_event(replace(wanted, interferograms=store), listed(wanted))
    assert not listed(wanted).exists()
    assert replace(wanted, interferograms=store).left == [KEYS[0]]
    assert sorted(path.name for path in wanted.folder.rglob("*") if path.is_file()) == sorted(["probability.tif", "windows.parquet"] * 2)


def test_a_run_that_is_not_there_is_told_before_anything_is_asked_of_a_cluster(wanted, tmp_path):
    with pytest.raises(ModelError, match="no trained run"):
        _ = replace(wanted, run=tmp_path / "runs/toy/wrapped/none/none").left


class Mortal:
    """A crew of which whoever scans the second interferogram dies when its map is in place, and its table is not."""

    def __init__(self, crew, mark: Path):
        self.crew, self.mark = crew, mark

    def each(self, work, pieces, *, desc, unit):
        pieces = [(self.mark if place == 1 else None, work, *piece) for place, piece in enumerate(pieces)]
        return self.crew.each(_die_once, pieces, desc=desc, unit=unit)


def _die_once(mark: Path | None, work, *piece):
    if mark is None or mark.exists():
        return work(*piece)
    mark.touch()
    fringeflow.detection.scan_event.settle = _settle_and_die
    return work(*piece)


def _settle_and_die(made: Path, place: Path) -> None:
    settle(made, place)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("view", RUNS)
def test_a_crew_makes_the_same_bytes_though_one_of_it_dies(view, wanted, runs, client, tmp_path):
    wanted = replace(wanted, run=runs[view])
    scan_event(wanted, listed(wanted), threads=2)
    alone = files_of(wanted.folder)
    shutil.rmtree(wanted.folder)
    scan_event(wanted, listed(wanted), crew=crew_of(client))
    assert files_of(wanted.folder) == alone
    shutil.rmtree(wanted.folder)
    scan_event(wanted, listed(wanted), crew=Mortal(crew_of(client), tmp_path / "mark"))
    assert files_of(wanted.folder) == alone and (tmp_path / "mark").exists()
