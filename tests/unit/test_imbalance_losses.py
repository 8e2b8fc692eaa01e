"""Losses, weights and samplers against closed forms; NumPy and PyTorch agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.errors import DatasetError
from fringeflow.imbalance import losses
from fringeflow.imbalance.sampling import oversample, resample
from fringeflow.imbalance.strategies import StrategySpec
from fringeflow.imbalance.weights import balanced_weights, weights_of

ONES = np.ones(2)


def binary_logits(p: float) -> np.ndarray:
    """Logits whose softmax gives the second class the probability p."""
    return np.array([[0.0, np.log(p / (1 - p))]])


@pytest.mark.parametrize("p", [0.01, 0.3, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
def test_focal_is_the_formula_of_study_a(p, gamma):
    for alpha in (0.25, 1.0):
        expected = -alpha * (1 - p) ** gamma * np.log(p)
        found = losses.focal(binary_logits(p), np.array([1]), np.array([1.0, alpha]), gamma=gamma)
        assert found == pytest.approx(expected, rel=1e-9)


def test_focal_numbers_of_the_paper():
    """Lin et al., section 3.2: with gamma 2, p = 0.9 counts 100 times less than in cross-entropy, p = 0.968 about 1000 times."""
    for p, times in ((0.9, 100), (0.968, 1000)):
        ratio = losses.cross_entropy(binary_logits(p), np.array([1]), ONES) / losses.focal(binary_logits(p), np.array([1]), ONES, gamma=2)
        assert ratio == pytest.approx(times, rel=0.05)
    assert losses.focal(binary_logits(0.9), np.array([1]), 0.25 * ONES, gamma=2) == pytest.approx(2.634e-4, rel=1e-3)


def test_cross_entropy_of_equal_logits_is_the_logarithm_of_the_number_of_classes():
    assert losses.cross_entropy(np.zeros((5, 4)), np.array([0, 1, 2, 3, 0]), np.ones(4)) == pytest.approx(np.log(4))


def test_no_logit_is_too_large():
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]])
    assert losses.focal(logits, np.array([0, 1]), ONES, gamma=2) == 0
    assert np.isfinite(losses.focal(logits, np.array([1, 0]), ONES, gamma=2))


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(1, 20), st.sampled_from([0.0, 0.3, 1.0, 2.0, 5.0]), st.integers(0, 10_000))
def test_pytorch_mirrors_numpy(classes, count, gamma, seed):
    torch = pytest.importorskip("torch")
    from fringeflow.imbalance import losses_torch

    rng = np.random.default_rng(seed)
    logits, labels, weights = rng.normal(0, 4, (count, classes)), rng.integers(0, classes, count), rng.uniform(0.1, 5, classes)
    given_ = torch.tensor(logits, requires_grad=True), torch.tensor(labels), torch.tensor(weights)
    mirrored = losses_torch.focal(*given_, gamma=gamma)
    assert float(mirrored.detach()) == pytest.approx(losses.focal(logits, labels, weights, gamma=gamma), rel=1e-9, abs=1e-12)
    mirrored.backward()
    assert torch.isfinite(given_[0].grad).all()
    plain = losses_torch.cross_entropy(*given_)
    assert float(plain.detach()) == pytest.approx(losses.cross_entropy(logits, labels, weights), rel=1e-9)


def test_gradients_stay_finite_where_the_answer_is_certain():
    torch = pytest.importorskip("torch")
    from fringeflow.imbalance import losses_torch

    for gamma in (0.5, 1.0, 2.0):
        logits = torch.tensor([[80.0, -80.0]], requires_grad=True)
        losses_torch.focal(logits, torch.tensor([0]), torch.ones(2), gamma=gamma).backward()
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("classes", [("deformation", "no_deformation"), ("no_deformation", "deformation")])
def test_alpha_goes_to_the_class_it_names_whatever_the_order(classes):
    """Folders sort alphabetically, and the reference gave alpha to the wrong class."""
    strategy = StrategySpec("focal", "focal", loss="focal", gamma=0.0, alpha={"deformation": 3.0, "no_deformation": 1.0})
    weights = np.array(strategy.alpha_of(classes))
    rare = classes.index("deformation")
    equal = np.zeros((1, 2))
    assert losses.focal(equal, np.array([rare]), weights, gamma=0) == pytest.approx(3 * np.log(2))
    assert losses.focal(equal, np.array([1 - rare]), weights, gamma=0) == pytest.approx(np.log(2))


def test_balanced_weights_are_n_over_k_n_i():
    labels = np.array([0] * 90 + [1] * 9 + [2])
    weights = balanced_weights(labels, 3)
    np.testing.assert_allclose(weights, [100 / 270, 100 / 27, 100 / 3], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
    np.testing.assert_array_equal(weights_of("none", labels, 3), np.ones(3))
    with pytest.raises(DatasetError, match="class number 1 has no sample"):
        balanced_weights(np.array([0, 0]), 2)
    with pytest.raises(ValueError, match="valid: balanced, none"):
        weights_of("heavy", labels, 3)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=2, max_size=5), st.floats(0.05, 1), st.integers(0, 99))
def test_oversampling_reaches_the_ratio_and_loses_nothing(counts, ratio, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    chosen = oversample(labels, ratio=ratio, seed=seed)
    assert set(chosen) == set(range(len(labels)))
    after = np.bincount(labels[chosen])
    np.testing.assert_array_equal(after, np.maximum(counts, np.ceil(ratio * max(counts) - 1e-9)))
    np.testing.assert_array_equal(chosen, oversample(labels, ratio=ratio, seed=seed))


def test_oversampling_depends_on_the_seed_alone():
    labels = np.array([0] * 200 + [1] * 20)
    assert not np.array_equal(oversample(labels, ratio=1, seed=0), oversample(labels, ratio=1, seed=1))
    np.testing.assert_array_equal(resample("none", labels, ratio=None, seed=0), np.arange(220))
    assert len(resample("oversample", labels, ratio=None, seed=0)) == 400
    with pytest.raises(ValueError, match="valid: none, oversample"):
        resample("smoat", labels, ratio=1, seed=0)
