"""`snakemake verify` reads every result again and names exactly what was changed by hand."""

import csv
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.workflow.mini import MADE_BY, Mini, cut, flip

FILES = tuple(MADE_BY)


def verified(mini: Mini, *, fails: bool = False) -> tuple[str, dict[str, dict[str, str]]]:
    """Verify; return what was said and the table by path."""
    said = mini.run("--cores", "1", "verify", fails=fails)
    with open(mini.folder / "results/verify.tsv") as handle:
        return said, {row["path"]: row for row in csv.DictReader(handle, delimiter="\t")}


def test_untouched_results_are_all_right_again_and_again(mini):
    for _ in range(2):
        _, table = verified(mini)
        assert {row["status"] for row in table.values()} == {"ok"}
        assert set(table) == set(FILES) - {"results/events/e1/wrapped.zarr/samples/c/1", "results/runs/r1/model/seed0.bin"}


def test_every_changed_file_is_named_and_nothing_else(mini):
    """Also where size and time were kept, which no look at the folder shows; nothing is mended by looking."""
    for name in FILES[:4]:
        path = mini.folder / name
        about = path.stat()
        flip(path)
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    before = mini.results()
    said, table = verified(mini, fails=True)
    assert {path for path, row in table.items() if row["status"] == "damaged"} == set(FILES[:4])
    assert all(name in said for name in FILES[:4])
    assert table["results/table.tsv"]["status"] == "ok"
    assert mini.results() == before


def test_what_is_missing_cut_short_or_added_is_told_apart(mini):
    cut(mini.folder / FILES[2])
    os.unlink(mini.folder / FILES[4])
    stray = "results/events/e1/wrapped.zarr/samples/c/9"
    (mini.folder / stray).write_bytes(b"x")
    _, table = verified(mini, fails=True)
    assert table[FILES[2]]["why"].startswith("2,000 bytes; its job left 4,000 bytes")
    assert table[FILES[4]]["why"].startswith("missing")
    assert "does not belong" in table[stray]["why"]
    assert sum(row["status"] == "damaged" for row in table.values()) == 3


def test_older_code_other_settings_and_other_inputs_are_stale_not_damaged(mini):
    (mini.folder / "config.yaml").write_text("size: 3001\ncode: c9\nseed: 7\n")
    (mini.folder / "labels.txt").write_text("b\n")
    _, table = verified(mini)
    assert table[FILES[1]]["why"] == "made with other settings (size)"
    assert table[FILES[3]]["why"] == "made by other code; made from other inputs (labels.txt)"
    assert table[FILES[4]]["status"] == "ok"


def rewrite(mini: Mini, **change) -> str:
    """Change fields of the weights' record by hand; return its name."""
    name = "results/provenance/weights/weights.json"
    record = json.loads(mini.text(name))
    (mini.folder / name).write_text(json.dumps(record | change))
    return name


@pytest.mark.parametrize(
    "field, value",
    [
        ("config", "0" * 64),
        ("code", "c1"),
        ("seeds", {}),
        ("seeds", {"settings.seeds": [0, 2]}),
        ("seeds", {"workflow": 7}),
        ("versions", {}),
        ("params", {"settings": '{"seeds":[0,2]}', "code": "c2"}),
    ],
)
def test_a_record_that_was_rewritten_by_hand_is_damaged_itself(mini, field, value):
    name = rewrite(mini, **{field: value})
    said, table = verified(mini, fails=True)
    assert [path for path, row in table.items() if row["status"] == "damaged"] == [name]
    assert "cannot be what weights wrote" in said
    assert "`snakemake --forcerun weights`" in table[name]["why"]


def test_a_record_without_seeds_or_code_of_its_own_is_looked_at_too(mini):
    """The store's job takes no seed; the one of the workflow stands there, and is told if it is another one now."""
    name = mini.folder / "results/provenance/store/store.json"
    record = json.loads(name.read_text())
    name.write_text(json.dumps(record | {"seeds": {"workflow": 8}}))
    _, table = verified(mini)
    assert table[FILES[1]]["status"] == "differs"
    assert "seed was 8" in table[FILES[1]]["why"]
    params = {"size": 3000}
    name.write_text(json.dumps(record | {"params": params, "code": "by hand"}))
    _, table = verified(mini, fails=True)
    assert "code cannot be what store wrote" in table["results/provenance/store/store.json"]["why"]


def test_other_versions_are_told_and_are_no_damage(mini):
    """Of what is not installed nothing can be told."""
    rewrite(mini, versions={"python": "2.7.18", "numpy": "1.0", "no-such-library": "1.0"})
    _, table = verified(mini)
    assert table[FILES[3]]["status"] == "differs"
    assert table[FILES[3]]["why"] == "made with other versions than are installed here (numpy 1.0, python 2.7.18)"
    assert {row["status"] for path, row in table.items() if path != FILES[3]} == {"ok"}
    assert "Nothing to be done" in mini.run()


def test_an_input_that_is_gone_is_told_unless_it_was_removed_to_save_space(mini):
    shutil.rmtree(mini.folder / "results/events")
    _, table = verified(mini)
    assert table[FILES[1]]["status"] == "removed"
    assert table[FILES[3]]["status"] == "ok"
    os.unlink(mini.folder / "labels.txt")
    _, table = verified(mini)
    assert table[FILES[3]]["status"] == "stale"
    assert table[FILES[3]]["why"] == "made from inputs that are missing now (labels.txt)"
    assert table[FILES[4]]["status"] == "ok"


def test_a_result_whose_list_of_inputs_grew_or_shrank_is_stale(mini):
    """As after another model: none of the old inputs changed, and Snakemake would make it again."""
    path = mini.folder / "Snakefile"
    text = path.read_text()
    single = 'input: "results/runs/r1/run.json"'
    path.write_text(text.replace(single, 'input: lambda wildcards: ["results/runs/r1/run.json", "labels.txt"]'))
    _, table = verified(mini)
    assert table[FILES[4]]["status"] == "stale"
    assert table[FILES[4]]["why"] == "made without inputs that it has now (labels.txt)"
    assert table[FILES[3]]["status"] == table[FILES[1]]["status"] == "ok"
    assert "table" in mini.run("-n")
    path.write_text(text.replace('"results/events/e1/wrapped.zarr/zarr.json", "labels.txt"', '"labels.txt"'))
    _, table = verified(mini)
    assert table[FILES[3]]["why"] == f"made from inputs that it has no more ({FILES[1]})"
    assert table[FILES[4]]["status"] == "ok"


def test_a_result_without_a_record_and_one_that_no_rule_makes_are_listed(mini):
    (mini.folder / "results/provenance/table/table.json").unlink()
    text = (mini.folder / "Snakefile").read_text()
    (mini.folder / "Snakefile").write_text(text.replace("rule weights:", "rule heavy:"))
    _, table = verified(mini)
    assert table[FILES[4]]["status"] == "unrecorded"
    assert table[FILES[3]]["why"] == "the configuration has no such job any more"


def test_a_record_that_was_damaged_is_named_and_mended_as_advised(mini):
    """A plain run does not look at what nobody can read."""
    before, name = mini.results(), "results/provenance/table/table.json"
    cut(mini.folder / name)
    said, table = verified(mini, fails=True)
    assert name in said
    assert "Nothing to be done" in mini.run()
    assert "remove it" in table[name]["why"]
    assert "`snakemake --forcerun table`" in table[name]["why"]
    os.unlink(mini.folder / name)
    mini.run("--cores", "1", "--forcerun", "table")
    verified(mini)
    assert mini.results() == before


def test_results_removed_because_nobody_wants_them_are_no_damage(mini):
    """The configuration asks for the weights no more, and they are gone with their table: verify says so, a run forgets them."""
    text = (mini.folder / "Snakefile").read_text()
    text = text.replace('input: "results/table.tsv"', 'input: "results/events/e1/wrapped.zarr/zarr.json"')
    (mini.folder / "Snakefile").write_text(text.replace("rule weights:", "rule heavy:"))
    shutil.rmtree(mini.folder / "results/runs")
    os.unlink(mini.folder / FILES[4])
    _, table = verified(mini)
    assert table[FILES[3]]["status"] == table[FILES[4]]["status"] == "removed"
    assert mini.run("-n").count("weights") == 1, "a line a job"
    assert mini.run().count("weights") == 1
    assert "weights" not in mini.run()
    assert "weights" not in mini.run("-n")
    _, table = verified(mini)
    assert FILES[3] not in table


def test_somebodys_own_file_in_a_store_is_unrecorded(mini):
    note = "results/events/e1/wrapped.zarr/Thumbs.db"
    (mini.folder / note).write_bytes(b"x")
    _, table = verified(mini)
    assert table[note]["status"] == "unrecorded"


def test_a_file_that_a_younger_job_wrote_again_is_not_the_elders_damage(mini):
    """Two records name the weights, as two events name an interferogram that they share."""
    name = mini.folder / "results/provenance/table/table.json"
    record = json.loads(name.read_text())
    record["beside"] = {FILES[2]: {"digest": "sha256:0", "bytes": 4000, "mtime_ns": 0}}
    for made, fails in (("2000-01-01T00:00:00+00:00", False), ("2999-01-01T00:00:00+00:00", True)):
        name.write_text(json.dumps(record | {"made": made}))
        _, table = verified(mini, fails=fails)
        assert (FILES[2] in table) == fails


def test_a_record_tells_what_the_issue_asks_for(mini):
    """Settings, code, versions, seeds, and the SHA-256 of inputs and outputs."""
    from fringeflow.files import sha256_file, sha256_text

    record = json.loads((mini.folder / "results/provenance/weights/weights.json").read_text())
    assert record["params"] == {"settings": '{"seeds":[0,1]}', "code": "c2"}
    assert record["config"] == sha256_text('{"settings":"{\\"seeds\\":[0,1]}"}')
    assert record["code"] == "c2"
    assert record["seeds"] == {"settings.seeds": [0, 1]}
    assert record["versions"]["python"]
    for path, digest in record["inputs"].items():
        assert digest == sha256_file(mini.folder / path)
    assert set(record["inputs"]) == {FILES[1], "labels.txt"}
    for path, left in {**record["outputs"], **record["beside"]}.items():
        assert left["digest"] == f"sha256:{sha256_file(mini.folder / path)}"
        assert left["bytes"] == Path(mini.folder / path).stat().st_size
    assert set(record["beside"]) == {FILES[2]}
    store = json.loads((mini.folder / "results/provenance/store/store.json").read_text())
    assert store["seeds"] == {"workflow": 7}
    assert len(store["beside"]) == 3
