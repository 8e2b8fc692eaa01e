"""One battery over every registered view, model, head and strategy: it learns, and it learns the same twice.

Models of Keras go through the same checks in test_keras_battery.py: their framework needs a process of its own.
"""

import importlib

import numpy as np
import pytest

from fringeflow.config.models import Model, Strategy
from fringeflow.encoding.views import VIEWS
from fringeflow.imbalance.strategies import STRATEGIES, resolve_strategy
from fringeflow.models.registry import ARCHITECTURES, check, resolve_model
from fringeflow.training.folds import average_precision
from fringeflow.training.train import Data
from tests.unit.toy_learning import FOUR, QUICK, TWO, ToyDataset, blobs, handed, model, strategy, toy_dataset

pytestmark = pytest.mark.xdist_group("learning")
HERE = {name: entry for name, entry in ARCHITECTURES.items() if entry.framework != "keras"}
MODELS = [(name, head) for name, entry in HERE.items() for head in entry.heads]
JOINED = ("focal+augmentation", "weighted_focal+implant", "focal+logit_adjustment", "ldam_drw+curate")


def headed(name, head):
    """Resolve a model with a head on frozen features."""
    return resolve_model(name, Model(head=head, mode="frozen"), "wrapped")


VALID = [
    (name, head, kind)
    for name, head in MODELS
    for kind in (*STRATEGIES, *JOINED)
    if not check(headed(name, head), resolve_strategy(kind, Strategy()), "wrapped")
]
WHOLE = [(name, mode) for name, entry in HERE.items() for mode in entry.modes if mode != "frozen"]
ENCODED = [(name, view.name, encoding) for name in HERE for view in VIEWS.values() for encoding in view.encodings]


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyDataset:
    return toy_dataset(tmp_path_factory.mktemp("toy"), quiet=36, deformed=18)


BRIEF = QUICK.model_copy(update={"epochs": 6, "learning_rate": 0.01})


def fit(spec, kind, train, validation, task, training=QUICK):
    chosen = strategy(kind)
    fitter = importlib.import_module(spec.fitter)
    return fitter.fit(handed(train, chosen), validation, task, spec, chosen, training, seed=0, threads=1)


@pytest.mark.parametrize(("name", "view", "encoding"), ENCODED)
def test_every_model_learns_every_view_in_every_encoding(toy, name, view, encoding):
    spec = model(name, view, encodings={view: encoding}, mode="frozen")
    data = Data.read(toy.samples, toy.dataset, toy.embeddings(spec, view), threads=1)
    fitted = fit(spec, "none", data.fold("train"), data.fold("validation"), data.task)
    # Means over the maps of a network with random weights do not tell where in a spectrum a peak lies: such a network can
    # learn what it is shown, but nothing about other tiles.
    is_blind = spec.encoder_spec.weights == "none" and view == "spectrogram"
    fold = data.fold("train" if is_blind else "test")
    probabilities = fitted.probabilities(fold.features)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-9)
    score = average_precision(fold.labels == 1, probabilities[:, 1])
    assert score > 1.5 * fold.labels.mean(), f"PR-AUC {score:.2f} at a prevalence of {fold.labels.mean():.2f}"


@pytest.mark.parametrize("view", ["gather", "images", "wrapped"], ids=["recordings", "pictures", "interferograms"])
@pytest.mark.parametrize(("name", "mode"), WHOLE)
def test_networks_trained_beyond_a_head_learn_recordings_pictures_and_interferograms(toy, name, mode, view):
    spec = resolve_model(name, Model(input_size=32, mode=mode), view)
    data = Data.read(toy.samples, toy.dataset, toy.embeddings(spec, view), threads=1)
    training = QUICK.model_copy(update={"epochs": 4, "batch": 16, "learning_rate": 1e-3})
    fitted = fit(spec, "none", data.fold("train"), data.fold("validation"), data.task, training)
    losses = [entry["loss"] for entry in fitted.history]
    assert min(losses) < 0.95 * losses[0], losses
    np.testing.assert_allclose(fitted.probabilities(data.fold("test").features).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize(("name", "head", "kind"), VALID)
@pytest.mark.parametrize("task", [TWO, FOUR], ids=["two classes", "four classes"])
def test_every_valid_pair_beats_prevalence_and_is_reproducible(name, head, kind, task):
    counts = (100, 20) if task is TWO else (70, 28, 12, 10)
    train, validation, test = (blobs(counts, distance=4, seed=seed) for seed in range(3))
    spec = headed(name, head)
    fitted = fit(spec, kind, train, validation, task, BRIEF)
    probabilities = fitted.probabilities(test.features)
    prevalence = np.mean(test.labels == 1) if task is TWO else 1 / 4
    assert task.score(test.labels, probabilities) > prevalence + 0.2
    again = fit(spec, kind, train, validation, task, BRIEF)
    np.testing.assert_array_equal(again.probabilities(test.features), probabilities)


def test_strategies_are_no_decoration():
    """Each that says something to a fitter changes what is learnt, for every fitter it is defined for.

    What a strategy does to the samples themselves is done before: such kinds say nothing to a fitter.
    """
    train, validation = blobs((120, 12), seed=0), blobs((60, 6), seed=1)
    telling = [kind for kind in STRATEGIES if set(STRATEGIES[kind].sets) - {"extra", "curate"}]
    assert set(STRATEGIES) - set(telling) == {"none", "augmentation", "implant", "curate"}
    fitters = {(headed(name, head).fitter, head): name for name, head in MODELS}
    for (_, head), name in fitters.items():
        spec = headed(name, head)
        plain, *others = (
            (kind, fit(spec, kind, train, validation, TWO, BRIEF).probabilities(validation.features))
            for kind in ("none", *telling)
            if (name, head, kind) in VALID
        )
        for kind, probabilities in others:
            assert abs(probabilities - plain[1]).max() > 1e-3, (name, head, kind)


@pytest.mark.parametrize("kind", ["class_weights", "effective_number", "logit_adjustment", "oversample", "undersample", "smote"])
def test_strategies_that_correct_for_the_imbalance_raise_the_rare_class(kind):
    train, validation = blobs((300, 15), distance=1.0, seed=0), blobs((300, 15), distance=1.0, seed=1)
    spec = resolve_model("resnet18", Model(), "wrapped")
    longer = QUICK.model_copy(update={"learning_rate": 0.03, "epochs": 25})
    plain, raised = (
        fit(spec, which, train, validation, TWO, longer).probabilities(validation.features)[:, 1].mean() for which in ("none", kind)
    )
    assert raised > 2 * plain
