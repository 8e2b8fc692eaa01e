"""Records that mean harm: whatever they say, no file outside the results is removed, and nothing but themselves is spoilt by reading."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fringeflow.errors import DamageError
from fringeflow.healing import find_damage, heal, update_index
from fringeflow.records import FOLDER, Left, Record
from fringeflow.verification import COLUMNS, settings_now, verify

NAME = FOLDER / "train/e1.json"
OUTPUT = "results/runs/run.json"
LEFT = {"digest": "sha256:0", "bytes": 1, "mtime_ns": 0}


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Results with one output, and a folder beside them that belongs to somebody else."""
    for name in ("work/results/runs/run.json", "outside/mine.txt", "outside/c/0", "outside/zarr.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"content of {name}")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def record(**change) -> dict:
    """Return a record of the one output, with something changed."""
    about = {"rule": "train", "wildcards": {"event": "e1"}, "inputs": {}, "params": {}, "config": "", "code": "", "seeds": {}}
    return {**about, "versions": {}, "outputs": {OUTPUT: LEFT}, "beside": {}, "made": "2026-01-01T00:00:00+00:00"} | change


def lay(text: str, name: Path = NAME) -> None:
    name.parent.mkdir(parents=True, exist_ok=True)
    name.write_text(text, encoding="utf-8", errors="surrogatepass")


def outside(tree: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted((tree / "outside").rglob("*")) if path.is_file()}


def run_begins() -> list[str]:
    """Do what a run does before its first job, with everything planned that a record may name."""
    update_index()
    damage = find_damage()
    _, told = heal(damage, {OUTPUT, *(path for one in damage for path in one.record.outputs)}, touch=True)
    return told


@pytest.mark.parametrize("kind", ["outputs", "beside"])
@pytest.mark.parametrize(
    "path",
    [
        "../outside/mine.txt",
        "results/../../outside/mine.txt",
        "results/./x",
        "results//x",
        "results",
        "results/",
        "",
        "{tree}/outside/mine.txt",
        "elsewhere/mine.txt",
        "config/config.yaml",
        "results/a\0b",
        "results/a\nb",
        f"results/{'x' * 256}",
        f"results/{'x/' * 3000}x",
    ],
)
def test_a_path_that_leaves_the_results_is_refused_and_told_of_by_verify(tree, kind, path):
    path = path.replace("{tree}", str(tree))
    lay(json.dumps(record(**{kind: {OUTPUT: LEFT, path: LEFT}})))
    before = outside(tree)
    with pytest.raises(ValueError, match=r"expected a (plain )?path"):
        Record.read(NAME)
    assert run_begins() == []
    with pytest.raises(DamageError, match=r"provenance/train/e1\.json: this record cannot be read"):
        verify(json.loads(settings_now({}, lambda rule, wildcards: [])), Path("results/verify.tsv"))
    assert outside(tree) == before


@pytest.mark.parametrize("link", ["results/linked", "results/linked.zarr"])
def test_nothing_is_removed_through_a_link(tree, link):
    """Also not the files of a folder that a link passes off as a store."""
    Path(link).symlink_to(tree / "outside")
    named = {"outputs": {OUTPUT: LEFT, f"{link}/zarr.json": LEFT}} if link.endswith(".zarr") else {"beside": {f"{link}/mine.txt": LEFT}}
    lay(json.dumps(record(**named)))
    before = outside(tree)
    assert any("through a link" in line for line in run_begins())
    assert outside(tree) == before


def test_results_that_lie_elsewhere_as_a_whole_are_healed_as_ever(tree):
    """Clusters have a disk for them."""
    Path("results/runs/weights.bin").write_text("damaged")
    Path("results").rename(tree / "scratch")
    Path("results").symlink_to(tree / "scratch")
    lay(json.dumps(record(beside={"results/runs/weights.bin": LEFT})))
    assert any("made again" in line for line in run_begins())
    assert not (tree / "scratch/runs/weights.bin").exists()


@pytest.mark.parametrize("rule", ["..", "../../../outside", "train/../../..", "other"])
def test_a_record_of_another_job_than_its_name_says_is_refused(tree, rule):
    """By rule and wildcards a record is found again when it is to be forgotten."""
    lay(json.dumps(record(rule=rule, outputs={"results/gone.json": LEFT})))
    with pytest.raises(ValueError, match="another job"):
        Record.read(NAME)
    run_begins()
    assert NAME.exists()


@pytest.mark.parametrize(
    "entry",
    [5, None, "text", [], [0, "x", 5, 5], [0, "x", ["a\0b"], []], [0, "x", [], ["a\0b"]], [0, "x", [["a"]], []], [0, "x", ["\ud800"], []]],
    ids=repr,
)
def test_an_index_that_says_anything_spares_no_look(tree, entry):
    """Also for a record that is as old as the index says."""
    lay(json.dumps(record()))
    changed = NAME.stat().st_mtime_ns
    text = json.dumps({"train/e1.json": [changed, *entry[1:]] if isinstance(entry, list) and entry else entry, "train/gone.json": entry})
    for index in (text, "[" * 100_000, '{"a":' * 100_000, "5"):
        lay(index, FOLDER / "index.json")
        assert [one.path for one in find_damage()] == [OUTPUT]
        assert any(OUTPUT in line for line in run_begins())


@pytest.mark.parametrize("target", ["nowhere", "self"])
def test_verify_names_a_record_that_is_a_link_to_nothing_and_looks_at_the_others(tree, target):
    lay(json.dumps(record()))
    link = FOLDER / "train/e2.json"
    link.symlink_to(link.name if target == "self" else "/no/such/file")
    Path("results/loop.json").symlink_to("loop.json")
    other = record(rule="score", outputs={"results/loop.json": LEFT})
    lay(json.dumps(other), FOLDER / "score/e1.json")
    with pytest.raises(DamageError, match=r"e2\.json: this record cannot be read"):
        verify(json.loads(settings_now({}, lambda rule, wildcards: [])), Path("results/verify.tsv"))
    table = Path("results/verify.tsv").read_text()
    assert "results/loop.json\ta file that cannot be read (Too many levels of symbolic links); its job left 1 bytes" in table
    assert f"damaged\t{OUTPUT}" in table


def test_verify_names_a_link_and_does_not_walk_through_it(tree):
    """Also where a result lies behind it, as when a folder was moved to another disk; and `results` itself may be a link."""
    Path("results").rename(tree / "scratch")
    Path("results").symlink_to(tree / "scratch")
    Path("results/runs").rename(tree / "runs")
    (tree / "runs/note.txt").write_text("mine")
    for link, target in (("runs", "runs"), ("events/deep/etc", "outside"), ("loop", "scratch/loop")):
        path = Path("results", link)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(tree / target)
    Path("results/note.txt").write_text("mine")
    lay(json.dumps(record(outputs={OUTPUT: vars(Left.of(OUTPUT))})))
    with pytest.raises(DamageError, match=r"1 of 6 results .*\n.*this record was changed"):  # by this test
        verify(json.loads(settings_now({}, lambda rule, wildcards: [])), Path("results/verify.tsv"))
    rows = [line.split("\t")[:3] for line in Path("results/verify.tsv").read_text().splitlines()]
    assert {path: why.split(":")[0] for status, path, why in rows if status == "unrecorded"} == {
        "results/runs": "a link to a folder",
        "results/events/deep/etc": "a link to a folder",
        "results/loop": "no record names it",
        "results/note.txt": "no record names it",
    }
    assert [path for status, path, _ in rows if status == "stale"] == [OUTPUT]


PATHS = st.one_of(
    st.sampled_from(
        [OUTPUT, "results/runs/x", "../outside/mine.txt", "results/../../outside/mine.txt", "results/l/mine.txt", "/etc/hostname"]
    ),
    st.lists(st.sampled_from(["results", "..", ".", "", "l", "l.zarr", "zarr.json", "c", "0", "x" * 300, "\0", "é"]), max_size=6).map(
        "/".join
    ),
    st.text(max_size=8),
)
NUMBERS = st.integers() | st.sampled_from([10**30, -(10**30), 10**4000, True, 1.5, float("nan"), float("inf")])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(PATHS, inner, max_size=2),
)
ENTRY = st.just(LEFT) | st.fixed_dictionaries({"digest": st.text(max_size=3) | st.just("xxh3:0"), "bytes": NUMBERS, "mtime_ns": NUMBERS})
FILES = st.dictionaries(PATHS, ENTRY, min_size=1, max_size=3)
CHANGES = st.fixed_dictionaries({}, optional={"outputs": FILES, "beside": FILES}) | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(record(), ANYTHING)
)
TEXTS = st.one_of(
    CHANGES.map(lambda change: json.dumps(record(**change))),
    CHANGES.map(lambda change: json.dumps(record(**change))[:-9]),
    ANYTHING.map(json.dumps),
    st.text(max_size=20),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS)
@example(text="[" * 200_000)
@example(text=json.dumps(record(params={"settings": "[" * 200_000})))
@example(text=json.dumps(record(params={"settings": '{"a":' * 900 + "1" + "}" * 900})))
@example(text=json.dumps(record(seeds={"workflow": "a\tb\nc"}, code="0123\n")))
@example(text='{"rule":' * 100_000)
@example(text=json.dumps(record(beside={"results/\ud800": LEFT})))
def test_no_record_stops_a_run_or_verify_or_reaches_outside(tree, text):
    for link in ("results/l", "results/l.zarr"):
        if not os.path.lexists(link):
            Path(link).symlink_to(tree / "outside")
    lay(text)
    before = outside(tree)
    run_begins()
    try:
        verify(json.loads(settings_now({}, lambda rule, wildcards: [])), Path("results/verify.tsv"))
    except DamageError as error:
        assert "results/" in str(error)
    lines = Path("results/verify.tsv").read_text().rstrip("\n").split("\n")
    assert {line.count("\t") for line in lines} == {len(COLUMNS) - 1}
    assert outside(tree) == before
    Path(OUTPUT).write_text("again")
