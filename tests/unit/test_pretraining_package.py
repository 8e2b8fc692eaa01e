"""The packaged model: its files, its card, its installation, and that thresholds rest on the quiet windows that it brings."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import Spectrogram
from fringeflow.detection.detector import open_detector
from fringeflow.detection.detector_choice import choose_detector, read_detector
from fringeflow.detection.operating_point import operating_point
from fringeflow.detection.windows import read_windows
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json, sha256_file, write_json
from fringeflow.models import base, torch_backbones
from fringeflow.models.base import run_digest
from fringeflow.pretraining.install import install
from fringeflow.pretraining.package import package_model
from fringeflow.pretraining.prevalence import open_pretrained
from fringeflow.pretraining.transfer import compare_transfer
from tests.unit.toy_killed import Killed
from tests.unit.toy_pretraining import COSEISMIC, QUIET, TINY, ToyReal, tiny_run, toy_real

FILES = ["backbone.safetensors", "card.md", "metrics.json", "model", "quiet.parquet", "run.json"]
COPIED = ["backbone.safetensors", "metrics.json"]
NO_SPECTRA = Spectrogram()
OTHER = "106A_09048_000909/20240106_20240118"


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyReal:
    return toy_real(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two networks, of which the smaller did better on held-out simulated scenes."""
    root = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        tiny_run(root / "128", patch, scenes=16)
    shutil.copytree(root / "128", root / "64")
    for scenes, score in ((64, 0.83), (128, 0.71)):
        metrics = read_json(root / f"{scenes}/metrics.json")
        write_json(root / f"{scenes}/metrics.json", {**metrics, "held_out": {**metrics["held_out"], "pr_auc": score}})
        about = read_json(root / f"{scenes}/run.json")
        write_json(root / f"{scenes}/run.json", {**about, "name": f"tiny/{scenes}", "trained_on": [f"x/{scenes}"]})
    return {scenes: root / str(scenes) for scenes in (64, 128)}


@pytest.fixture(scope="module")
def packaged(runs, toy, tmp_path_factory):
    root = tmp_path_factory.mktemp("tiny")
    pairs = [toy.pair(COSEISMIC), toy.pair(QUIET)]
    table = root / "transfer.tsv"
    compare_transfer(runs, pairs, TINY, table=table, tiles=root / "tiles.parquet", picture=root / "transfer.png")
    package_model(runs, pairs, TINY, table, name="tiny", folder=root / "package")
    return root / "package"


def tiles() -> list[np.ndarray]:
    return [np.random.default_rng(0).uniform(-3, 3, (6, TINY.tile, TINY.tile)).astype("f4")]


def test_the_network_that_did_best_on_simulated_scenes_is_packaged(packaged, runs):
    assert sorted(path.name for path in packaged.iterdir()) == FILES
    about = read_json(packaged / "run.json")
    assert (about["name"], about["trained_on"]) == ("tiny", ["x/64"])
    assert about["prevalence"] == TINY.prevalence
    scores = [
        found.scores(tiles(), threads=1) for found in (open_detector(packaged, NO_SPECTRA), open_pretrained(runs[64], TINY.prevalence))
    ]
    np.testing.assert_array_equal(*scores)


@pytest.mark.parametrize(("number", "name"), enumerate([*COPIED, "seed0.safetensors"]))
def test_a_killed_packaging_leaves_nothing_half_written(runs, packaged, tmp_path, monkeypatch, number, name):
    def killed(source, target, **options):
        if Path(source).name == name:
            Path(target).write_bytes(b"half")
            raise Killed
        return copyfile(source, target, **options)

    copyfile = shutil.copyfile
    monkeypatch.setattr(shutil, "copyfile", killed)
    with pytest.raises(Killed):
        package_model(runs, [], TINY, packaged.parent / "transfer.tsv", name="tiny", folder=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == COPIED[:number]


def test_its_card_names_the_numbers(packaged, toy):
    text, metrics = (packaged / "card.md").read_text(), read_json(packaged / "metrics.json")
    for said in (
        "# tiny\n",
        "64 simulated scenes with up to 2 tiles each, each tile seen about 2 times",
        "32 x 32 pixels",
        f"temperature {metrics['divided_by']:.3g}",
        "where 5% of the tiles are deformed",
        "leaves 0.5 fringe over 5%",
        "Real interferograms in training: x/64.",
        "these are 2 interferograms",
        f"{toy.rows[COSEISMIC].key} (quake); {toy.rows[QUIET].key} (quake)",
        f"({toy.rows[QUIET].key})",
        "They are of 1 frame(s), and in another frame each counts once: no rate of false alarms below 0.5 can be promised there",
        "0123abcd",
        "| scenes | simulated pr auc | simulated prevalence | simulated roc auc |",
    ):
        assert " ".join(said.split()) in " ".join(text.split()), said
    rows = [line for line in text.splitlines() if line.startswith(("| 64 |", "| 128 |"))]
    assert len(rows) == 2 and "| 0.83 |" in rows[0] and "| 0.71 |" in rows[1]
    assert "{" not in text


def test_a_packaged_model_can_be_moved(packaged, tmp_path):
    """It is made to be given away: nothing in it says where it once lay."""
    moved = shutil.copytree(packaged, tmp_path / "elsewhere")
    kept = packaged.rename(packaged.with_name("gone"))
    try:
        found = open_detector(moved, NO_SPECTRA).scores(tiles(), threads=1)
    finally:
        kept.rename(packaged)
    np.testing.assert_array_equal(found, open_detector(packaged, NO_SPECTRA).scores(tiles(), threads=1))
    assert str(packaged.parent) not in (packaged / "run.json").read_text()


def test_another_head_or_backbone_is_another_model(packaged, tmp_path):
    """run.json alone was looked at: a head with its signs turned round scanned under the same digest, by the same thresholds."""
    for number, name in enumerate(("model/seed0.safetensors", "backbone.safetensors", "run.json")):
        other = shutil.copytree(packaged, tmp_path / str(number))
        assert run_digest(other) == run_digest(packaged)
        raw = bytearray((other / name).read_bytes())
        raw[-2] ^= 0x80
        (other / name).write_bytes(raw)
        assert run_digest(other) != run_digest(packaged), name
    with pytest.raises(DatasetError, match="scores of two runs have no common threshold"):
        operating_point(OTHER, [packaged / "quiet.parquet"], 0.5, tmp_path / "0", tmp_path / "point.json")


def test_its_quiet_windows_are_of_quiet_interferograms_as_the_model_itself_sees_them(packaged, toy):
    table, about = read_windows(packaged / "quiet.parquet")
    assert set(table["pair"]) == {QUIET} and set(about["maps"]) == {toy.rows[QUIET].key}
    assert about["run_digest"] == run_digest(packaged) and about["run"] == "tiny"
    assert sorted(path.name for path in packaged.iterdir()) == FILES, "what they were scanned in is gone"


def test_without_a_quiet_interferogram_a_package_brings_none(runs, toy, packaged, tmp_path):
    folder = shutil.copytree(packaged, tmp_path / "package")
    package_model(runs, [toy.pair(COSEISMIC)], TINY, packaged.parent / "transfer.tsv", name="tiny", folder=folder)
    assert not (folder / "quiet.parquet").exists(), "not those of an earlier package either"
    assert "holds what this model sees in real quiet interferograms (none)" in (folder / "card.md").read_text()
    (tmp_path / "base").mkdir()
    (tmp_path / "base/quiet.parquet").write_bytes(b"of a former model")
    install(folder, tmp_path / "base")
    assert not (tmp_path / "base/quiet.parquet").exists()
    (folder / "metrics.json").unlink()
    with pytest.raises(ModelError, match=r"package: has no metrics\.json; expected a packaged model, from `snakemake pretrain`"):
        install(folder, tmp_path / "base")
    assert (tmp_path / "base/card.md").is_file(), "a model that is there is not given up for one that is not whole"


def test_an_installed_model_is_the_same_model_by_another_name(packaged, tmp_path, monkeypatch):
    """Its weights are those of `fringeflow-base`, and its quiet windows are still its own."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/old.txt").write_text("of a former model")
    install(packaged, tmp_path / "base")
    assert sorted(path.name for path in (tmp_path / "base").iterdir()) == FILES and not (tmp_path / "base.new").exists()
    about = read_json(tmp_path / "base/run.json")
    encoder = about["model"]["encoder"]
    assert encoder["weights"] == "fringeflow-base"
    assert encoder["weights_digest"] == sha256_file(tmp_path / "base/backbone.safetensors")
    table, seen = read_windows(tmp_path / "base/quiet.parquet")
    assert seen["run_digest"] == run_digest(tmp_path / "base")
    pd.testing.assert_frame_equal(table, read_windows(packaged / "quiet.parquet")[0])
    monkeypatch.setattr(torch_backbones, "WEIGHTS", tmp_path / "base/backbone.safetensors")
    found = open_detector(tmp_path / "base", NO_SPECTRA).scores(tiles(), threads=1)
    np.testing.assert_array_equal(found, open_detector(packaged, NO_SPECTRA).scores(tiles(), threads=1))


def test_thresholds_rest_on_the_packaged_quiet_windows_and_never_on_those_of_the_interferogram_itself(packaged, toy, tmp_path):
    highest = read_windows(packaged / "quiet.parquet")[0]["p"].max()
    found = operating_point(OTHER, [packaged / "quiet.parquet"], 0.5, packaged, tmp_path / "point.json")
    assert (found["rests_on"], found["scope"], found["units"]) == ([toy.rows[QUIET].key], "all", 1)
    assert found["rate_promised"] == 0.5 and found["run"] == "tiny"
    careful = operating_point(OTHER, [packaged / "quiet.parquet"], 0.01, packaged, tmp_path / "point.json")
    assert careful["window_threshold"] > highest and not careful["attained"]
    own = operating_point(toy.rows[QUIET].key, [packaged / "quiet.parquet"], 0.5, packaged, tmp_path / "point.json")
    assert (own["rests_on"], own["scope"]) == ([], "none")


def test_quiet_windows_that_the_network_was_trained_on_promise_nothing(packaged, toy, tmp_path):
    folder = shutil.copytree(packaged, tmp_path / "package")
    write_json(folder / "run.json", {**read_json(folder / "run.json"), "trained_on": [toy.rows[QUIET].key]})
    choose_detector([], [], {}, str(folder), out=tmp_path / "detector.json")
    fitted = read_detector(tmp_path / "detector.json").fitted_keys([])
    assert fitted == {toy.rows[QUIET].key}
    found = operating_point(OTHER, [packaged / "quiet.parquet"], 0.5, packaged, tmp_path / "point.json", fitted=fitted)
    assert (found["rests_on"], found["left_out"]) == ([], [toy.rows[QUIET].key])


def test_a_packaged_folder_can_be_chosen_to_scan(packaged, tmp_path):
    out = tmp_path / "detector.json"
    choose_detector([], [], {}, str(packaged), out=out)
    written = read_json(out)
    assert (written["run"], written["size"], written["packaged"]) == (str(packaged), TINY.tile, True)
    assert written["digest"] == run_digest(packaged)
    chosen = read_detector(out)
    assert (chosen.folder, chosen.size, chosen.dataset) == (packaged, TINY.tile, "")
    assert chosen.quiet == [packaged / "quiet.parquet"]
    assert chosen.fitted_keys([]) == {"x/64"}
    assert base.is_packaged(str(packaged)) and base.is_packaged("fringeflow-base") and not base.is_packaged(str(packaged.parent))


def test_what_is_written_of_the_model_that_comes_along_names_no_folder(packaged, tmp_path, monkeypatch):
    """Two installations scan alike: their results are not each other's damage."""
    monkeypatch.setattr(base, "FOLDER", packaged)
    choose_detector([], [], {}, "fringeflow-base", out=tmp_path / "detector.json")
    assert str(packaged) not in (tmp_path / "detector.json").read_text()
    assert read_detector(tmp_path / "detector.json").folder == packaged


def test_a_packaged_model_without_a_class_to_find_cannot_scan(packaged, tmp_path):
    folder = shutil.copytree(packaged, tmp_path / "package")
    write_json(folder / "run.json", {**read_json(folder / "run.json"), "positive": None})
    with pytest.raises(ModelError, match="has no positive class among no_deformation, deformation"):
        choose_detector([], [], {}, str(folder), out=tmp_path / "detector.json")


def test_the_model_that_comes_along_is_whole_and_in_step():
    """Its weights are those that its run names, its quiet windows are its own, and its card is of this network."""
    folder = base.FOLDER
    about, metrics = read_json(folder / "run.json"), read_json(folder / "metrics.json")
    assert sorted(path.name for path in folder.iterdir()) == FILES
    assert about["name"] == "fringeflow-base" and about["model"]["encoder"]["weights"] == "fringeflow-base"
    assert about["model"]["encoder"]["weights_digest"] == sha256_file(base.WEIGHTS)
    table, seen = read_windows(folder / "quiet.parquet")
    assert seen["run_digest"] == run_digest(folder)
    assert set(seen["maps"]) == set(table["frame"] + "/" + table["pair"])
    assert not set(seen["maps"]) & set(about["trained_on"])
    card = (folder / "card.md").read_text()
    assert all(said in card for said in ("# fringeflow-base\n", f"{metrics['divided_by']:.3g}", about["made_of"]["code"], *seen["maps"]))
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 20e6
    noise = np.random.default_rng(0).uniform(-np.pi, np.pi, (4, about["size"], about["size"])).astype("f4")
    found = open_detector(folder, NO_SPECTRA).scores([noise], threads=1)
    assert (found < 0.1).all(), "noise is no earthquake"
