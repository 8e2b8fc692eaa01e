"""Metrics are scikit-learn's, ties and weights included, for many weightings at once; what is undefined is NaN."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from fringeflow.evaluation import metrics
from fringeflow.evaluation.metrics import Ranking

WEIGHTED = st.integers(0, 2**32 - 1)


def binary(seed: int, n: int = 60, levels: int | None = None):
    """A problem with both classes, scores on few levels (many ties) or many, and three weightings (the third with zeros)."""
    rng = np.random.default_rng(seed)
    y = rng.random(n) < rng.uniform(0.05, 0.6)
    y[:2] = [True, False]
    score = rng.random(n) + 0.3 * y
    score = np.round(score * levels) / levels if levels else score
    weights = np.stack([np.ones(n), rng.exponential(size=n), rng.poisson(1, n)])
    weights[2, :2] = 1
    return y, score, weights


def multi(seed: int, n: int = 80, classes: int = 4):
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(classes), rng.choice(classes, n - classes, p=rng.dirichlet(np.ones(classes))))
    p = rng.dirichlet(np.ones(classes), n) + 0.4 * np.eye(classes)[y]
    weights = np.stack([np.ones(n), rng.exponential(size=n), rng.poisson(1, n)])
    weights[2, :classes] = 1
    return y, p / p.sum(1, keepdims=True), weights


@given(WEIGHTED, st.sampled_from([None, 2, 5, 20]))
@settings(max_examples=25, deadline=None)
def test_areas_under_the_curves(seed, levels):
    y, score, weights = binary(seed, levels=levels)
    true, false = Ranking.of(y, score).curves(weights)
    wanted = [[f(y, score, sample_weight=w) for w in weights] for f in (reference.average_precision_score, reference.roc_auc_score)]
    np.testing.assert_allclose(metrics.average_precision(true, false), wanted[0], rtol=1e-12)
    np.testing.assert_allclose(metrics.roc_auc(true, false), wanted[1], rtol=1e-12)


@given(WEIGHTED, st.sampled_from([2, 4]))
@settings(max_examples=20, deadline=None)
def test_scores_of_decisions(seed, classes):
    y, p, weights = multi(seed, classes=classes)
    predicted = p.argmax(1)
    matrices = metrics.confusion(y, predicted, weights, classes)
    precision, recall, f1 = metrics.precision_recall_f1(matrices)
    for i, w in enumerate(weights):
        np.testing.assert_allclose(matrices[i], reference.confusion_matrix(y, predicted, sample_weight=w))
        assert metrics.accuracy(matrices)[i] == pytest.approx(reference.accuracy_score(y, predicted, sample_weight=w))
        assert metrics.matthews(matrices)[i] == pytest.approx(reference.matthews_corrcoef(y, predicted, sample_weight=w))
        wanted = reference.precision_recall_fscore_support(y, predicted, sample_weight=w, labels=range(classes), zero_division=0)
        np.testing.assert_allclose([precision[i], recall[i], f1[i]], wanted[:3], rtol=1e-12)


@given(WEIGHTED, st.sampled_from([2, 4]))
@settings(max_examples=15, deadline=None)
def test_scores_of_probabilities(seed, classes):
    y, p, weights = multi(seed, classes=classes)
    p[3] = np.eye(classes)[(y[3] + 1) % classes]
    for w, brier, loss in zip(
        weights, metrics.mean(metrics.brier(y, p), weights), metrics.mean(metrics.log_loss(y, p), weights), strict=True
    ):
        assert brier == pytest.approx(reference.brier_score_loss(y, p, sample_weight=w, scale_by_half=True, labels=range(classes)))
        assert loss == pytest.approx(reference.log_loss(y, p, sample_weight=w, labels=range(classes)))
    if classes == 2:
        assert metrics.mean(metrics.brier(y, p), np.ones(len(y))) == pytest.approx(reference.brier_score_loss(y, p[:, 1]))


@given(WEIGHTED, st.sampled_from([3, 50]), st.floats(0, 40))
@settings(max_examples=60, deadline=None)
def test_recall_at_false_alarms_is_the_best_of_all_thresholds(seed, levels, tolerated):
    y, score, weights = binary(seed, levels=levels)
    assume(all(abs(f - tolerated) > 1e-6 for f in Ranking.of(y, score).curves(weights)[1].ravel()))
    found = metrics.recall_at_false_alarms(*Ranking.of(y, score).curves(weights), tolerated)
    for w, value in zip(weights, found, strict=True):
        called = [score >= threshold for threshold in np.append(np.unique(score), np.inf)]
        allowed = [w[c & y].sum() / w[y].sum() for c in called if w[c & ~y].sum() <= tolerated]
        assert value == pytest.approx(max(allowed))


def test_false_alarms_are_counted_exactly_at_the_limit():
    y, score = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.6])
    curves = Ranking.of(y, score).curves(np.ones(4))
    assert [float(metrics.recall_at_false_alarms(*curves, limit)) for limit in (0, 0.99, 1, 2)] == [0.5, 0.5, 1, 1]


def test_one_weighting_and_many_agree():
    y, score, weights = binary(1, n=500, levels=40)
    ranking = Ranking.of(y, score)
    together = metrics.average_precision(*ranking.curves(weights))
    assert together.shape == (3,)
    assert [float(metrics.average_precision(*ranking.curves(w))) for w in weights] == pytest.approx(together.tolist())


def test_weights_count_how_often_a_sample_stands_there():
    y, score, weights = binary(5, levels=8)
    times = weights[2].astype(int)
    repeated = Ranking.of(np.repeat(y, times), np.repeat(score, times))
    for f in (metrics.average_precision, metrics.roc_auc):
        assert f(*Ranking.of(y, score).curves(weights[2])) == pytest.approx(f(*repeated.curves(np.ones(times.sum()))))


def test_the_calibration_curve_is_scikit_learn_s():
    from sklearn.calibration import calibration_curve

    y, score, _ = binary(3, n=400)
    score = np.clip(score, 0, 1)
    table = metrics.calibration(y, score, np.ones(400))
    filled = table[table[:, 0] > 0]
    frequency, probability = calibration_curve(y, score, n_bins=10)
    np.testing.assert_allclose(filled[:, 2] / filled[:, 0], frequency)
    np.testing.assert_allclose(filled[:, 1] / filled[:, 0], probability)
    gaps = np.abs(frequency - probability) * filled[:, 0] / 400
    assert metrics.expected_calibration_error(table) == pytest.approx(gaps.sum())


def test_a_certain_and_right_classifier_is_calibrated_and_its_probability_one_has_a_bin():
    y = np.array([True, False, True])
    assert metrics.expected_calibration_error(metrics.calibration(y, y.astype(float), np.ones(3))) == 0


def test_what_is_undefined_is_nan_and_not_a_bad_score():
    score = np.array([0.1, 0.6, 0.9])
    none, every = np.zeros(3, bool), np.ones(3, bool)
    for y in (none, every):
        assert np.isnan(metrics.roc_auc(*Ranking.of(y, score).curves(np.ones(3))))
        assert np.isnan(metrics.matthews(metrics.confusion(y.astype(int), (score > 0.5).astype(int), np.ones(3), 2)))
    assert np.isnan(metrics.average_precision(*Ranking.of(none, score).curves(np.ones(3))))
    assert np.isnan(metrics.recall_at_false_alarms(*Ranking.of(none, score).curves(np.ones(3)), 1.0))
    precision, recall, f1 = metrics.precision_recall_f1(metrics.confusion(none.astype(int), none.astype(int), np.ones(3), 2))
    assert (precision[1], np.isnan(recall[1]), np.isnan(f1[1])) == (0, True, True)


def test_always_saying_no_is_worth_nothing():
    y = np.array([0] * 95 + [1] * 5)
    matrix = metrics.confusion(y, np.zeros(100, int), np.ones(100), 2)
    assert (metrics.accuracy(matrix), metrics.matthews(matrix), metrics.precision_recall_f1(matrix)[2][1]) == (0.95, 0, 0)


def test_knowing_nothing_gets_the_prevalence():
    y = np.arange(1000) % 20 == 0
    curves = Ranking.of(y, np.full(1000, 0.3)).curves(np.ones(1000))
    assert metrics.average_precision(*curves) == pytest.approx(0.05)
    assert metrics.roc_auc(*curves) == pytest.approx(0.5)


def test_a_score_that_is_nan_is_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are NaN"):
        Ranking.of(np.array([True, False]), np.array([0.5, np.nan]))
