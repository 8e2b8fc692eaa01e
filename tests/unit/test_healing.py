"""A result is what its record says, and nothing else: found by size and time, told in words, cheap to look for."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fringeflow import healing
from fringeflow.healing import find_damage, heal, update_index
from fringeflow.job import Job
from fringeflow.provenance import loaded_versions
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


@pytest.mark.parametrize("where", ["file", "record", "rule"])
@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_a_link_that_leads_nowhere_stops_nothing_and_hides_nothing(where, target):
    """Among the records, or in the place of a result; also one that leads to itself."""
    update_index()
    link = Path({"file": "results/comparison/d.tsv", "record": FOLDER / "train/e2.json", "rule": FOLDER / "rule"}[where])
    link.unlink(missing_ok=True)
    link.symlink_to(link.name if target == "self" else "/no/such/file")
    write(f"{RAW}/unw.tif", "x")
    for look in (find_damage, update_index, find_damage):
        assert {one.path for one in look()} == {f"{RAW}/unw.tif", *(["results/comparison/d.tsv"] if where == "file" else [])}


@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_a_link_in_a_store_that_leads_nowhere_is_found(target):
    link = Path(f"{STORE}/p/wrapped/c.1.0")
    link.unlink()
    link.symlink_to(link.name if target == "self" else "/no/such/file")
    Path(f"{STORE}/note").symlink_to("note")
    for look in (update_index, find_damage):
        assert {one.path: one.foreign for one in look()} == {str(link): False, f"{STORE}/note": True}


@pytest.mark.parametrize("folder", ["results/raw/001A_00001_000001", "results/raw", STORE, "results/events"])
def test_a_folder_that_was_removed_to_save_space_is_no_damage(folder):
    shutil.rmtree(folder)
    assert damaged() == set()


@pytest.mark.parametrize("folder", [RAW, STORE])
def test_a_folder_that_a_killed_job_moved_away_to_replace_it_is_damage(folder):
    """Else the job that was to heal or renew it would never be begun again."""
    beside = Path(folder).with_name(f".old-0a1b2c.4711-{Path(folder).name}")
    Path(folder).rename(beside)
    for look in (update_index, find_damage):
        assert {one.found for one in look() if one.path.startswith(f"{folder}/")} == {healing.MISSING}
    shutil.rmtree(beside)
    assert damaged() == set(), "removed by somebody to save space"


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


def shared(made: str, output: str, text: str) -> Record:
    """Write a manifest that two events have in common, and the record of one of them."""
    manifest = f"{RAW}/shared.json"
    write(manifest, text)
    write(output, output)
    outputs, beside = left_by([output], [manifest])
    record = replace(begin_record("fetch", {"event": output}, [], {}, code="c", seed=1), outputs=outputs, beside=beside, made=made)
    record.write()
    return record


@pytest.mark.parametrize("with_index", [False, True])
def test_of_events_that_share_a_file_the_last_that_wrote_it_decides(with_index):
    """Also where the younger record sorts first, or was made within the same second; and it is not the elder's to remove."""
    shared("2026-01-01T00:00:00+00:00", "results/raw/b.json", "from a mirror")
    young = shared("2026-01-02T00:00:00+00:00", "results/raw/a.json", "from another")
    if with_index:
        update_index()
    with pytest.MonkeyPatch.context() as patched:
        if with_index:
            patched.setattr(healing.Record, "read", lambda path: pytest.fail(f"{path} was read"))
        assert damaged() == set()
    write(f"{RAW}/shared.json", "from a mirror")
    assert [one.record.path for one in find_damage()] == [young.path], "what the elder finds sound"
    os.unlink(f"{RAW}/shared.json")
    assert len(find_damage()) == 2, "missing is missing for both"
    shared("2026-01-03T00:00:00+00:00", "results/raw/b.json", "b")
    shared("2026-01-03T00:00:00+00:00", "results/raw/a.json", "a")
    assert damaged() == set()


def test_results_that_were_removed_and_are_not_wanted_are_told_of_once_and_forgotten():
    shutil.rmtree("results/runs")
    shutil.rmtree("results/comparison")
    record = record_path("train", {"event": "e1"})
    assert len(damaged()) == 3
    for touch in (False, True):
        forced, told = heal(find_damage(), {"results/comparison/d.tsv"}, touch=touch)
        assert forced == {"results/comparison/d.tsv"}, "what is wanted is made again"
        assert [line for line in told if "train" in line] == [
            "The results of train (e1) were removed, and this run does not need them: their record goes, too"
        ]
        assert record.exists() != touch
    assert damaged() == {"results/comparison/d.tsv"}


def test_a_job_of_which_an_output_or_a_damaged_file_is_left_is_not_forgotten():
    write("results/runs/r/model/seed0.safetensors", "x")
    for _ in range(2):
        _, told = heal(find_damage(), set(), touch=True)
        assert any("seed0.safetensors: 1 bytes" in line for line in told)
        Path("results/runs/r/run.json").unlink(missing_ok=True)
    assert record_path("train", {"event": "e1"}).exists()


@pytest.mark.parametrize("name", ["Thumbs.db", "p/desktop.ini", "p/wrapped/note.txt", "p/wrapped/c.0.0 (copy)", "p/zarr-1.json", "c/x.db"])
def test_somebodys_own_file_in_a_store_is_told_of_once_and_left(name):
    path = f"{STORE}/{name}"
    Path(path).parent.mkdir(exist_ok=True)
    write(path, "mine")
    forced, told = heal(find_damage(), {f"{STORE}/zarr.json"}, touch=True)
    assert forced == set()
    assert len(told) == 1
    assert path in told[0]
    assert Path(path).read_text() == "mine"
    update_index()
    assert damaged() == set()


@pytest.mark.parametrize("name", ["p/wrapped/c.7.0", "p/wrapped/c/0/1", "q/zarr.json", "p/c"])
def test_what_zarr_would_read_is_damage(name):
    path = f"{STORE}/{name}"
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    write(path, "mine")
    forced, _ = heal(find_damage(), {f"{STORE}/zarr.json"}, touch=True)
    assert forced == {f"{STORE}/zarr.json"}
    assert not os.path.exists(path)


def test_what_is_left_of_a_record_is_watched_on():
    shutil.rmtree(RAW)
    update_index()
    write("results/raw/e1.json", "x")
    assert damaged() == {"results/raw/e1.json"}


@pytest.mark.parametrize("folder", [RAW, STORE])
def test_a_folder_that_came_back_empty_is_seen(folder):
    shutil.rmtree(folder)
    update_index()
    Path(folder).mkdir()
    assert damaged()


def test_a_run_made_with_another_version_of_a_library_is_not_kept():
    made = Record.read(record_path("compare", {"event": "e1"}))
    versions = loaded_versions()
    for recorded, kept in ((versions, True), (versions | {"numpy": "1.0"}, False), (versions | {"python": "3.0.0"}, False)):
        replace(made, versions=recorded).write()
        assert Job(None, list(made.outputs), None, None, 1, record=replace(made, outputs={}, versions={})).unchanged() == kept
        assert made.path.exists(), "until the new result stands, it tells a later run what a killed job has left undone"


def test_what_was_chosen_is_kept_until_another_is_chosen_or_it_changes():
    """Of two runs a table chooses the one that decides the outcome; the table and the other run may change."""
    inputs = ["results/comparison/d.tsv", "results/runs/r/run.json", "results/runs/s/run.json"]
    job("train", inputs[2])

    def choosing(run: str) -> Job:
        record = begin_record("best_gallery", {"view": "v"}, inputs, {}, code="c", seed=None)
        found = Job(None, ["results/gallery.png"], None, None, 1, record=record)
        found.rests_on(f"results/runs/{run}")
        return found

    write("results/gallery.png", "drawn")
    choosing("r").end()
    write(inputs[0], "one row more")
    write(inputs[2], "trained again")
    assert choosing("r").unchanged()
    assert Record.read(record_path("best_gallery", {"view": "v"})).asked == [inputs[0], inputs[2]], "verify knows all that it was made with"
    inputs.append("results/runs/t/run.json")
    job("train", inputs[3])
    kept = choosing("r")
    assert kept.unchanged()
    kept.end()
    assert Record.read(kept.record.path).asked == [inputs[0], *inputs[2:]], "and what a job that kept it was given"
    assert not choosing("s").unchanged()
    write(inputs[1], "trained again")
    assert not choosing("r").unchanged()
