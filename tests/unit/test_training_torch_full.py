"""Networks trained whole, and prompts: exactly the right weights move, and a fit is kept, read and gone on with."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from fringeflow.config.models import Model, Training
from fringeflow.errors import ModelError
from fringeflow.models import torch_backbones, torch_networks
from fringeflow.models.registry import resolve_model
from fringeflow.models.torch_backbones import build_backbone, load_encoder
from fringeflow.models.torch_networks import build_network, trains_in_bfloat16
from fringeflow.training import fit_torch
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold, macro_f1
from fringeflow.training.loop import run_epochs
from fringeflow.training.schedule import rates
from fringeflow.training.watch import Watch
from tests.unit.toy_learning import TWO, blobs, strategy

SIZE = 32
BRIEF = Training(seeds=[0], epochs=2, patience=2, batch=8, learning_rate=1e-3, bfloat16=False)


def spec_of(name: str = "resnet18", mode: str = "full", weights: str | None = "none", **options):
    """Resolve a model; of DeiT the tiny one, which has as many blocks."""
    spec = resolve_model(name, Model(input_size=SIZE, mode=mode, weights=weights, options=options), "wrapped")
    backbone = spec.encoder_spec.backbone.replace("small", "tiny")
    return replace(spec, encoder_spec=replace(spec.encoder_spec, backbone=backbone))


SPECS = {
    "resnet18": spec_of(),
    "lite0": spec_of("efficientnet_lite0"),
    "deit": spec_of("deit_small_vpt"),
    "deep": spec_of("deit_small_vpt", "prompt", prompts=3, dropout=0.2),
    "shallow": spec_of("deit_small_vpt", "prompt", prompts=3, depth="shallow"),
    "unfrozen": spec_of("deit_small_vpt", "prompt", prompts=3, unfreeze=1),
}


def stripes(counts: tuple[int, int] = (12, 8), seed: int = 0) -> Fold:
    """Images of noise as the cache holds them: with upright (0) or lying (1) stripes of any phase."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat([0, 1], counts))
    wave = np.sin(2 * np.pi * np.arange(SIZE) / 8 + rng.uniform(0, 2 * np.pi, len(labels))[:, None])
    upright, lying = np.broadcast_arrays(wave[:, None, None, :], wave[:, None, :, None])
    images = np.where(labels[:, None, None, None] == 0, upright, lying) + rng.normal(scale=0.3, size=(len(labels), 3, SIZE, SIZE))
    return Fold(images.astype("f2"), labels)


def fit(spec, train=None, validation=None, training=BRIEF, seed=0, kind="none", checkpoint=None):
    folds = (stripes() if train is None else train, stripes(seed=1) if validation is None else validation)
    return fit_torch.fit(*folds, TWO, spec, strategy(kind), training, seed=seed, threads=1, checkpoint=checkpoint)


def expected_to_move(name: str, parameters: set[str]) -> set[str]:
    """Names of a model's parameters that training has to change, from what its mode promises."""
    if name in ("resnet18", "lite0", "deit"):
        return parameters
    found = {"body.prompts", "head.0.weight", "head.0.bias"} | {f"head.1.{part}" for part in ("weight", "bias")} & parameters
    if name == "unfrozen":
        found |= {one for one in parameters if one.startswith(("body.backbone.blocks.11.", "body.backbone.norm."))}
    return found & parameters


@pytest.mark.parametrize("name", SPECS)
def test_exactly_the_right_weights_change(name):
    """A head left frozen, and a backbone that drifts, are traps of the reference."""
    spec = SPECS[name]
    before = build_network(spec, 0, 2, seed=0)
    fitted = fit(spec, training=BRIEF.model_copy(update={"learning_rate": 1e-2})).network
    after, start = fitted.state_dict(), before.state_dict()
    parameters = {key for key, _ in before.named_parameters()}
    changed = {key for key in parameters if not torch.equal(after[key], start[key])}
    assert changed == expected_to_move(name, parameters)
    statistics = set(after) - parameters
    moved = {key for key in statistics if not torch.equal(after[key], start[key])}
    assert moved == (statistics if name in ("resnet18", "lite0") else set()), "batch normalisation learns its statistics in training"
    assert {key for key, value in fitted.named_parameters() if value.requires_grad} == expected_to_move(name, parameters)


def test_the_cache_holds_the_images_as_they_are():
    """One encoding serves training and test: nothing is resized or normalised a second time."""
    spec = SPECS["resnet18"].encoder_spec
    assert spec.cut == "input"
    encoder = load_encoder(spec, threads=1)
    images = np.random.default_rng(0).normal(size=(2, 3, SIZE, SIZE)).astype("f4")
    assert encoder.shape == images.shape[1:]
    np.testing.assert_array_equal(encoder.encode(images), images)


@pytest.mark.parametrize("name", ["resnet18", "deep"])
def test_training_validation_and_test_enter_the_network_alike(monkeypatch, name):
    """Every image that enters is a row of the cache to the bit, each once an epoch; training is in the mode for training."""
    given: list[tuple[bool, np.ndarray]] = []
    forward = torch_networks.Network.forward

    def spy(self, images):
        given.append((self.training, images.numpy().copy()))
        return forward(self, images)

    monkeypatch.setattr(torch_networks.Network, "forward", spy)
    train, held = stripes(), stripes(seed=1)
    fitted = fit(SPECS[name], train, held, BRIEF.model_copy(update={"epochs": 1}))
    seen = {mode: np.concatenate([images for training, images in given if training is mode]) for mode in (True, False)}
    for mode, fold in ((True, train), (False, held)):
        assert sorted(map(bytes, seen[mode])) == sorted(map(bytes, fold.features.all()))
    given.clear()
    fitted.probabilities(train.features)
    assert not any(training for training, _ in given)
    assert sorted(map(bytes, np.concatenate([images for _, images in given]))) == sorted(map(bytes, train.features.all()))


def test_features_of_another_mode_are_refused():
    with pytest.raises(
        ModelError, match=r"resnet18-none-32-sincos-input: cached features have the shape \(12,\), expected images of 32 pixels"
    ):
        fit(SPECS["resnet18"], blobs((20, 10)), blobs((20, 10)))
    with pytest.raises(ModelError, match=r"have the shape \(3, 32, 32\), expected one row of features a sample; embed the dataset again"):
        fit(spec_of(mode="frozen"))


def test_images_are_read_by_the_batch(monkeypatch):
    """Memory does not grow with the dataset: images are never all in it."""
    train, held, taken = stripes((60, 40)), stripes((30, 20), seed=1), []
    take = Features.take
    monkeypatch.setattr(Features, "take", lambda self, chosen: taken.append(len(self.row[chosen])) or take(self, chosen))
    fit(SPECS["resnet18"], train, held, BRIEF.model_copy(update={"epochs": 1}))
    assert max(taken) <= fit_torch.IMAGES


@pytest.mark.parametrize("name", SPECS)
def test_it_learns_and_is_the_same_twice(name):
    train, held = stripes((30, 18)), stripes((20, 12), seed=1)
    rate = {"resnet18": 1e-3, "lite0": 1e-3, "deit": 2e-4}.get(name, 3e-3)
    epochs = 8 if name == "lite0" else 4  # how soon it learns differs from processor to processor
    settings = BRIEF.model_copy(update={"epochs": epochs, "patience": epochs, "learning_rate": rate})
    one, two = (fit(SPECS[name], train, held, settings, kind="weighted_focal") for _ in range(2))
    assert one.history == two.history
    np.testing.assert_array_equal(one.probabilities(held.features), two.probabilities(held.features))
    assert max(entry["validation_pr_auc"] for entry in one.history) > 0.375 + 0.2, "its share is 0.375"


@pytest.mark.parametrize("name", ["resnet18", "deep", "unfrozen"])
def test_what_was_trained_is_kept_and_read_back(tmp_path, name):
    fitted = fit(SPECS[name], kind="ldam_drw")
    saved = fitted.save(tmp_path, "seed0")
    held = stripes(seed=2).features
    read = fit_torch.load(tmp_path, "seed0", SPECS[name], TWO, **saved)
    np.testing.assert_array_equal(read.probabilities(held), fitted.probabilities(held))
    assert read.scale == 30
    with safe_open(tmp_path / "seed0.safetensors", "pt") as file:
        kept = set(file.keys())
    assert kept == set(fitted.network.state_dict()) if name == "resnet18" else len(kept) == {"deep": 2, "unfrozen": 2 + 14}[name]


def test_a_head_with_dropout_is_read_back(tmp_path):
    """Dropout has no weights, but it has a place among the layers."""
    spec = resolve_model("resnet18", Model(options={"dropout": 0.4}), "wrapped")
    train = blobs((40, 12))
    fitted = fit_torch.fit(train, blobs((40, 12), seed=1), TWO, spec, strategy("none"), BRIEF, seed=0, threads=1)
    read = fit_torch.load(tmp_path, "s", spec, TWO, **fitted.save(tmp_path, "s"))
    np.testing.assert_array_equal(read.probabilities(train.features), fitted.probabilities(train.features))


def weights_file(path, name: str = "resnet18", mode: str = "full", seed: int = 5):
    """Write weights of a backbone, and a model that starts from them."""
    torch.manual_seed(seed)
    network = build_backbone(spec_of(name, mode).encoder_spec, weighted=False)
    state = {key: torch.randn_like(value) * 0.02 if value.is_floating_point() else value for key, value in network.state_dict().items()}
    save_file({key: value.abs() if key.endswith("running_var") else value for key, value in state.items()}, path)
    return spec_of(name, mode, str(path))


def test_a_network_trained_whole_needs_no_initial_weights_any_more(tmp_path):
    spec = weights_file(tmp_path / "start.safetensors")
    fitted = fit(spec)
    saved = fitted.save(tmp_path, "seed0")
    (tmp_path / "start.safetensors").unlink()
    read = fit_torch.load(tmp_path, "seed0", spec, TWO, **saved)
    held = stripes(seed=2).features
    np.testing.assert_array_equal(read.probabilities(held), fitted.probabilities(held))


def test_prompts_need_the_very_backbone_they_were_trained_on(tmp_path):
    spec = weights_file(tmp_path / "start.safetensors", "deit_small_vpt", "prompt")
    fitted = fit(spec, training=BRIEF.model_copy(update={"epochs": 1}))
    saved = fitted.save(tmp_path, "seed0")
    state = load_file(tmp_path / "start.safetensors")
    save_file({**state, "norm.bias": state["norm.bias"] + 1}, tmp_path / "start.safetensors")
    with pytest.raises(
        ModelError, match=r"seed0\.safetensors: was trained on another frozen backbone than the weights '.*start.safetensors'"
    ):
        fit_torch.load(tmp_path, "seed0", spec, TWO, **saved)
    (tmp_path / "start.safetensors").unlink()
    with pytest.raises(ModelError, match=r"holds what was trained alone, and what was frozen.* cannot be had: .*start.safetensors"):
        fit_torch.load(tmp_path, "seed0", spec, TWO, **saved)


@pytest.mark.parametrize("content", [b"", b"<html>"])
def test_a_damaged_file_is_named(tmp_path, content):
    saved = fit(SPECS["resnet18"], training=BRIEF.model_copy(update={"epochs": 1})).save(tmp_path, "seed0")
    with pytest.raises(ModelError, match=r"seed0\.safetensors: cannot be read as what was trained of 'resnet18'; train the run again"):
        fit_torch.load(tmp_path, "seed0", replace(SPECS["resnet18"], head="silva"), TWO, **saved)
    (tmp_path / "seed0.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="cannot be read"):
        fit_torch.load(tmp_path, "seed0", SPECS["resnet18"], TWO, **saved)


class KilledError(Exception):
    """What a test's power cut raises."""


@pytest.mark.parametrize("name", ["resnet18", "deep", "unfrozen"])
def test_a_killed_fit_ends_with_the_same_weights_to_the_bit(tmp_path, monkeypatch, name):
    settings = BRIEF.model_copy(update={"epochs": 4, "patience": 4, "schedule": "cosine", "warmup": 0.3})
    undisturbed = fit(SPECS[name], training=settings)
    checkpoint = Checkpoint(tmp_path / "seed0.npz", "key", every_s=0)
    step, taken = torch.optim.AdamW.step, []

    def last(self, *rest, **more):
        if len(taken) == 5:  # in the middle of the third epoch
            raise KilledError
        taken.append(1)
        return step(self, *rest, **more)

    with monkeypatch.context() as patch, pytest.raises(KilledError):
        patch.setattr(torch.optim.AdamW, "step", last)
        fit(SPECS[name], training=settings, checkpoint=checkpoint)
    arrays, about = checkpoint.load()
    assert len(about["history"]) == 2
    assert not any("patch_embed" in key for key in arrays), "what is frozen is not in the state"
    resumed = fit(SPECS[name], training=settings, checkpoint=checkpoint)
    assert resumed.history == undisturbed.history and resumed.best_epoch == undisturbed.best_epoch
    for key, value in undisturbed.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[key]), key


def test_a_schedule_rises_and_falls_by_steps():
    settings = Training(epochs=10, learning_rate=0.1, warmup=0.2, schedule="cosine")
    found = np.array([rate for epoch in range(1, 11) for rate in rates(settings, epoch, 5)])
    np.testing.assert_allclose(found[:10], 0.1 * np.arange(1, 11) / 10)
    np.testing.assert_allclose(found[10:], 0.05 * (1 + np.cos(np.pi * np.arange(40) / 40)))
    assert set(rates(Training(epochs=3, learning_rate=0.1), 2, 7)) == {0.1}
    odd = rates(Training(epochs=1, learning_rate=1.0, warmup=0.25), 1, 7)
    np.testing.assert_allclose(odd, [1 / 1.75, 1, 1, 1, 1, 1, 1])


def test_the_optimiser_takes_the_steps_of_the_schedule(monkeypatch):
    settings = BRIEF.model_copy(update={"epochs": 3, "patience": 3, "batch": 10, "schedule": "cosine", "warmup": 0.5})
    taken, step = [], torch.optim.AdamW.step
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self, *rest: taken.append(self.param_groups[0]["lr"]) or step(self, *rest))
    fit_torch.fit(
        blobs((20, 10)), blobs((20, 10)), TWO, resolve_model("resnet18", Model(), "wrapped"), strategy("none"), settings, seed=0, threads=1
    )
    assert taken == [rate for epoch in (1, 2, 3) for rate in rates(settings, epoch, 3)]


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    for _ in range(20):
        labels, probabilities = rng.permutation(np.arange(15) % 4), rng.dirichlet(np.ones(4), 15)
        assert macro_f1(labels, probabilities) == pytest.approx(f1_score(labels, probabilities.argmax(axis=1), average="macro"))
    assert macro_f1(np.array([0, 0]), np.array([[0.9, 0.1, 0], [0.2, 0, 0.8]])) == pytest.approx(2 / 3), "absent classes have none"


class Scripted:
    """Steps whose validation scores are given: rows of one-hot probabilities, and losses."""

    def __init__(self, called: list[list[int]], losses: list[float]):
        self.called, self.losses, self.number = called, losses, 0

    def epoch(self, number, progress, rng):
        self.number = number
        return 1.0

    def validate(self, progress):
        return self.losses[self.number - 1], np.eye(2)[self.called[self.number - 1]]

    def probabilities(self, logits):
        return logits

    def weights(self):
        return {"epoch": np.array(self.number)}

    def set_weights(self, weights):
        self.number = int(weights["epoch"])


def test_the_loop_stops_by_macro_f1_and_keeps_its_best_epoch():
    """Ranking and loss are best later: only the decisions count, and of equal ones the loss."""
    held = Fold(np.zeros((4, 1), "f4"), np.array([0, 0, 1, 1]))
    right, half, none = [0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]
    steps = Scripted([none, right, right, half, half, half], [0.9, 0.8, 0.7, 0.1, 0.1, 0.1])
    plain = fit_torch.objective_of(strategy("none"), held.labels, TWO.classes)
    watch = Watch(Training(epochs=6, patience=2, watch="macro_f1"), plain)
    history = run_epochs(steps, watch, held, TWO, seed=0, label="")
    assert [round(entry["validation_macro_f1"], 3) for entry in history] == [0.333, 1, 1, 0.733, 0.733]
    assert watch.best_epoch == steps.number == 3


def test_bfloat16_is_used_where_it_gains_and_weights_stay_float32(monkeypatch):
    lite, resnet = (build_network(SPECS[name], 0, 2).body for name in ("lite0", "resnet18"))
    wanted = BRIEF.model_copy(update={"bfloat16": True})
    monkeypatch.setattr(torch_backbones, "cpu_gains", lambda: False)
    assert not trains_in_bfloat16(resnet) and not fit(SPECS["resnet18"], training=wanted).network.in_bfloat16
    monkeypatch.setattr(torch_backbones, "cpu_gains", lambda: True)
    assert not trains_in_bfloat16(lite), "depthwise convolutions are slower in it"
    fitted, again = (fit(SPECS["resnet18"], training=wanted) for _ in range(2))
    assert fitted.network.in_bfloat16 and fitted.history == again.history
    assert {value.dtype for value in fitted.network.parameters()} == {torch.float32}
    exact = fit(SPECS["resnet18"])
    assert fitted.history != exact.history
    np.testing.assert_allclose(fitted.history[0]["loss"], exact.history[0]["loss"], rtol=0.05)
