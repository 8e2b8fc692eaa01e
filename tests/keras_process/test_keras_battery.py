"""The battery over every model of Keras, head, mode and strategy: it learns, and it learns the same twice."""

import numpy as np
import pytest

from fringeflow.config.models import Model, Strategy
from fringeflow.imbalance.objective import objective_of
from fringeflow.imbalance.strategies import STRATEGIES, resolve_strategy
from fringeflow.models.keras_networks import assemble
from fringeflow.models.keras_split import split
from fringeflow.models.registry import ARCHITECTURES, check, resolve_model
from fringeflow.training import fit_keras
from fringeflow.training.folds import Fold, average_precision
from fringeflow.training.resample import resampled
from fringeflow.training.train import Data, train_run
from tests.keras_process.tiny import stripes, tiny_backbone
from tests.unit.toy_learning import QUICK, TWO, ToyDataset, blobs, handed, strategy, toy_dataset

KERAS = [name for name, entry in ARCHITECTURES.items() if entry.framework == "keras"]
JOINED = ("focal+augmentation", "weighted_focal+implant", "ldam_drw+curate")
MAPPED = ("none", "class_weights", "weighted_focal", "ldam_drw", "oversample")
"""Kinds for the head on a frozen map, whose fit is the same code for all models and costs five times the linear one's."""
BRIEF = QUICK.model_copy(update={"epochs": 5, "learning_rate": 0.02})
VALID = [
    (name, head, kind)
    for name in KERAS
    for head in ARCHITECTURES[name].heads
    for kind in (*STRATEGIES, *JOINED)
    if not check(resolve_model(name, Model(head=head), "wrapped"), resolve_strategy(kind, Strategy()), "wrapped")
    and (head == "linear" or (name == KERAS[0] and kind in MAPPED))
]


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyDataset:
    return toy_dataset(tmp_path_factory.mktemp("toy"), quiet=20, deformed=8, views=("wrapped", "gather", "images"))


@pytest.mark.parametrize(("name", "head", "kind"), VALID)
def test_every_valid_pair_beats_prevalence_and_is_reproducible(name, head, kind):
    train, validation, test = (blobs((100, 20), distance=4, seed=seed) for seed in range(3))
    if head == "silva":
        train, validation, test = (Fold(fold.features.all().reshape(-1, 2, 2, 3), fold.labels) for fold in (train, validation, test))
    spec, chosen = resolve_model(name, Model(head=head), "wrapped"), strategy(kind)
    fits = 2 if name == KERAS[0] else 1  # with all of a backbone frozen, a second fit of another model is the same code
    first, *again = (
        fit_keras.fit(handed(train, chosen), validation, TWO, spec, chosen, BRIEF, seed=0, threads=1).probabilities(test.features)
        for _ in range(fits)
    )
    np.testing.assert_allclose(first.sum(axis=1), 1, atol=1e-9)
    assert TWO.score(test.labels, first) > np.mean(test.labels) + 0.2
    for other in again:
        np.testing.assert_array_equal(other, first)


@pytest.mark.parametrize("kind", ["none", "focal", "ldam_drw", "oversample", "logit_adjustment"])
@pytest.mark.parametrize("cut", ["last", "input"])
def test_layers_of_a_backbone_are_trained_under_every_kind_of_objective(cut, kind):
    prefix, suffix = split(tiny_backbone(), cut)
    train, validation, test = (stripes((60, 20), seed=seed) for seed in range(3))
    if prefix is not None:
        train, validation, test = (
            Fold(prefix.predict(fold.features.all(), verbose=0), fold.labels, fold.weights) for fold in (train, validation, test)
        )
    chosen = strategy(kind)
    seen = resampled(train, chosen, 2, 0)
    objective = objective_of(chosen, seen.labels, TWO.classes)
    network = assemble(suffix, train.features.shape, "linear", 2, seed=0, normalised=chosen.margin != "none")
    fitted = fit_keras.fit_network(network, train, seen, validation, TWO, objective, BRIEF.model_copy(update={"epochs": 12}), seed=0)
    assert average_precision(test.labels == 1, fitted.probabilities(test.features)[:, 1]) > 0.5, "at a prevalence of 0.25"


@pytest.mark.parametrize("name", KERAS)
def test_every_model_learns_from_tiles(toy, name, tmp_path):
    spec = resolve_model(name, Model(input_size=75), "wrapped")
    embeddings = toy.embeddings(spec, "wrapped")
    data = Data.read(toy.samples, toy.dataset, embeddings, threads=1)
    fitted = fit_keras.fit(data.fold("train"), data.fold("validation"), data.task, spec, strategy("none"), QUICK, seed=0, threads=1)
    test = data.fold("test")
    probabilities = fitted.probabilities(test.features)
    again = fit_keras.fit(data.fold("train"), data.fold("validation"), data.task, spec, strategy("none"), QUICK, seed=0, threads=1)
    np.testing.assert_array_equal(again.probabilities(test.features), probabilities)
    score = average_precision(test.labels == 1, probabilities[:, 1])
    assert score > 1.5 * test.labels.mean(), f"PR-AUC {score:.2f} at a prevalence of {test.labels.mean():.2f}"


@pytest.mark.parametrize("view", ["gather", "images"], ids=["recordings", "pictures"])
@pytest.mark.parametrize("name", KERAS)
def test_every_model_is_trained_on_recordings_and_pictures(toy, name, view):
    """With random weights their means over maps need not tell other samples apart, but what a head is shown it can learn."""
    spec = resolve_model(name, Model(input_size=80, head="linear"), view)
    data = Data.read(toy.samples, toy.dataset, toy.embeddings(spec, view), threads=1)
    fitted = fit_keras.fit(data.fold("train"), data.fold("validation"), data.task, spec, strategy("none"), QUICK, seed=0, threads=1)
    losses = [entry["loss"] for entry in fitted.history]
    assert losses[-1] < 0.95 * losses[0], losses
    np.testing.assert_allclose(fitted.probabilities(data.fold("test").features).sum(axis=1), 1, atol=1e-6)


def test_a_partial_run_is_trained_kept_and_applied(toy, tmp_path):
    """From tiles to predictions: activations in the cache, layers and head trained, and both read back for the test split."""
    spec = resolve_model("vgg19", Model(input_size=32, mode="partial", head="silva"), "wrapped")
    brief = QUICK.model_copy(update={"epochs": 2, "learning_rate": 1e-4})
    embeddings = toy.embeddings(spec, "wrapped")
    train_run(toy.samples, toy.dataset, embeddings, tmp_path, view="wrapped", model=spec, strategy=strategy("focal"), settings=brief)
    assert (tmp_path / "model" / "seed0.weights.h5").is_file() and (tmp_path / "predictions.parquet").is_file()
    assert spec.encoder_spec.key in str(embeddings) and spec.encoder_spec.key.endswith("-block5_conv1")
