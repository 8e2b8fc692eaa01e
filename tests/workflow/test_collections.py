"""Recordings and pictures through the whole workflow: from simulated gathers, from a user's files, and what is wrong with those."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.workflow.conftest import Workspace

STAGES = [{"name": "kinds", "merge": {"noise": ["noise_DNS", "noise_Tip-off"]}}, {"name": "noise", "split": "noise"}]
COUNTS = {"brak_Empty zone": 12, "brak_Station": 8, "noise_DNS": 6, "noise_Tip-off": 6}
AFTER = ["classes dataset=shots", "compare dataset=shots", "report", "strategies dataset=shots"]


def configure(workspace: Workspace, collection: dict, **dataset) -> None:
    """Let a workspace have one dataset, of one collection."""
    workspace.configure(
        collections={"shots": None},
        datasets={"fringes": None, "shots": {"collection": "shots", "models": ["hog_svm"], "strategies": ["class_weights"], **dataset}},
        models={"efficientnet_lite0": None, "hog_svm": {"input_size": 64}},
    )
    workspace.configure(collections={"shots": collection})


@pytest.fixture(scope="module")
def shots(fresh) -> Workspace:
    """A finished run on simulated gathers: flat and as a cascade, tuned, with augmentation."""
    workspace = fresh("shots")
    configure(workspace, {"kind": "simulated", "originals": COUNTS}, models=["hog_svm", "cascade", "tuned"])
    workspace.configure(
        datasets={"shots": {"strategies": ["class_weights", "augmentation"]}},
        models={
            "hog_svm": {"strategies": ["class_weights", "augmentation"]},
            "cascade": {"architecture": "hog_svm", "input_size": 64, "stages": STAGES, "strategies": ["class_weights", "augmentation"]},
            "tuned": {
                "architecture": "hog_svm",
                "input_size": 64,
                "strategies": ["class_weights"],
                "tune": {"trials": 3, "folds": 2, "workers": 2},
            },
        },
        strategies={"augmentation": {"ratio": 0.7}},
    )
    workspace.snakemake("--cores", "2")
    return workspace


@pytest.fixture
def other(shots, tmp_path) -> Workspace:
    """A copy of the finished run, to change."""
    return shots.copy(tmp_path / "copied")


def test_gathers_are_compared_by_class_and_stage_and_nothing_is_done_twice(shots):
    results = shots.folder / "results"
    with open(results / "comparison/shots_classes.tsv") as handle:
        rows = list(csv.DictReader(handle, delimiter="\t"))
    assert {row["model"] for row in rows} == {"hog_svm", "cascade", "tuned"}
    assert set(COUNTS) <= set(next(iter(zip(*[row.values() for row in rows], strict=True)))) | {
        value for row in rows for value in row.values()
    }
    with open(results / "comparison/shots_cascades.tsv") as handle:
        assert {row["stage"] for row in csv.DictReader(handle, delimiter="\t")} == {"", "kinds", "noise"}
    assert (results / "tuning/shots/gather/tuned/class_weights/best.json").is_file()
    assert (results / "report.html").stat().st_size < 15e6
    assert shots.planned() == []


def test_another_gain_computes_gathers_again_and_no_spectrogram(other):
    other.configure(collections={"shots": {"gather": {"gain": "agc"}}})
    planned = other.planned()
    assert "gather collection=shots" in planned and "stft collection=shots" not in planned
    assert not [job for job in planned if job.startswith(("simulate_gathers", "index_recordings"))]


def test_an_added_cascade_trains_only_its_own_runs(other):
    other.configure(
        models={"other": {"architecture": "hog_svm", "input_size": 64, "stages": [STAGES[0], {"name": "second", "split": "noise"}]}},
        datasets={"shots": {"models": ["hog_svm", "cascade", "tuned", "other"]}},
    )
    planned = other.planned()
    assert {job for job in planned if job.startswith(("train", "embed", "dataset"))} == {
        f"train dataset=shots, view={view}, model=other, strategy={name}"
        for view in ("gather", "spectrogram")
        for name in ("class_weights", "augmentation")
    }
    assert set(AFTER) <= set(planned)


def own(workspace: Workspace, folder: Path, **settings) -> None:
    """Give a workspace the simulated gathers as a user's files, with a table of labels."""
    shutil.copytree(workspace.folder / "results/recordings/shots", folder)
    shutil.move(folder / "labels.tsv", folder.parent / "labels.tsv")
    configure(
        workspace,
        {"kind": "recordings", "folder": str(folder), "labels": str(folder.parent / "labels.tsv"), "classes": list(COUNTS), **settings},
        views=["gather"],
    )


def test_a_user_s_recordings_give_what_simulated_ones_give_and_a_changed_file_is_noticed(other, tmp_path):
    own(other, tmp_path / "data")
    before = (other.folder / "results/collections/shots/gather.zarr/zarr.json").read_bytes()
    other.snakemake("--cores", "2")
    assert (other.folder / "results/collections/shots/gather.zarr/zarr.json").read_bytes() == before
    assert other.planned() == []
    changed = next((tmp_path / "data").glob("*.sgy"))
    shutil.copy(next(path for path in (tmp_path / "data").glob("*.sgy") if path != changed), changed)
    assert {"index_recordings collection=shots", "gather collection=shots"} <= set(other.planned())


@pytest.mark.parametrize(
    ("row", "settings", "told"),
    [
        ("nothing.sgy\tbrak_Station\t\t", {}, ["nothing.sgy"]),
        ("empty.sgy\tbrak_Station\t\t", {}, ["empty.sgy"]),
        ("{name}\tbrak_Statio\t\t", {}, ["unknown class 'brak_Statio'", "did you mean 'brak_Station'"]),
        ("{name}\tbrak_Station\t2\t90", {}, ["{name}", "90"]),
        ("", {"gather": {}, "spectrogram": {"window_s": 60}}, ["window", "60"]),
    ],
    ids=["missing", "empty", "class", "outside", "window"],
)
def test_what_is_wrong_with_recordings_is_told(other, tmp_path, row, settings, told):
    own(other, tmp_path / "data", **settings)
    name = min(path.name for path in (tmp_path / "data").glob("*.sgy"))
    (tmp_path / "data/empty.sgy").write_bytes(b"")
    labels = (tmp_path / "labels.tsv").read_text().splitlines()
    lines = [f"{labels[0]}\tstart\tend", *(f"{line}\t\t" for line in labels[1:]), *([row.format(name=name)] if row else [])]
    (tmp_path / "labels.tsv").write_text("\n".join(lines) + "\n")
    other.configure(datasets={"shots": {"views": ["gather", "spectrogram"]}})
    done = other.snakemake("--cores", "2", "--until", "stft", check=False)
    assert done.returncode != 0
    for text in told:
        assert text.format(name=name) in done.stdout + done.stderr


def test_a_class_with_fewer_recordings_than_folds_is_told(other):
    other.configure(models={"tuned": {"tune": {"folds": 7}}})
    done = other.snakemake("--cores", "2", "--until", "tune_worker", check=False)
    assert done.returncode != 0
    assert "noise_" in done.stderr and "7 folds" in done.stderr.replace("folds: 7", "7 folds")


def pictures(folder: Path, *, colour: bool = False) -> None:
    """Draw pictures of stripes in two classes, in the folders of three parts."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 10), ("val", 5), ("test", 6)):
        for label, period in (("wide", 16), ("narrow", 5)):
            (folder / part / label).mkdir(parents=True)
            for number in range(count):
                wave = 127 + 90 * np.sin(2 * np.pi * (np.arange(80)[None] + rng.uniform(0, 80)) / period) + rng.normal(0, 25, (90, 80))
                values = np.clip(wave, 0, 255).astype("u1")
                Image.fromarray(np.stack([values, values // 2, values // 3], -1) if colour else values).save(
                    folder / part / label / f"{number}.png"
                )


def test_a_folder_of_pictures_with_its_own_parts(other, tmp_path):
    pictures(tmp_path / "pictures")
    shutil.copy(tmp_path / "pictures/train/wide/0.png", tmp_path / "pictures/test/wide/again.png")
    collection = {
        "kind": "pictures",
        "folder": str(tmp_path / "pictures"),
        "classes": ["narrow", "wide"],
        "crop": [0, 5, 80, 85],
        "size": 64,
    }
    configure(other, collection, split={"method": "folders"}, views=["images"])
    said = other.snakemake("--cores", "2")
    assert "look alike in two parts" in said.stdout + said.stderr
    table = (other.folder / "results/comparison/shots.tsv").read_text()
    assert "images\thog_svm" in table
    assert other.planned() == []


@pytest.mark.parametrize(
    ("crop", "mixed", "told"),
    [([0, 0, 500, 40], False, ["crop", "500", "80 x 90"]), (None, True, ["grey", "colour"])],
    ids=["crop", "mixed"],
)
def test_what_is_wrong_with_pictures_is_told(other, tmp_path, crop, mixed, told):
    pictures(tmp_path / "pictures")
    if mixed:
        Image.new("RGB", (80, 90), (200, 30, 30)).save(tmp_path / "pictures/train/wide/0.png")
    configure(
        other,
        {"kind": "pictures", "folder": str(tmp_path / "pictures"), "classes": ["narrow", "wide"], "crop": crop, "size": 64},
        split={"method": "folders"},
        views=["images"],
    )
    done = other.snakemake("--cores", "2", "--until", "index_pictures", check=False)
    assert done.returncode != 0
    for text in told:
        assert text in (done.stdout + done.stderr), done.stderr[-2000:]


def test_gathers_of_another_length_are_pictured_again_after_a_killed_run(other):
    """Their labels are the same; only what the files hold tells that views and variants are of others."""
    other.configure(collections={"shots": {"samples": 600}})
    other.snakemake("--cores", "2", "--until", "simulate_gathers")
    planned = {job.split()[0] for job in other.planned()}
    assert {"index_recordings", "gather", "stft", "vary_view", "embed", "embed_extra", "train"} <= planned


def test_a_folder_that_is_gone_is_told_though_its_results_are_there(other, tmp_path):
    own(other, tmp_path / "data")
    other.snakemake("--cores", "2", "--until", "index_recordings")
    shutil.move(tmp_path / "data", tmp_path / "away")
    done = other.snakemake("-n", check=False)
    assert done.returncode != 0 and "collections.shots.folder" in done.stdout + done.stderr
