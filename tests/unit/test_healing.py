"""A result is what its record says, and nothing else: found by size and time, told in words, cheap to look for."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fringeflow import healing
from fringeflow.healing import find_damage, heal, update_index
from fringeflow.records import FOLDER, Record, begin_record, left_by, now, record_path

STORE = "results/events/e1/interferograms.zarr"
RAW = "results/raw/001A_00001_000001/20200101_20200113"


def job(rule: str, output: str, *beside: str, store: tuple[str, ...] = ()) -> Record:
    """Write a job's files and their record."""
    for path in (output, *beside, *store):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(f"content of {path}")
    outputs, others = left_by([output], beside)
    record = replace(begin_record(rule, {"event": "e1"}, [], {}, code="c", seed=1), outputs=outputs, beside=others, made=now())
    record.write()
    return record


@pytest.fixture(autouse=True)
def tree(tmp_path, monkeypatch):
    """Fetched products, a store, weights beside a run, and a table."""
    monkeypatch.chdir(tmp_path)
    job("fetch", "results/raw/e1.json", f"{RAW}/manifest.json", f"{RAW}/unw.tif")
    job("prepare", f"{STORE}/zarr.json", store=(f"{STORE}/p/wrapped/c.0.0", f"{STORE}/p/wrapped/c.1.0", f"{STORE}/p/zarr.json"))
    job("train", "results/runs/r/run.json", "results/runs/r/model/seed0.safetensors")
    job("compare", "results/comparison/d.tsv")


def damaged() -> set[str]:
    return {one.path for one in find_damage()}


def write(path: str, text: str) -> None:
    Path(path).write_text(text)


def every_file() -> list[str]:
    return [str(path) for path in sorted(Path("results").rglob("*")) if path.is_file() and FOLDER not in path.parents]


@pytest.mark.parametrize("with_index", [False, True])
def test_each_file_is_found_whatever_befell_it(with_index):
    if with_index:
        update_index()
    assert len(every_file()) == 10
    for path in every_file():
        text = Path(path).read_text()
        for change in (text[:-1], f"{text}.", text.upper()):
            write(path, change)
            assert damaged() == {path}
        os.unlink(path)
        assert damaged() == {path}
        write(path, text)
        assert damaged() == set(), "other times, the same content"


def test_the_index_spares_reading_and_never_hides_a_change(monkeypatch):
    update_index()
    before = Record.read(record_path("compare", {"event": "e1"}))
    with monkeypatch.context() as patched:
        patched.setattr(healing.Record, "read", lambda path: pytest.fail(f"{path} was read"))
        assert damaged() == set()
    os.utime("results/comparison/d.tsv")
    update_index()
    assert damaged() == set()
    write("results/comparison/d.tsv", "other")
    update_index()
    assert damaged() == {"results/comparison/d.tsv"}, "what is damaged is not taken over"
    assert Record.read(before.path) == before


def test_a_broken_index_or_record_stops_nothing():
    (FOLDER / "index.json").write_text("[half")
    record_path("compare", {"event": "e1"}).write_text('{"rule":')
    write(f"{RAW}/unw.tif", "x")
    assert damaged() == {f"{RAW}/unw.tif"}
    update_index()
    assert damaged() == {f"{RAW}/unw.tif"}


@pytest.mark.parametrize("folder", ["results/raw/001A_00001_000001", "results/raw", STORE, "results/events"])
def test_a_folder_that_was_removed_to_save_space_is_no_damage(folder):
    shutil.rmtree(folder)
    assert damaged() == set()


def test_everything_below_raw_removed_is_no_damage_either():
    for path in Path("results/raw").iterdir():
        os.unlink(path) if path.is_file() else shutil.rmtree(path)
    assert damaged() == set()


@pytest.mark.parametrize("folder", [f"{STORE}/p", f"{STORE}/p/wrapped", "results/runs/r/model", "results/runs", "results/comparison"])
def test_part_of_a_store_or_a_result_proper_is(folder):
    shutil.rmtree(folder)
    assert damaged()


def test_only_what_this_run_makes_is_forced_and_outputs_are_left_to_snakemake():
    for path in ("results/comparison/d.tsv", "results/runs/r/run.json", "results/runs/r/model/seed0.safetensors"):
        write(path, "x")
    forced, told = heal(find_damage(), {"results/runs/r/run.json"}, touch=False)
    assert forced == {"results/runs/r/run.json"}
    assert len(told) == 3
    assert "1 bytes; compare (e1) left" in told[0]
    assert "does not need it" in told[0]
    assert os.path.exists("results/runs/r/model/seed0.safetensors")
    heal(find_damage(), {"results/runs/r/run.json"}, touch=True)
    assert not os.path.exists("results/runs/r/model/seed0.safetensors"), "no job may take it for sound"
    assert os.path.exists("results/runs/r/run.json")
    assert os.path.exists("results/comparison/d.tsv")


def test_records_are_named_by_what_the_job_is_not_by_the_order_of_its_wildcards():
    assert record_path("train", {"a": "1,2", "b": "3"}) == record_path("train", {"b": "3", "a": "1,2"})
    assert record_path("train", {"a": "1,2", "b": "3"}) != record_path("train", {"a": "1", "b": "2,3"})
    long = [record_path("train", {"a": letter * 300}).name for letter in "xy"]
    assert len(set(long)) == 2
    assert max(map(len, long)) < 255
