"""Weights, samplers and batches: closed forms, and what must hold for any labels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.errors import DatasetError
from fringeflow.imbalance.sampling import oversample, resample, smote, stratified_batches, undersample
from fringeflow.imbalance.weights import balanced_weights, effective_weights, weights_of
from fringeflow.training.features import Features
from fringeflow.training.folds import Fold
from fringeflow.training.resample import resampled
from tests.unit.toy_learning import strategy

COUNTS = st.lists(st.integers(1, 40), min_size=2, max_size=5)


def labels_of(counts) -> np.ndarray:
    return np.repeat(np.arange(len(counts)), counts)


def test_balanced_weights_are_n_over_k_n_i():
    labels = labels_of([90, 9, 1])
    weights = balanced_weights(labels, 3)
    np.testing.assert_allclose(weights, [100 / 270, 100 / 27, 100 / 3], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
    np.testing.assert_array_equal(weights_of("none", labels, 3), np.ones(3))
    with pytest.raises(DatasetError, match="class number 1 has no sample"):
        balanced_weights(np.array([0, 0]), 2)
    for kind in ("heavy", "effective"):
        with pytest.raises(ValueError, match="valid: balanced, effective with beta, none"):
            weights_of(kind, labels, 3)


def test_effective_number_of_the_paper():
    """Cui et al.: E_n = (1 - beta^n) / (1 - beta); for beta 0.999, 632.3 of 1000 samples and 9.955 of 10 are effective."""
    labels = labels_of([1000, 10])
    many, few = effective_weights(labels, 2, beta=0.999)
    assert few / many == pytest.approx(632.3 / 9.955, rel=1e-4)
    assert (1000 * many + 10 * few) / 1010 == pytest.approx(1)
    np.testing.assert_allclose(effective_weights(labels, 2, beta=0), [1, 1])
    np.testing.assert_allclose(effective_weights(labels, 2, beta=1 - 1e-9), balanced_weights(labels, 2), rtol=1e-4)
    with pytest.raises(DatasetError, match="class number 2 has no sample"):
        effective_weights(labels, 3, beta=0.9)


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.floats(0.05, 1), st.integers(0, 99))
def test_oversampling_reaches_the_ratio_and_loses_nothing(counts, ratio, seed):
    labels = labels_of(counts)
    chosen = oversample(labels, ratio=ratio, seed=seed)
    assert set(chosen) == set(range(len(labels)))
    after = np.bincount(labels[chosen])
    np.testing.assert_array_equal(after, np.maximum(counts, np.ceil(ratio * max(counts) - 1e-9)))
    np.testing.assert_array_equal(chosen, oversample(labels, ratio=ratio, seed=seed))


@settings(max_examples=40, deadline=None)
@given(COUNTS, st.floats(0.05, 1), st.integers(0, 99))
def test_undersampling_reaches_the_ratio_and_repeats_nothing(counts, ratio, seed):
    labels = labels_of(counts)
    chosen = undersample(labels, ratio=ratio, seed=seed)
    assert len(set(chosen)) == len(chosen)
    after = np.bincount(labels[chosen])
    np.testing.assert_array_equal(after, np.minimum(counts, np.floor(min(counts) / ratio + 1e-9)))
    assert after.min() == min(counts) >= ratio * after.max() - 1e-6
    np.testing.assert_array_equal(chosen, undersample(labels, ratio=ratio, seed=seed))


def test_sampling_depends_on_the_seed_alone():
    labels = labels_of([200, 20])
    for sampler, size in (("oversample", 400), ("undersample", 40)):
        one, two = (resample(sampler, labels, ratio=1, seed=seed) for seed in (0, 1))
        assert len(one) == size and not np.array_equal(one, two)
    np.testing.assert_array_equal(resample("none", labels, ratio=1, seed=0), np.arange(220))
    with pytest.raises(ValueError, match="valid: none, oversample, undersample"):
        resample("smoat", labels, ratio=1, seed=0)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(2, 30), min_size=2, max_size=4), st.integers(0, 99))
def test_smote_draws_on_lines_within_a_class(counts, seed):
    """Classes lie on separate lines: whatever is between two members of a class lies on its line, and inside its range."""
    labels = labels_of(counts)
    along = np.random.default_rng(seed).uniform(0, 1, len(labels)).astype("f4")
    features = np.stack([along, labels.astype("f4"), 2 * along + labels], axis=1)
    made, made_labels = smote(features, labels, ratio=1, seed=seed)
    np.testing.assert_array_equal(np.bincount(np.append(labels, made_labels)), max(counts))
    np.testing.assert_allclose(made[:, 1], made_labels, atol=1e-5)
    np.testing.assert_allclose(made[:, 2], 2 * made[:, 0] + made_labels, atol=1e-5)
    for name in range(len(counts)):
        ends, inside = along[labels == name], made[made_labels == name, 0]
        assert ((inside >= ends.min() - 1e-6) & (inside <= ends.max() + 1e-6)).all()
    again, _ = smote(features, labels, ratio=1, seed=seed)
    np.testing.assert_array_equal(made, again)


def test_smote_of_a_single_sample_is_refused_and_of_large_classes_makes_nothing():
    features = np.random.default_rng(0).normal(size=(9, 3)).astype("f4")
    with pytest.raises(DatasetError, match="class number 1 has one training sample and needs two"):
        smote(features, labels_of([8, 1]), ratio=0.5, seed=0)
    assert len(smote(features, labels_of([8, 1]), ratio=0.1, seed=0)[0]) == 0


def test_a_fold_is_resampled_with_its_weights():
    features = np.random.default_rng(0).normal(size=(12, 3)).astype("f4")
    fold = Fold(Features.of(features), labels_of([9, 3]), np.linspace(0.1, 1, 12, dtype="f4"))
    assert resampled(fold, strategy("focal"), 2, 0) is fold
    for kind, counts in (("oversample", [9, 9]), ("undersample", [3, 3])):
        seen = resampled(fold, strategy(kind), 2, 0)
        np.testing.assert_array_equal(seen.counts(2), counts)
        order = [int(np.flatnonzero((features == row).all(axis=1))[0]) for row in seen.features.all()]
        np.testing.assert_array_equal(seen.labels, fold.labels[order])
        np.testing.assert_array_equal(seen.weights, fold.weights[order])
    seen = resampled(fold, strategy("smote", ratio=2 / 3), 2, 0)
    np.testing.assert_array_equal(seen.counts(2), [9, 6])
    np.testing.assert_array_equal(seen.features.all()[:12], features)
    np.testing.assert_allclose(seen.weights[12:], fold.weights[9:].mean(), rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(2, 50), st.integers(0, 99))
def test_every_batch_has_each_class_s_share(counts, batch, seed):
    labels = np.random.default_rng(seed).permutation(labels_of(counts))
    batches = stratified_batches(labels, batch, np.random.default_rng(seed))
    np.testing.assert_array_equal(np.sort(np.concatenate(batches)), np.arange(len(labels)))
    sizes = [len(rows) for rows in batches]
    assert max(sizes) - min(sizes) <= 1 and min(sizes) >= min(batch, len(labels)) >= 2
    for name, count in enumerate(counts):
        held = [int((labels[rows] == name).sum()) for rows in batches]
        assert set(held) <= {count // len(batches), -(-count // len(batches))}


def test_batches_are_drawn_anew_by_the_generator():
    labels = labels_of([40, 8])
    one, same, other = (stratified_batches(labels, 8, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(*pair) for pair in zip(one, same, strict=True))
    assert not all(np.array_equal(*pair) for pair in zip(one, other, strict=True))
