"""Doubting tiles and learning curves in the plan: asked for by name, refused where they make no sense, absent otherwise."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from fringeflow.errors import ConfigError
from fringeflow.plan import Plan

CURATED = {"curate": {}, "soft": {"kind": "curate", "how": "downweight"}}


def plan(root: Path, **change) -> Plan:
    """Load the default with other sections; the dataset trains the SVM alone."""
    raw = yaml.safe_load((root / "config/config.yaml").read_text())
    for kind in ("events", "interferograms"):
        raw["catalogue"][kind] = [str(root / path) for path in raw["catalogue"][kind]]
    raw["datasets"]["fringes"] |= {"models": ["hog_svm"], "strategies": ["none"], "views": ["wrapped", "spectrogram"]}
    raw["models"] = {"hog_svm": {}, "small_svm": {"architecture": "hog_svm", "input_size": 64}}
    for path, value in change.items():
        *parents, last = path.split("__")
        section = raw
        for part in parents:
            section = section.setdefault(part, {})
        section[last] = section[last] | value if isinstance(value, dict) and last in section else value
    return Plan.load(raw)


def run(strategy: str) -> SimpleNamespace:
    return SimpleNamespace(dataset="fringes", view="wrapped", model="hog_svm", strategy=strategy)


def test_only_runs_that_curate_wait_for_doubts(root):
    made = plan(root, strategies=CURATED, datasets__fringes__strategies=["none", "curate", "soft"])
    assert made.doubts_of(run("none")) == []
    assert made.doubts_of(run("curate")) == ["results/datasets/fringes/doubts/wrapped/drop.parquet"]
    assert made.doubts_of(run("soft")) == ["results/datasets/fringes/doubts/wrapped/downweight.parquet"]
    assert made.tile_size(run("soft")) == 256


def test_the_datasets_first_model_doubts_unless_another_is_named(root):
    assert plan(root).curator("fringes", "wrapped").name == "hog_svm"
    named = plan(root, curation={"model": "small_svm"})
    assert named.curator("fringes", "wrapped").name == "small_svm"
    key = Path(named.curator_embeddings(run("none"))).stem
    wildcards = SimpleNamespace(dataset="fringes", view="wrapped", encoder=key)
    assert '"input_size":64' in named.encoder_json(wildcards), "it is embedded although no run uses it"


def test_the_model_that_doubts_is_trained_as_in_its_runs(root):
    made = plan(root, models__hog_svm={"training": {"learning_rate": 0.123}})
    assert made.curator_training_json(run("none")) == made.training_json(run("none"))
    assert '"learning_rate":0.123' in made.curator_training_json(run("none"))
    assert "PLAN.curator_training_json" in (root / "workflow/rules/curate.smk").read_text()


def test_a_learning_curve_is_made_of_every_view_when_asked_for(root):
    assert not [path for path in plan(root).targets() if "learning_curves" in path]
    found = [path for path in plan(root, learning_curve={"fractions": [0.5, 1]}).targets() if "learning_curves" in path]
    assert found == [f"results/learning_curves/fringes/{view}/hog_svm/none/curve.tsv" for view in ("spectrogram", "wrapped")]


def test_a_learning_curve_waits_for_the_hyper_parameters_of_the_run_that_it_stands_under(root):
    made = plan(root, models__hog_svm={"tune": {"trials": 2}})
    assert made.tuned_of(run("none")) == ["results/tuning/fringes/wrapped/hog_svm/none/best.json"]
    for rule in ("train", "learning_curve"):
        assert "tuned=PLAN.tuned_of" in (root / f"workflow/rules/{rule}.smk").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"curation": {"model": "hog_svn"}}, ["curation.model", "did you mean 'hog_svm'"]),
        ({"curation": {"share": 0.9}}, ["curation.share", "0.9"]),
        ({"learning_curve": {"fractions": [0.5], "model": "small_svn"}}, ["learning_curve.model", "did you mean 'small_svm'"]),
        ({"learning_curve": {"fractions": [0.5], "strategy": "nine"}}, ["learning_curve.strategy", "did you mean 'none'"]),
        ({"learning_curve": {"fractions": [0.5], "strategy": "focal"}}, ["learning_curve: hog_svm x focal", "valid for it"]),
        ({"learning_curve": {"fractions": [1.5]}}, ["learning_curve.fractions", "1.5"]),
        (
            {"learning_curve": {"fractions": [0.5], "strategy": "curate"}, "strategies": CURATED},
            ["learning_curve.strategy: 'curate'", "choose one without"],
        ),
        (
            {"strategies": CURATED, "datasets__fringes__strategies": ["curate"], "models__hog_svm": {"tune": {"trials": 2}}},
            ["curation.model: 'hog_svm', which doubts tiles of 'fringes', has `tune`", "name a model without"],
        ),
        (
            {
                "learning_curve": {"fractions": [0.5], "model": "small_svm"},
                "models__small_svm": {"architecture": "hog_svm", "tune": {"space": {"drop": {"choices": [0.5]}}}},
            },
            ["learning_curve: small_svm x none", "'drop'"],
        ),
        (
            {"strategies": CURATED, "datasets__fringes__strategies": ["curate"], "tilings__standard": {"size": 128, "stride": 128}},
            ["datasets.fringes.tiling: 'standard' has no overlapping tiles", "stride below its size"],
        ),
    ],
)
def test_what_makes_no_sense_is_refused(root, change, words):
    with pytest.raises(ConfigError) as caught:
        plan(root, **change)
    assert all(word in str(caught.value) for word in words), str(caught.value)
