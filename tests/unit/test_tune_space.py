"""Ranges of hyper-parameters: which are refused, which have a meaning, and what a choice makes of a model."""

import subprocess
import sys

import pytest

from fringeflow.config.learning import Model, Range, Training, Tune
from fringeflow.models.architectures import ARCHITECTURES
from fringeflow.models.registry import resolve_model
from fringeflow.provenance import SCRIPTS
from fringeflow.training.tune_space import apply, contains, current, problems, resolved, space_of
from tests.unit.toy_learning import model, strategy

NONE, FOCAL = strategy("none"), strategy("focal", gamma=2.0)


def found(architecture: str, space: dict, **settings) -> str:
    way = settings.pop("way", NONE)
    mode = settings.pop("mode", None)
    ranges = {name: Range(**given) for name, given in space.items()}
    return "\n".join(problems(Tune(space=ranges, **settings), ARCHITECTURES[architecture], way, mode))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_defaults_of_every_architecture_are_sound_and_applied_to_it(name):
    """A default bound outside its option, or a misspelt name, would only be told deep inside a cluster job."""
    architecture = ARCHITECTURES[name]
    assert problems(Tune(space=dict(architecture.space)), architecture, FOCAL) == []
    spec = resolve_model(name, Model(), "wrapped")
    for given in (FOCAL, NONE):
        space = space_of(Tune(), architecture, given, spec.mode)
        assert space
        for end in ("low", "high"):
            values = {key: value.choices[0] if value.choices else getattr(value, end) for key, value in space.items()}
            assert current(space, *apply(values, spec, given, Training())) == values


def test_the_studys_ranges():
    """DESIGN.md, study B: the three families."""
    deit, svm = ARCHITECTURES["deit_small_vpt"].space, ARCHITECTURES["hog_svm"].space
    assert (deit["learning_rate"].low, deit["learning_rate"].high, deit["learning_rate"].log) == (1e-5, 5e-4, True)
    assert (deit["weight_decay"].low, deit["weight_decay"].high, deit["weight_decay"].log) == (1e-6, 1e-2, True)
    assert deit["batch"].choices == [4, 8, 16] and deit["depth"].choices == ["shallow", "deep"]
    assert [(deit[name].low, deit[name].high) for name in ("prompts", "dropout", "gamma")] == [(5, 15), (0, 0.5), (0, 5)]
    assert [(svm[name].low, svm[name].high, svm[name].log) for name in ("c", "gamma", "pca")] == [
        (1e-2, 1e2, True),
        (1e-4, 1e-1, True),
        (0.90, 0.99, False),
    ]


@pytest.mark.parametrize(
    ("architecture", "space", "told"),
    [
        ("resnet18", {"learning_rat": {"low": 1e-4, "high": 1e-2}}, "did you mean 'learning_rate'"),
        ("hog_svm", {"learning_rate": {"low": 1e-4, "high": 1e-2}}, "'learning_rate' cannot be tuned"),
        ("hog_svm", {"orientations": {"low": 4, "high": 12}}, "tune.space.orientations: belongs to the frozen part"),
        ("hog_svm", {"c": {"low": 1e-2, "high": 1e9, "log": True}}, "tune.space.c: found 1000000000.0, expected a number at least 0.0001"),
        ("hog_svm", {"gamma": {"choices": ["scale", "wide"]}}, "found 'wide'"),
        ("resnet18", {"dropout": {"low": 0, "high": 1.5}}, "at most 0.9"),
        ("resnet18", {"dropout": {"choices": ["much"]}}, "found 'much'"),
        ("resnet18", {"batch": {"choices": [1, 8]}}, "tune.space.batch: found 1"),
        ("resnet18", {"batch": {"choices": ["8"]}}, "tune.space.batch: found '8'"),
        ("resnet18", {"batch": {"low": 4.5, "high": 16}}, "found 4.5"),
        ("resnet18", {"learning_rate": {"low": -1, "high": 1}}, "found -1.0"),
        ("resnet18", {"gamma": {"low": 0, "high": 50}}, "from 0 to 10"),
        ("deit_small_vpt", {"prompts": {"low": 2.5, "high": 10}}, "whole number"),
        ("deit_small_vpt", {"prompts": {"low": 0, "high": 10}}, "at least 1"),
        ("deit_small_vpt", {"depth": {"low": 0, "high": 1}}, "give choices: [shallow, deep]"),
        ("deit_small_vpt", {"depth": {"choices": ["deap"]}}, "found 'deap'"),
    ],
)
def test_a_range_that_cannot_be_is_told(architecture, space, told):
    text = found(architecture, space)
    assert told in text and len(text.splitlines()) == 1, text


def test_a_single_fold_and_idle_prompts_are_told():
    assert "2 or more, or 0" in found("resnet18", {}, folds=1)
    assert found("resnet18", {}, folds=0) == found("resnet18", {}, folds=2) == ""
    prompts = {"prompts": {"low": 5, "high": 15}}
    assert "means nothing in the mode 'full'" in found("deit_small_vpt", prompts, mode="full")
    assert found("deit_small_vpt", prompts) == "", "prompting is its default mode"
    assert not {"prompts", "depth", "unfreeze"} & set(space_of(Tune(), ARCHITECTURES["deit_small_vpt"], NONE, "full"))


def test_gamma_is_the_kernels_of_an_svm_and_the_focal_losss_of_a_network():
    given = Tune(space={"gamma": Range(low=0.001, high=0.01)})
    assert "gamma" in space_of(given, ARCHITECTURES["resnet18"], FOCAL)
    assert "gamma" not in space_of(given, ARCHITECTURES["resnet18"], NONE), "no other loss has one"
    assert "gamma" in space_of(given, ARCHITECTURES["hog_svm"], NONE)
    svm, untouched, _ = apply({"gamma": 0.005}, model("hog_svm"), NONE, Training())
    assert svm.options["gamma"] == 0.005 and untouched == NONE
    net, focal, _ = apply({"gamma": 1.5}, model("resnet18"), FOCAL, Training())
    assert focal.gamma == 1.5 and net == model("resnet18") and FOCAL.gamma == 2.0


def test_given_ranges_take_the_place_of_the_defaults_of_the_same_name():
    tune = Tune(space={"batch": Range(choices=[2, 4]), "epochs": Range(low=5, high=20)})
    space = resolved(tune, ARCHITECTURES["resnet18"], NONE).space
    assert space["batch"].choices == [2, 4] and "epochs" in space
    assert space["learning_rate"] == ARCHITECTURES["resnet18"].space["learning_rate"]


def test_a_choice_changes_its_own_hyper_parameters_alone_and_keeps_their_types():
    spec, settings = model("deit_small_vpt"), Training(batch=64, epochs=7)
    values = {"prompts": 7.0, "depth": "shallow", "dropout": 0, "batch": 8.0, "learning_rate": 1}
    net, way, steps = apply(values, spec, NONE, settings)
    assert net.options == {**spec.options, "prompts": 7, "depth": "shallow", "dropout": 0.0}
    assert isinstance(net.options["prompts"], int) and isinstance(net.options["dropout"], float)
    assert steps == settings.model_copy(update={"batch": 8, "learning_rate": 1.0}) and isinstance(steps.batch, int)
    assert way == NONE and net.encoder_spec == spec.encoder_spec
    with pytest.raises(KeyError, match="cell"):
        apply({"cell": 4}, spec, NONE, settings)


def test_configured_values_may_lie_outside():
    tune = resolved(Tune(), ARCHITECTURES["hog_svm"], NONE)
    inside = {"c": 1.0, "gamma": 0.01, "pca": 0.95}
    assert contains(tune.space, inside)
    assert not contains(tune.space, {**inside, "gamma": "scale"}) and not contains(tune.space, {**inside, "c": 1e3})


def test_reading_a_configuration_needs_no_optuna():
    code = "import sys, fringeflow.training.tune_space; print(sorted(set(sys.modules) & {'optuna', 'numpy', 'pandas', 'sklearn'}))"
    told = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
