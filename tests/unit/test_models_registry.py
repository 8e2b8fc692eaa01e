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
    mode = "frozen" if "frozen" in ARCHITECTURES[name].modes else None
    problems = check(resolve_model(name, Model(mode=mode), "wrapped"), resolve_strategy(strategy, Strategy()), "wrapped")
    assert bool(problems) == (not STRATEGIES[strategy].needs <= ARCHITECTURES[name].capabilities)


def test_svm_with_focal_is_refused_by_name_with_what_would_be_valid():
    (problem,) = check(resolve_model("hog_svm", Model(), "wrapped"), resolve_strategy("focal", Strategy()), "wrapped")
    assert "'focal' is not defined for 'hog_svm'" in problem
    assert "valid for it: none, class_weights, augmentation, oversample, undersample, smote, effective_number, implant, curate" in problem


def test_any_model_can_be_adjusted_after_training():
    svm = resolve_model("hog_svm", Model(), "wrapped")
    assert check(svm, resolve_strategy("logit_adjustment", Strategy()), "wrapped")
    assert not check(svm, resolve_strategy("logit_adjustment", Strategy(when="post_hoc")), "wrapped")


@pytest.mark.parametrize(
    ("settings", "valid"), [({}, True), ({"mode": "partial"}, False), ({"mode": "full"}, False), ({"head": "silva"}, False)]
)
def test_smote_needs_feature_vectors(settings, valid):
    smote = resolve_strategy("smote", Strategy())
    assert not check(resolve_model("resnet18", Model(head="silva"), "wrapped"), smote, "wrapped")
    problems = check(resolve_model("vgg19", Model(**settings), "wrapped"), smote, "wrapped")
    assert bool(problems) != valid
    assert all(
        "'smote' makes feature vectors" in problem and "use the head 'linear' in the mode 'frozen'" in problem for problem in problems
    )


def test_keys_are_readable():
    assert key("efficientnet_lite0") == "efficientnet_lite0-packaged-128-sincos"
    assert key("efficientnet_lite0", "spectrogram") == "efficientnet_lite0-packaged-128-gray"
    assert key("resnet18", input_size=64) == "resnet18-none-64-sincos"
    assert key("hog_svm") == "hog-128-sincos"
    assert key("hog_svm", options={"orientations": 6}) == "hog-128-sincos-orientations6"
    assert key("vgg19") == "vgg19-none-128-sincos"


@pytest.mark.parametrize(
    ("settings", "cut"),
    [
        ({}, "pooled"),
        ({"head": "silva"}, "map"),
        ({"mode": "partial"}, "block5_conv1"),
        ({"mode": "partial", "head": "silva"}, "block5_conv1"),
        ({"mode": "partial", "from_layer": "block4_conv1"}, "block4_conv1"),
        ({"mode": "full", "head": "silva"}, "input"),
    ],
)
def test_what_is_cached_follows_from_mode_and_head(settings, cut):
    """Models with the same frozen part share its cache, whatever is trained behind it."""
    spec = resolve_model("vgg19", Model(**settings), "wrapped").encoder_spec
    assert spec.cut == cut
    assert spec.key == "vgg19-none-128-sincos" + ("" if cut == "pooled" else f"-{cut}")


def test_heads_of_torch_models_share_their_pooled_features():
    assert {resolve_model("resnet18", Model(head=head), "wrapped").encoder_spec.cut for head in ("linear", "silva")} == {"pooled"}


def test_networks_of_study_a_are_cut_at_their_last_block():
    last = {"vgg19": "block5_conv1", "resnet50_v2": "conv5_block1_preact_bn", "inception_v3": "mixed9"}
    assert {name: resolve_model(name, Model(mode="partial"), "wrapped").encoder_spec.cut for name in last} == last


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
        ("vgg19", {"mode": "frosen"}, "unknown mode 'frosen' for 'vgg19'; did you mean 'frozen'? Valid: frozen, full, partial"),
        ("resnet18", {"mode": "partial"}, "unknown mode 'partial' for 'resnet18'; Valid: frozen"),
        ("vgg19", {"from_layer": "block5_conv1"}, "from_layer 'block5_conv1' means nothing in the mode 'frozen'; set mode to partial"),
        ("vgg19", {"mode": "full", "from_layer": "block5_conv1"}, "means nothing in the mode 'full'"),
        (
            "vgg19",
            {"mode": "partial", "from_layer": "block5_conv"},
            "from_layer 'block5_conv' is no layer of 'vgg19' that the trained part",
        ),
        ("vgg19", {"mode": "partial", "from_layer": "block5_conv"}, "begin with; did you mean 'block5_conv4'? Valid: block1_conv1, "),
        ("resnet50_v2", {"mode": "partial", "from_layer": "conv5_block2_2_conv"}, "did you mean 'conv5_block1_1_conv'"),
        ("inception_v3", {"mode": "partial", "from_layer": "mixed10"}, "did you mean 'mixed"),
        ("inception_v3", {"input_size": 64}, "input_size 64 is too small for 'inception_v3', expected at least 75"),
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
    heavy = {"numpy", "pandas", "torch", "timm", "keras", "tensorflow", "sklearn", "skimage"}
    code = f"import sys, fringeflow.{module}; print(sorted(set(sys.modules) & {heavy}))"
    found = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
