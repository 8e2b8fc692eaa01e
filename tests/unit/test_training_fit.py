"""The fit loop of heads, and of the SVM: what they must do whatever the seed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score

from fringeflow.config.models import Model, Training
from fringeflow.datasets.stages import Stage
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json
from fringeflow.models.registry import resolve_model
from fringeflow.models.torch_heads import SILVA_WIDTHS, build_head
from fringeflow.training import fit_sklearn, fit_torch
from fringeflow.training.cascade import shift_of
from fringeflow.training.folds import Fold, Task, average_precision, check_splits
from fringeflow.training.predict import adjusted
from fringeflow.training.train import fit_seeds, train_run
from tests.unit.toy_learning import CLASSES, FOUR, QUICK, TWO, blobs, hardly_lit, model, strategy
from tests.unit.toy_overlaps import toy

LINEAR = resolve_model("resnet18", Model(), "wrapped")
SILVA = resolve_model("resnet18", Model(head="silva"), "wrapped")
SVM = resolve_model("hog_svm", Model(), "wrapped")


def fit(train, validation, spec=LINEAR, kind="none", task=TWO, training=QUICK, seed=0):
    return fit_torch.fit(train, validation, task, spec, strategy(kind), training, seed=seed, threads=1)


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(np.int8, st.integers(1, 40), elements=st.integers(0, 6)), st.integers(0, 1000))
def test_average_precision_is_that_of_scikit_learn(scores, seed):
    positive = np.random.default_rng(seed).random(len(scores)) < 0.4
    if not positive.any():
        assert np.isnan(average_precision(positive, scores))
    else:
        assert average_precision(positive, scores.astype(float)) == pytest.approx(average_precision_score(positive, scores))


def test_the_silva_head_is_the_one_of_the_study():
    head = build_head("silva", 1280, 2)
    widths = [layer.out_features for layer in head if isinstance(layer, torch.nn.Linear)]
    assert widths == [1024, 512, 256, 128, 64, 32, 2] == [*SILVA_WIDTHS, 2]
    kinds = [type(layer).__name__ for layer in head]
    assert kinds == ["Standardise", *["Linear", "ReLU", "BatchNorm1d"] * 6, "Linear"]
    with pytest.raises(ValueError, match="valid: linear, silva"):
        build_head("mlp", 4, 2)


@pytest.mark.parametrize("head", ["linear", "silva"])
def test_every_weight_of_a_head_is_trained(head):
    """A replaced head left frozen is a trap of the reference."""
    spec = resolve_model("resnet18", Model(head=head), "wrapped")
    train = blobs((60, 20))
    torch.manual_seed(0)
    before = dict(build_head(head, 12, 2).named_parameters())
    after = dict(fit(train, blobs((60, 20), seed=1), spec).head.named_parameters())
    assert all(not torch.equal(before[name], after[name]) for name in before)


def test_standardising_knows_the_training_split_only():
    train, validation = blobs((50, 10)), blobs((50, 10), seed=1)
    shifted = Fold(validation.features.all() + 1000, validation.labels)
    mean, scale = (getattr(fit(train, shifted).head[0], name).numpy() for name in ("mean", "scale"))
    np.testing.assert_allclose(mean, train.features.all().mean(axis=0), rtol=1e-4)
    np.testing.assert_allclose(scale, train.features.all().std(axis=0), rtol=1e-3)


def test_repeating_samples_does_not_move_the_standardisation():
    train, validation = blobs((50, 5)), blobs((50, 5), seed=1)
    plain, repeated = (fit(train, validation, kind=kind).head[0].mean for kind in ("none", "oversample"))
    assert torch.equal(plain, repeated)


def test_a_constant_feature_does_no_harm():
    train, validation = blobs((50, 10)), blobs((50, 10), seed=1)
    for fold in (train, validation):
        fold.features.arrays[0][:, 3] = 7
    assert np.isfinite(fit(train, validation).probabilities(validation.features)).all()


def test_a_feature_that_one_training_tile_lights_does_not_throw_another_tile_out_of_all_bounds():
    """A ReLU that is 1e-3 in one training row and 1 in a held-out one, which lay 3e4 standard deviations out."""
    train, held = hardly_lit()
    head = fit(train, held).head[0]
    z, far = (head(torch.from_numpy(fold.features.all())).detach().numpy() for fold in (train, held))
    assert np.abs(far).max() < 25
    np.testing.assert_allclose(z[:, 2:].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(z[:, 2:].std(axis=0), 1, rtol=1e-4)


def test_the_best_epoch_on_validation_is_the_one_that_is_kept():
    train, validation = blobs((80, 12), distance=1.5), blobs((80, 12), distance=1.5, seed=1)
    fitted = fit(train, validation, training=Training(seeds=[0], epochs=40, patience=5, batch=8, learning_rate=0.05))
    scores = [entry["validation_pr_auc"] for entry in fitted.history]
    assert scores[fitted.best_epoch - 1] == max(scores)
    assert TWO.score(validation.labels, fitted.probabilities(validation.features)) == pytest.approx(max(scores))
    assert len(scores) == 40 or len(scores) == fitted.best_epoch + 5


def test_the_loss_can_be_watched_instead():
    train, validation = blobs((80, 12), distance=1.5), blobs((80, 12), distance=1.5, seed=1)
    settings = Training(seeds=[0], epochs=60, patience=5, batch=8, learning_rate=0.05, watch="loss")
    fitted = fit(train, validation, training=settings)
    losses_ = [entry["validation_loss"] for entry in fitted.history]
    assert losses_[fitted.best_epoch - 1] == min(losses_)
    assert len(losses_) == fitted.best_epoch + 5


def test_late_weights_are_waited_for_and_theirs_are_the_kept_ones():
    """Patience runs out in the first epochs, yet the classes are weighed from epoch 17 of 20 on."""
    train, validation = blobs((90, 10), distance=1.5), blobs((90, 10), distance=1.5, seed=1)
    settings = Training(seeds=[0], epochs=20, patience=1, batch=16, learning_rate=1e-6)
    fitted = fit(train, validation, kind="ldam_drw", training=settings)
    assert len(fitted.history) >= fitted.best_epoch >= 17
    losses_ = [entry["loss"] for entry in fitted.history]
    assert losses_[15] == pytest.approx(losses_[0], rel=0.01), "hardly a step"
    assert abs(losses_[16] / losses_[15] - 1) > 0.03, "other weights"
    brief = fit(train, validation, kind="ldam_drw", training=settings.model_copy(update={"epochs": 1}))
    assert brief.best_epoch == 1


def test_a_head_with_margins_predicts_from_scaled_cosines():
    train, validation = blobs((80, 20)), blobs((80, 20), seed=1)
    for spec in (LINEAR, SILVA):
        fitted = fit(train, validation, spec, kind="ldam_drw")
        logits = fitted.head(torch.from_numpy(validation.features.all())).detach()
        assert logits.abs().max() <= 1 + 1e-5 and fitted.scale == 30
        expected = 1 / (1 + np.exp(-30 * (logits[:, 1] - logits[:, 0]).double().numpy()))
        np.testing.assert_allclose(fitted.probabilities(validation.features)[:, 1], expected, rtol=1e-5)


@pytest.mark.parametrize(("fitter", "spec"), [(fit_torch, LINEAR), (fit_sklearn, SVM)], ids=["torch", "sklearn"])
def test_samples_of_no_weight_might_as_well_not_be_there(fitter, spec):
    train, validation = blobs((60, 20)), blobs((60, 20), seed=1)
    whole = QUICK.model_copy(update={"batch": 200})
    learnt = []
    for weight in (None, 0.0, 1.0):
        wrong = Fold(train.features, 1 - train.labels, np.full(80, weight, "f4"))
        fold = train if weight is None else train.joined(wrong)
        fitted = fitter.fit(fold, validation, TWO, spec, strategy("none"), whole, seed=0, threads=1)
        learnt.append(fitted.probabilities(validation.features))
    alone, ignored, believed = learnt
    np.testing.assert_allclose(alone, ignored, atol=2e-3)
    assert abs(alone - believed).max() > 0.2


def test_a_larger_decay_gives_smaller_weights():
    train, validation = blobs((80, 20)), blobs((80, 20), seed=1)
    settings = [QUICK.model_copy(update={"weight_decay": decay, "learning_rate": 0.03}) for decay in (0, 5)]
    free, held = (fit(train, validation, training=training).head[-1].weight.norm() for training in settings)
    assert held < free


def test_training_starts_from_the_classes_shares():
    """A head that has learnt nothing from its features predicts the prevalence, not one half."""
    noise = [Fold(np.random.default_rng(seed).normal(size=(400, 6)).astype("f4"), np.arange(400) % 20 // 19) for seed in (0, 1)]
    gentle = QUICK.model_copy(update={"learning_rate": 1e-5, "epochs": 1})
    expected = {"none": 0.05, "class_weights": 0.5, "oversample": 0.5, "smote": 0.5, "undersample": 0.5}
    expected["logit_adjustment"] = 0.5  # its loss knows the prior, the head need not
    effective = 1 - 0.999 ** np.array([380, 20])
    expected["effective_number"] = 20 / effective[1] / sum([380, 20] / effective)
    for kind, share in expected.items():
        assert fit(*noise, kind=kind, training=gentle).probabilities(noise[1].features)[:, 1].mean() == pytest.approx(share, abs=0.03)


def test_seeds_differ_and_each_is_reproducible():
    train, validation = blobs((60, 15), distance=1), blobs((60, 15), distance=1, seed=1)
    one, same, other = (fit(train, validation, SILVA, seed=seed).probabilities(validation.features) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert abs(one - other).max() > 1e-4


def test_the_order_of_the_classes_does_not_matter_to_the_svm():
    train, validation = blobs((60, 15)), blobs((60, 15), seed=1)
    turned = [Fold(fold.features, 1 - fold.labels) for fold in (train, validation)]
    one = fit_sklearn.fit(train, validation, TWO, SVM, strategy("class_weights"), QUICK, seed=0, threads=1)
    two = fit_sklearn.fit(*turned, Task(CLASSES[::-1], "deformation"), SVM, strategy("class_weights"), QUICK, seed=0, threads=1)
    np.testing.assert_allclose(one.probabilities(validation.features)[:, ::-1], two.probabilities(validation.features), atol=2e-3)


def test_the_svm_is_calibrated_by_a_single_validation_sample_of_a_class(tmp_path):
    """As of a rare class of nine recordings in three parts; it once asked for as many as it has folds."""
    train, validation = blobs((30, 8), distance=5, seed=0), blobs((9, 1), distance=5, seed=1)
    spec = model("hog_svm")
    fitted = fit_sklearn.fit(train, validation, TWO, spec, strategy("none"), QUICK, seed=0, threads=1)
    fitted.save(tmp_path, "one")
    read = fit_sklearn.load(tmp_path, "one", spec, TWO)
    np.testing.assert_array_equal(read.probabilities(train.features), fitted.probabilities(train.features))


def test_the_svm_sees_the_validation_split_for_its_calibration_alone():
    train, validation = blobs((60, 15)), blobs((60, 15), seed=1)
    one = fit_sklearn.fit(train, validation, TWO, SVM, strategy("none"), QUICK, seed=0, threads=1)
    two = fit_sklearn.fit(train, blobs((30, 30), seed=5), TWO, SVM, strategy("none"), QUICK, seed=0, threads=1)
    first, second = (fitted.model.calibrated_classifiers_[0].estimator.estimator for fitted in (one, two))
    held = validation.features.all()
    np.testing.assert_array_equal(first.decision_function(held), second.decision_function(held))
    assert abs(one.probabilities(validation.features) - two.probabilities(validation.features)).max() > 0.01


def test_nan_features_are_refused():
    features = np.zeros((4, 3), "f4")
    features[2, 1] = np.nan
    with pytest.raises(ModelError, match=r"1 of 4 samples have features that are NaN or infinite \(first: number 2\)"):
        Fold(features, np.zeros(4, int))


def test_a_diverging_loss_fails_with_its_history():
    train, validation = blobs((60, 15)), blobs((60, 15), seed=1)
    wild = QUICK.model_copy(update={"learning_rate": 1e6, "seeds": [3]})
    with pytest.raises(ModelError, match=r"seed 3: the loss diverged in epoch 1 .*lower training.learning_rate") as caught:
        fit_seeds(train, validation, TWO, SILVA, strategy("none"), wild, threads=1)
    assert caught.value.history[0]["seed"] == 3
    assert caught.value.history[0]["epoch"] == 1


def test_a_fit_that_no_seed_can_change_is_made_once():
    train, validation = blobs((60, 15)), blobs((60, 15), seed=1)
    three = QUICK.model_copy(update={"seeds": [0, 1, 2]})
    assert len({id(one) for one in fit_seeds(train, validation, TWO, SVM, strategy("none"), three, threads=1)}) == 1
    for kind in ("oversample", "undersample", "smote"):
        assert len({id(one) for one in fit_seeds(train, validation, TWO, SVM, strategy(kind), three, threads=1)}) == 3
    assert len({id(one) for one in fit_seeds(train, validation, TWO, LINEAR, strategy("none"), three, threads=1)}) == 3


def test_a_missing_class_is_named_with_its_split_and_a_remedy():
    table = pd.DataFrame({"split": ["train", "train", "validation", "test", "test"], "label": [*CLASSES, "no_deformation", *CLASSES]})
    with pytest.raises(
        DatasetError, match=r"x\.parquet: the validation split has no sample of class 'deformation'\. Give the split by hand"
    ):
        check_splits(table, TWO, source="x.parquet")
    with pytest.raises(DatasetError, match=r"the validation split has no sample.*; the test split is empty"):
        check_splits(table[:3], TWO, source="x.parquet")


def test_tasks_know_their_classes():
    np.testing.assert_array_equal(TWO.numbers(pd.Series(["deformation", "no_deformation"])), [1, 0])
    with pytest.raises(DatasetError, match="label 'ambiguous' is not one of the classes"):
        TWO.numbers(pd.Series(["ambiguous"]))
    with pytest.raises(DatasetError, match="at least two"):
        Task(("only",))
    with pytest.raises(DatasetError, match="positive class 'x'"):
        Task(CLASSES, "x")
    perfect = np.eye(4)
    assert FOUR.score(np.arange(4), perfect) == 1


@pytest.mark.parametrize(
    "stages", [(), (Stage("kinds", {"noise": ("DNS", "Tip-off")}), Stage("noise", split="noise"))], ids=["at once", "cascade"]
)
@pytest.mark.parametrize("name", ["hog_svm", "resnet18"])
def test_adjusted_after_training_all_classes_are_found_alike_whatever_their_shares_in_either_split(tmp_path, name, stages):
    """The prior that is taken off is the one that the probabilities have: of a calibrated model, the validation split's."""
    spec = replace(model(name), stages=stages)
    train, validation, test = (
        blobs(counts, distance=3, seed=seed) for seed, counts in enumerate([(700, 60, 60, 60), (60, 60, 60, 600), (300,) * 4])
    )
    after = strategy("logit_adjustment", when="post_hoc")
    fitted = fit_seeds(train, validation, FOUR, spec, after, QUICK.model_copy(update={"epochs": 40}), threads=1)[0]
    shares = adjusted(fitted.probabilities(test.features), shift_of(spec, after, train, validation, 4)).mean(axis=0)
    assert shares.min() > 0.6 / 4 and shares.max() < 1.5 / 4, shares


def test_a_run_takes_off_the_prior_of_the_split_that_calibrates_it(tmp_path):
    made = toy(tmp_path)
    table = made.table()
    table[(table["split"] != "validation") | (table["label"] == CLASSES[0]) | (table["event"] == "f")].to_parquet(made.samples, index=False)
    for name, shares in (("hog_svm", [32 / 41, 9 / 41]), ("resnet18", [0.64, 0.36])):
        after = strategy("logit_adjustment", when="post_hoc")
        train_run(*made.paths, tmp_path / name, view="wrapped", model=model(name), strategy=after, settings=QUICK)
        assert read_json(tmp_path / name / "run.json")["adjust"] == pytest.approx(np.log(shares))


def test_logit_adjustment_in_the_loss_and_after_training_are_one_and_rank_two_classes_as_without():
    """The bias takes up what the loss adds: `when` of the configuration says so."""
    train, validation = (blobs((300, 15), distance=1.0, seed=seed) for seed in (0, 1))
    plain, trained = (fit(train, validation, kind=kind).probabilities(validation.features) for kind in ("none", "logit_adjustment"))
    after = adjusted(plain, strategy("logit_adjustment", when="post_hoc").adjustment(train.labels, 2))
    np.testing.assert_allclose(trained, after, atol=1e-4)
    np.testing.assert_array_equal(np.argsort(plain[:, 1]), np.argsort(trained[:, 1]))
    assert trained[:, 1].mean() > 2 * plain[:, 1].mean()
