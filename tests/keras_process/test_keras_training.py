"""Training in Keras: what is trained in each mode, that the cache changes nothing, and that a killed fit goes on."""

from dataclasses import replace

import numpy as np
import pytest

from fringeflow.config.models import Model, Training
from fringeflow.errors import ModelError
from fringeflow.imbalance.objective import Objective, objective_of
from fringeflow.keras_runtime import keras
from fringeflow.models.keras_backbones import build_backbone
from fringeflow.models.keras_heads import SILVA_WIDTHS, Cosine, Standardise, build_head, start_at
from fringeflow.models.keras_networks import assemble, build_network
from fringeflow.models.keras_split import split
from fringeflow.models.registry import resolve_model
from fringeflow.training import fit_keras
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold
from fringeflow.training.train import fit_seeds
from tests.keras_process.tiny import SIZE, stripes, tiny_backbone
from tests.unit.toy_learning import FOUR, TWO, blobs, hardly_lit, strategy

PLAIN = Objective(np.ones(2, "f4"), 0.0, np.zeros(2, "f4"), np.zeros(2, "f4"), 1.0)
BRIEF = Training(seeds=[0], epochs=4, patience=4, batch=16, learning_rate=3e-3)
LINEAR = resolve_model("vgg19", Model(), "wrapped")
SMALL = Model(mode="partial", input_size=32)


def fit(train, validation, spec=LINEAR, kind="none", task=TWO, training=BRIEF, seed=0, checkpoint=None):
    return fit_keras.fit(train, validation, task, spec, strategy(kind), training, seed=seed, threads=1, checkpoint=checkpoint)


def activations(part, fold: Fold) -> Fold:
    """A fold as the cache would hold it, but in full precision."""
    return Fold(part.predict(fold.features.all(), verbose=0), fold.labels, fold.weights)


def test_the_heads_are_those_of_the_study():
    head = build_head("silva", (4, 4, 512), 2)
    assert (
        [layer.units for layer in head.layers if isinstance(layer, keras.layers.Dense)]
        == [1024, 512, 256, 128, 64, 32, 2]
        == [*SILVA_WIDTHS, 2]
    )
    assert [type(layer).__name__ for layer in head.layers] == ["Flatten", *["Dense", "BatchNormalization"] * 6, "Dense"]
    assert head.layers[1].kernel.shape == (4 * 4 * 512, 1024) and head.layers[1].activation is keras.activations.relu
    assert [type(layer).__name__ for layer in build_head("linear", (4, 4, 8), 2).layers] == ["GlobalAveragePooling2D", "Dense"]
    assert [type(layer).__name__ for layer in build_head("linear", (8,), 3).layers] == ["Standardise", "Dense"]
    with pytest.raises(ValueError, match="valid: linear, silva"):
        build_head("mlp", (8,), 2)


def test_cosines_do_not_depend_on_lengths():
    layer = Cosine(2)
    layer.build((None, 3))
    layer.set_weights([np.array([[2.0, 0], [0, 0], [0, 5]])])
    found = layer(np.array([[3.0, 0, 0], [0, 0, 0.1], [4, 0, 3], [0, 7, 0]], "f4")).numpy()
    np.testing.assert_allclose(found, [[1, 0], [0, 1], [0.8, 0.6], [0, 0]], atol=1e-6)


def test_an_untrained_head_predicts_the_shares_in_its_loss():
    head = build_head("linear", (5,), 2)
    shift = np.log([0.9, 0.1])
    start_at(head, np.array([90, 10]), np.zeros(2))
    np.testing.assert_allclose(keras.ops.softmax(head(np.zeros((1, 5)))).numpy(), [[0.9, 0.1]], rtol=1e-5)
    start_at(head, np.array([90, 10]), shift)
    np.testing.assert_allclose(head(np.zeros((1, 5))).numpy(), [[0, 0]], atol=1e-5)


def test_standardising_knows_the_training_split_only():
    train, validation = blobs((50, 10)), blobs((50, 10), seed=1)
    train.features.arrays[0][:, 3] = 7
    shifted = Fold(validation.features.all() + 1000, validation.labels)
    for kind in ("none", "oversample"):
        layer = fit(train, shifted, kind=kind).network.layers[-1].layers[0]
        assert isinstance(layer, Standardise)
        np.testing.assert_allclose(layer.mean.numpy(), train.features.all().mean(axis=0), rtol=1e-5)
        expected = train.features.all().std(axis=0)
        expected[3] = 1
        np.testing.assert_allclose(layer.spread.numpy(), expected, rtol=1e-4)


def test_a_feature_that_one_training_tile_lights_does_not_throw_another_tile_out_of_all_bounds():
    """A ReLU that is 1e-3 in one training row and 1 in a held-out one, which lay 3e4 standard deviations out."""
    train, held = hardly_lit()
    layer = fit(train, held).network.layers[-1].layers[0]
    z, far = (layer(fold.features.all()).numpy() for fold in (train, held))
    assert np.abs(far).max() < 25
    np.testing.assert_allclose(z[:, 2:].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(z[:, 2:].std(axis=0), 1, rtol=1e-4)


@pytest.mark.parametrize("head", ["linear", "silva"])
def test_training_on_cached_activations_is_training_the_whole_network(head):
    """The frozen prefix computed once gives what forwarding the images in every epoch gives."""
    network = tiny_backbone()
    prefix, suffix = split(network, "last")
    start = network.get_weights()
    train, validation = stripes((40, 20), seed=1), stripes((30, 15), seed=2)

    cached = assemble(suffix, tuple(prefix.output.shape[1:]), head, 2, seed=4)
    given = [activations(prefix, fold) for fold in (train, validation)]
    one = fit_keras.fit_network(cached, given[0], given[0], given[1], TWO, PLAIN, BRIEF, seed=0)
    from_cache, after = one.probabilities(given[1].features), suffix.get_weights()

    network.set_weights(start)
    whole = keras.Sequential(
        [keras.Input((SIZE, SIZE, 3)), prefix, *assemble(suffix, tuple(prefix.output.shape[1:]), head, 2, seed=4).layers]
    )
    prefix.trainable = False
    two = fit_keras.fit_network(whole, train, train, validation, TWO, PLAIN, BRIEF, seed=0)
    np.testing.assert_allclose(two.probabilities(validation.features), from_cache, atol=2e-4)
    for found, expected in zip(suffix.get_weights(), after, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-4)
    np.testing.assert_allclose([entry["loss"] for entry in two.history], [entry["loss"] for entry in one.history], rtol=1e-3)
    assert one.history[-1]["loss"] < one.history[0]["loss"]


def test_half_precision_in_the_cache_changes_little():
    prefix, suffix = split(tiny_backbone(), "last")
    start = suffix.get_weights()
    train, validation = (activations(prefix, stripes((40, 20), seed=seed)) for seed in (1, 2))
    found = []
    for kind in (np.float32, np.float16):
        suffix.set_weights(start)
        network = assemble(suffix, train.features.shape, "linear", 2, seed=4)
        folds = [Fold(fold.features.all().astype(kind), fold.labels) for fold in (train, validation)]
        found.append(fit_keras.fit_network(network, folds[0], *folds, TWO, PLAIN, BRIEF, seed=0).probabilities(folds[1].features))
    np.testing.assert_allclose(*found, atol=0.01)


@pytest.mark.parametrize("mode", ["frozen", "partial", "full"])
def test_exactly_the_right_weights_change(mode):
    """A head left frozen, and a prefix that drifts, are traps."""
    network = tiny_backbone()
    prefix, suffix = split(network, {"frozen": "map", "partial": "last", "full": "input"}[mode])
    folds = [stripes((20, 10), seed=seed) for seed in (1, 2)]
    given = folds if prefix is None else [activations(prefix, fold) for fold in folds]
    trained = assemble(suffix, given[0].features.shape, "linear", 2, seed=0)
    before = {weight.path: weight.numpy() for weight in [*network.weights, *trained.layers[-1].weights]}
    fit_keras.fit_network(trained, given[0], *given, TWO, PLAIN, BRIEF, seed=0)
    changed = {
        weight.path for weight in [*network.weights, *trained.layers[-1].weights] if not np.array_equal(weight.numpy(), before[weight.path])
    }
    head = {weight.path for weight in trained.layers[-1].weights}
    layers = {"frozen": (), "partial": ("last", "last_bn"), "full": ("stem", "stem_bn", "inner", "last", "last_bn")}[mode]
    assert changed == head | {weight.path for name in layers for weight in network.get_layer(name).weights}


def test_the_trained_layers_start_from_the_backbone_whatever_the_seed():
    spec = resolve_model("vgg19", SMALL, "wrapped")
    backbone = build_backbone(spec.encoder_spec)
    one, two = (build_network(spec, (2, 2, 512), 2, seed=seed) for seed in (1, 2))
    for network in (one, two):
        for layer in network.layers[0].layers:
            for found, expected in zip(
                layer.get_weights(), backbone.get_layer(layer.name).get_weights() if layer.weights else [], strict=True
            ):
                np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(one.layers[-1].get_weights()[0], two.layers[-1].get_weights()[0])
    with pytest.raises(
        ModelError, match=r"cached activations have the shape \(4, 4, 512\), expected \(2, 2, 512\); embed the dataset again"
    ):
        build_network(spec, (4, 4, 512), 2)


def test_a_partly_trained_network_is_kept_and_read_without_the_initial_weights(tmp_path):
    path = tmp_path / "start.weights.h5"
    keras.utils.set_random_seed(5)
    keras.applications.VGG19(include_top=False, weights=None, input_shape=(32, 32, 3)).save_weights(path)
    spec = resolve_model("vgg19", SMALL.model_copy(update={"weights": str(path)}), "wrapped")
    rng = np.random.default_rng(0)
    train = Fold(rng.random((24, 2, 2, 512), dtype="f4"), np.arange(24) % 2)
    fitted = fit(train, train, spec, kind="ldam_drw", training=BRIEF.model_copy(update={"epochs": 2}))
    start = build_network(spec, (2, 2, 512), 2)
    moved = [not np.array_equal(*pair) for pair in zip(fitted.network.layers[0].get_weights(), start.layers[0].get_weights(), strict=True)]
    assert all(moved) and len(moved) == 8
    saved = fitted.save(tmp_path, "seed0")
    path.unlink()
    read = fit_keras.load(tmp_path, "seed0", spec, TWO, **saved)
    np.testing.assert_array_equal(read.probabilities(train.features), fitted.probabilities(train.features))
    assert read.scale == 30
    with pytest.raises(ModelError, match=r"seed0\.weights\.h5: cannot be read as weights of 'vgg19'; train the run again"):
        fit_keras.load(tmp_path, "seed0", replace(spec, head="silva"), TWO, **saved)
    (tmp_path / "seed0.weights.h5").write_bytes(b"<html>")
    with pytest.raises(ModelError, match="cannot be read"):
        fit_keras.load(tmp_path, "seed0", spec, TWO, **saved)


class KilledError(Exception):
    """What a test's power cut raises."""


@pytest.mark.parametrize(("head", "kind"), [("linear", "oversample"), ("silva", "ldam_drw")])
def test_a_killed_fit_ends_with_the_same_weights_to_the_bit(tmp_path, monkeypatch, head, kind):
    spec = resolve_model("vgg19", Model(head=head), "wrapped")
    folds = blobs((50, 10), distance=1.5), blobs((50, 10), distance=1.5, seed=1)
    longer = BRIEF.model_copy(update={"epochs": 7, "patience": 7})
    undisturbed = fit(*folds, spec, kind, training=longer)
    checkpoint = Checkpoint(tmp_path / "seed0.npz", "key", every_s=0)
    epoch = fit_keras._epoch
    kills = (3, 2) if head == "linear" else (5,)  # the second time from where the first ended
    for kill in kills:
        done = []

        def until(*arguments, done=done, kill=kill):
            if len(done) == kill:
                raise KilledError
            done.append(1)
            return epoch(*arguments)

        with monkeypatch.context() as patch, pytest.raises(KilledError):
            patch.setattr(fit_keras, "_epoch", until)
            fit(*folds, spec, kind, training=longer, checkpoint=checkpoint)
    assert len(checkpoint.load()[1]["history"]) == 5
    resumed = fit(*folds, spec, kind, training=longer, checkpoint=checkpoint)
    assert resumed.history == undisturbed.history and resumed.best_epoch == undisturbed.best_epoch
    for found, expected in zip(resumed.network.get_weights(), undisturbed.network.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_the_best_epoch_on_validation_is_the_one_that_is_kept():
    train, validation = blobs((80, 12), distance=1.0), blobs((80, 12), distance=1.0, seed=1)
    for watch, best in (("pr_auc", max), ("loss", min)):
        wild = Training(seeds=[0], epochs=25, patience=4, batch=8, learning_rate=0.1, watch=watch)
        fitted = fit(train, validation, training=wild)
        scores = [entry["validation_pr_auc" if watch == "pr_auc" else "validation_loss"] for entry in fitted.history]
        assert scores[fitted.best_epoch - 1] == best(scores)
        assert len(scores) == min(25, fitted.best_epoch + 4)
        assert TWO.score(validation.labels, fitted.probabilities(validation.features)) == pytest.approx(
            fitted.history[fitted.best_epoch - 1]["validation_pr_auc"]
        )


def test_samples_of_no_weight_teach_nothing():
    train, validation = blobs((60, 20)), blobs((60, 20), seed=1)
    wrong = Fold(
        np.full((40, 12), 5, "f4") + np.random.default_rng(3).normal(size=(40, 12)).astype("f4"), np.ones(40, int), np.zeros(40, "f4")
    )
    spoilt = replace(wrong, weights=np.ones(40, "f4"))
    ignored, believed = (fit(train.joined(extra), validation).probabilities(validation.features)[:, 1].mean() for extra in (wrong, spoilt))
    clean = fit(train, validation).probabilities(validation.features)[:, 1].mean()
    assert abs(ignored - clean) < 0.05 < believed - clean


def test_a_larger_decay_gives_smaller_weights():
    folds = blobs((80, 20)), blobs((80, 20), seed=1)
    settings = [BRIEF.model_copy(update={"weight_decay": decay, "learning_rate": 0.03}) for decay in (0, 5)]
    free, held = (np.linalg.norm(fit(*folds, training=training).network.layers[-1].layers[-1].kernel.numpy()) for training in settings)
    assert held < free


def test_a_diverging_loss_fails_with_its_history():
    wild = BRIEF.model_copy(update={"learning_rate": 1e6, "seeds": [3]})
    with pytest.raises(ModelError, match=r"seed 3: the loss diverged in epoch 1 .*lower training.learning_rate") as caught:
        fit_seeds(blobs((60, 15)), blobs((60, 15), seed=1), TWO, LINEAR, strategy("none"), wild, threads=1)
    assert [(entry["seed"], entry["epoch"]) for entry in caught.value.history] == [(3, 1)]


def test_activations_are_read_by_the_batch(monkeypatch):
    """Memory does not grow with the dataset: maps are never all in it."""
    taken = []
    take = Features.take
    monkeypatch.setattr(Features, "take", lambda self, chosen: taken.append(len(self.row[chosen])) or take(self, chosen))
    prefix, suffix = split(tiny_backbone(), "last")
    shape = tuple(prefix.output.shape[1:])
    fold = Fold(np.random.default_rng(0).random((300, *shape), dtype="f4"), np.arange(300) % 2)
    network = assemble(suffix, shape, "linear", 2, seed=0)
    taken.clear()
    fitted = fit_keras.fit_network(network, fold, fold, fold, TWO, PLAIN, BRIEF.model_copy(update={"epochs": 2}), seed=0)
    assert max(taken) <= max(fit_keras.MAPS, BRIEF.batch + 1)
    assert fitted.probabilities(fold.features).shape == (300, 2)


def test_four_classes_and_their_shares():
    train, validation = (blobs((70, 28, 12, 10), distance=4, seed=seed) for seed in (0, 1))
    objective = objective_of(strategy("class_weights"), train.labels, FOUR.classes)
    gentle = BRIEF.model_copy(update={"learning_rate": 1e-6, "epochs": 1})
    shares = fit(train, validation, kind="class_weights", task=FOUR, training=gentle).probabilities(validation.features).mean(axis=0)
    np.testing.assert_allclose(shares, 0.25, atol=0.05)
    np.testing.assert_allclose(objective.weights * train.counts(4), len(train) / 4, rtol=1e-5)
