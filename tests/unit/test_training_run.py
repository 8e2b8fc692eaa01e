"""A run on disk: what it writes, that it never sees the test split, and that it can be applied again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Training
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json, write_json
from fringeflow.models import base
from fringeflow.training import train as module
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.predict import load_run
from fringeflow.training.train import train_run
from tests.unit.toy_killed import Killed
from tests.unit.toy_learning import CLASSES, QUICK, ToyDataset, model, strategy, toy_dataset, write_event

SETTINGS = QUICK.model_copy(update={"seeds": [0, 1], "epochs": 4})
MODELS = ["resnet18", "hog_svm"]


@pytest.fixture
def toy(tmp_path) -> ToyDataset:
    return toy_dataset(tmp_path, quiet=14, deformed=6, views=("wrapped",))


def train(toy: ToyDataset, name: str = "resnet18", kind: str = "oversample", out: str = "run", settings: Training = SETTINGS, **options):
    spec = model(name, **options)
    folder = toy.root / out
    train_run(
        toy.samples,
        toy.dataset,
        toy.embeddings(spec, "wrapped"),
        folder,
        view="wrapped",
        model=spec,
        strategy=strategy(kind),
        settings=settings,
    )
    return folder


def contents(folder, *patterns: str) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for pattern in patterns for path in sorted(folder.glob(pattern))}


@pytest.mark.parametrize("name", MODELS)
def test_a_run_writes_what_the_workflow_expects(toy, name):
    out = train(toy, name)
    table = pd.read_parquet(out / "predictions.parquet")
    assert list(table) == ["sample", "event", "frame", "pair", "group", "split", "label", "seed", *(f"p_{label}" for label in CLASSES)]
    assert set(table["split"]) == {"validation", "test"}, "training samples are not predicted"
    assert set(table["seed"]) == {0, 1} and len(table) == 2 * 2 * 20
    np.testing.assert_allclose(table[[f"p_{label}" for label in CLASSES]].sum(axis=1), 1, atol=1e-9)
    about = read_json(out / "run.json")
    assert about["classes"] == list(CLASSES) and about["positive"] == "deformation" and about["view"] == "wrapped"
    assert about["pixel_deg"] == 0.001, "what a scan compares its pixels with"
    assert about["dataset"]["counts"]["train"] == {"deformation": 12, "no_deformation": 28}
    assert {"seed", "epoch", "loss", "validation_loss", "validation_pr_auc"} <= set(pd.read_parquet(out / "history.parquet"))
    assert read_json(out / "timing.json")["seconds"] > 0
    assert not [path for path in out.rglob("*") if "pickle" in path.suffix or path.suffix in (".pkl", ".pt", ".joblib")]


def test_a_run_tells_which_real_interferograms_its_weights_have_seen(toy, monkeypatch):
    """They are no measure of quiet for it, whatever its own dataset holds."""
    seen = ["106A_09048_000909/20240106_20240118"]
    package, alone, run = (toy.root / name for name in ("package", "alone", "other"))
    monkeypatch.setattr(base, "FOLDER", package)
    write_json(package / "run.json", {"name": "net", "trained_on": seen})
    write_json(run / "run.json", {"trained_on": {"deformation": 12}})
    spec = model("hog_svm")
    embeddings = toy.embeddings(spec, "wrapped")
    for weights, told in {
        str(package / "backbone.safetensors"): seen,
        base.NAME: seen,
        str(alone / "backbone.safetensors"): [],
        str(run / "backbone.safetensors"): [],
        "": [],
    }.items():
        encoder = replace(spec.encoder_spec, weights=weights, weights_digest="0" * 64 if weights else "")
        train_run(
            toy.samples,
            toy.dataset,
            embeddings,
            toy.root / "run",
            view="wrapped",
            model=replace(spec, encoder_spec=encoder),
            strategy=strategy("none"),
            settings=SETTINGS,
        )
        assert read_json(toy.root / "run/run.json")["pretrained_on"] == told


@pytest.mark.parametrize("name", MODELS)
def test_a_run_is_the_same_to_the_byte(toy, name):
    one, two = (contents(train(toy, name, out=out), "*.parquet", "run.json", "model/*.safetensors") for out in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("name", MODELS)
def test_a_poisoned_test_split_changes_no_weight(toy, name):
    clean = train(toy, name, out="clean")
    write_event(toy, "d", 0, 20, ("wrapped",), seed=5)
    poisoned = train(toy, name, out="poisoned")
    assert contents(clean, "model/*.safetensors", "history.parquet") == contents(poisoned, "model/*.safetensors", "history.parquet")
    before, after = (pd.read_parquet(out / "predictions.parquet") for out in (clean, poisoned))
    held = before["split"] == "validation"
    pd.testing.assert_frame_equal(before[held], after[held])
    assert (before.loc[~held, "p_deformation"] != after.loc[~held, "p_deformation"]).any(), "the poison was there"


@pytest.mark.parametrize("name", MODELS)
def test_a_run_read_back_predicts_what_it_wrote(toy, name):
    out = train(toy, name)
    scored = load_run(out).score([toy.store("d")], toy.cache)
    assert len(scored) == 21, "every tile of the store, the ambiguous one too"
    written = pd.read_parquet(out / "predictions.parquet").query("split == 'test'").groupby("sample", sort=False)["p_deformation"].mean()
    np.testing.assert_allclose(scored["p_deformation"][:20], written.to_numpy(), atol=1e-7)


def test_test_features_are_read_after_the_fits(toy, monkeypatch):
    spec = model("resnet18")
    embeddings = toy.embeddings(spec, "wrapped")
    seen: list[str] = []
    load, fit_seeds = module.load_features, module.fit_seeds
    monkeypatch.setattr(module, "load_features", lambda path, rows, **kw: seen.extend(sorted(set(rows["store"]))) or load(path, rows, **kw))
    monkeypatch.setattr(module, "fit_seeds", lambda *a, **kw: seen.append("fitted") or fit_seeds(*a, **kw))
    train_run(
        toy.samples, toy.dataset, embeddings, toy.root / "r", view="wrapped", model=spec, strategy=strategy("none"), settings=SETTINGS
    )
    assert toy.store("d") not in seen[: seen.index("fitted")]


def test_a_diverged_run_keeps_its_history_and_writes_nothing_else(toy):
    wild = SETTINGS.model_copy(update={"learning_rate": 1e7})
    with pytest.raises(ModelError, match=r"diverged.*Its history is in .*failed-history.parquet"):
        train(toy, settings=wild, head="silva")
    out = toy.root / "run"
    assert [path.name for path in out.iterdir()] == ["failed-history.parquet"]
    assert len(pd.read_parquet(out / "failed-history.parquet")) >= 1
    train(toy, head="silva")
    assert not (out / "failed-history.parquet").exists()


def test_a_killed_run_leaves_nothing_in_the_open_and_the_next_takes_what_is_hidden_away(toy, monkeypatch):
    def killed(*_):
        raise Killed

    monkeypatch.setattr(Checkpoint, "due", True)
    with monkeypatch.context() as context:
        context.setattr(module, "_save", killed)
        with pytest.raises(Killed):
            train(toy)
    out = toy.root / "run"
    assert list(out.rglob("seed0.npz")) and all(path.name.startswith(".") for path in out.iterdir())
    train(toy)
    assert not list(out.rglob("*.npz")) and not list(out.glob(".*"))


def test_a_class_missing_from_a_split_is_told_before_anything_is_fitted(toy):
    table = pd.read_parquet(toy.samples)
    table[(table["split"] != "train") | (table["label"] != "deformation")].to_parquet(toy.samples)
    with pytest.raises(DatasetError, match="the train split has no sample of class 'deformation'"):
        train(toy)
    assert not (toy.root / "run").exists()


def test_a_run_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"run.json: no trained run"):
        load_run(tmp_path)


@pytest.mark.parametrize("name", MODELS)
def test_a_damaged_model_is_named(toy, name):
    out = train(toy, name)
    for path in (out / "model").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=r"seed0.*train the run again"):
        load_run(out).score([toy.store("d")], toy.cache)
