"""The registry of models: defaults, keys, refusals; nothing heavy is imported for them."""

import json
import subprocess
import sys

import pytest

from fringeflow.config.models import Model, Strategy
from fringeflow.encoding.views import VIEWS
from fringeflow.files import canonical_json
from fringeflow.imbalance.strategies import CAPABILITIES, STRATEGIES, resolve_strategy
from fringeflow.models.registry import ARCHITECTURES, check, encoder_key, resolve_model
from fringeflow.models.spec import ModelSpec
from fringeflow.provenance import SCRIPTS, code_files


def key(name: str, view: str = "wrapped", **settings) -> str:
    return encoder_key(resolve_model(name, Model(**settings), view))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_resolves_on_every_view(name, view):
    architecture = ARCHITECTURES[name]
    spec = resolve_model(name, Model(), view)
    assert spec.architecture == name and spec.head == architecture.heads[0]
    assert spec.encoder_spec.encoding == VIEWS[view].default_encoding
    assert ModelSpec.from_dict(json.loads(canonical_json(spec.as_dict()))) == spec
    assert canonical_json(spec.encoder) == canonical_json(spec.as_dict()["encoder"])
    assert architecture.capabilities <= set(CAPABILITIES)
    assert architecture.licence and architecture.citation and architecture.summary
    files = {
        path.relative_to(SCRIPTS).with_suffix("").as_posix().replace("/", ".")
        for path in code_files(SCRIPTS / "fringeflow/files.py", architecture.modules)
    }
    assert set(architecture.modules) <= files
    for option in {**architecture.encoder_options, **architecture.options}.values():
        assert option.problem(option.default) == "" and option.help


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_pair_is_refused_exactly_when_the_model_lacks_what_the_strategy_needs(name, strategy):
    problems = check(resolve_model(name, Model(), "wrapped"), resolve_strategy(strategy, Strategy()), "wrapped")
    assert bool(problems) == (not STRATEGIES[strategy].needs <= ARCHITECTURES[name].capabilities)


def test_svm_with_focal_is_refused_by_name_with_what_would_be_valid():
    (problem,) = check(resolve_model("hog_svm", Model(), "wrapped"), resolve_strategy("focal", Strategy()), "wrapped")
    assert "'focal' is not defined for 'hog_svm'" in problem
    assert "valid for it: none, class_weights, oversample" in problem


def test_keys_are_readable():
    assert key("efficientnet_lite0") == "efficientnet_lite0-packaged-128-sincos"
    assert key("efficientnet_lite0", "spectrogram") == "efficientnet_lite0-packaged-128-gray"
    assert key("resnet18", input_size=64) == "resnet18-none-64-sincos"
    assert key("hog_svm") == "hog-128-sincos"
    assert key("hog_svm", options={"orientations": 6}) == "hog-128-sincos-orientations6"


def test_models_that_share_their_frozen_part_share_its_key():
    one = key("a", architecture="efficientnet_lite0", head="linear")
    assert one == key("b", architecture="efficientnet_lite0", head="silva", options={"dropout": 0.5}, encodings={"unwrapped": "gray"})
    assert one != key("c", architecture="efficientnet_lite0", encodings={"wrapped": "gray"})
    assert key("hog_svm", options={"c": 10}) == key("hog_svm")


def test_equal_settings_give_equal_specs_however_they_are_written():
    assert resolve_model("hog_svm", Model(options={"c": 10}), "wrapped") == resolve_model("hog_svm", Model(options={"c": 10.0}), "wrapped")


def test_a_file_of_weights_is_known_by_its_content(tmp_path):
    one, two = tmp_path / "my-net.safetensors", tmp_path / "other" / "my-net.safetensors"
    two.parent.mkdir()
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    first = resolve_model("resnet18", Model(weights=str(one)), "wrapped")
    assert encoder_key(first).startswith("resnet18-my_net-")
    assert encoder_key(first) != key("resnet18", weights=str(two))
    assert first.weight_files == [str(one)]
    assert resolve_model("resnet18", Model(), "wrapped").weight_files == []


@pytest.mark.parametrize(
    ("name", "settings", "said"),
    [
        ("efficientnet", {}, "unknown architecture 'efficientnet'; did you mean 'efficientnet_lite0'"),
        ("resnet18", {"weights": "imagnet"}, "neither a file nor a known name; did you mean 'imagenet'"),
        ("resnet18", {"weights": "packaged"}, "neither a file nor a known name"),
        ("hog_svm", {"weights": "imagenet"}, "'hog_svm' takes no weights"),
        ("resnet18", {"head": "sliva"}, "unknown head 'sliva' for 'resnet18'; did you mean 'silva'"),
        ("hog_svm", {"head": "linear"}, "unknown head 'linear' for 'hog_svm'"),
        ("hog_svm", {"options": {"gama": 1}}, "unknown option 'gama' of 'hog_svm'; did you mean 'gamma'"),
        ("hog_svm", {"options": {"c": -1}}, "option 'c': found -1, expected a number at least 0.0001 and at most 10000"),
        ("hog_svm", {"options": {"gamma": "wide"}}, "option 'gamma': found 'wide', expected"),
        ("hog_svm", {"options": {"cell": 8.5}}, "option 'cell': found 8.5, expected a whole number"),
        ("hog_svm", {"options": {"pca": True}}, "option 'pca': found True"),
        ("resnet18", {"encodings": {"wrapped": "sincoss"}}, "unknown encoding 'sincoss' for the view 'wrapped'; did you mean 'sincos'"),
    ],
)
def test_bad_settings_are_told_with_what_would_be_valid(name, settings, said):
    with pytest.raises(ValueError) as caught:
        resolve_model(name, Model(**settings), "wrapped")
    assert said in str(caught.value)


def test_all_problems_of_a_model_are_told_at_once():
    with pytest.raises(ValueError) as caught:
        resolve_model("resnet18", Model(head="x", weights="y", options={"z": 1}), "wrapped")
    assert str(caught.value).count("; ") >= 2


@pytest.mark.parametrize("module", ["encoding.views", "imbalance.strategies", "models.registry"])
def test_registries_import_no_array_library(module):
    code = (
        f"import sys, fringeflow.{module}; print(sorted(set(sys.modules) & {{'numpy', 'pandas', 'torch', 'timm', 'sklearn', 'skimage'}}))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
