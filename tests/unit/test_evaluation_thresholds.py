"""The threshold chosen is the best there is, with room on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef

from fringeflow.evaluation.thresholds import choose_threshold, decide


@given(st.integers(0, 2**32 - 1), st.sampled_from([("f1", f1_score), ("mcc", matthews_corrcoef)]), st.sampled_from([5, 1000]))
@settings(max_examples=15, deadline=None)
def test_no_other_threshold_is_better(seed, objective, levels):
    name, score_of = objective
    rng = np.random.default_rng(seed)
    y = rng.random(40) < 0.15
    y[:2] = [True, False]
    score = np.round((rng.random(40) + 0.3 * y) / 1.3 * levels) / levels
    chosen = choose_threshold(y, score, name)
    best = max(score_of(y, score >= threshold) for threshold in np.unique(score))
    assert score_of(y, score >= chosen) == pytest.approx(best)


def test_it_lies_midway_between_the_last_accepted_and_the_first_refused():
    assert choose_threshold(np.array([1, 1, 0, 0], bool), np.array([0.9, 0.8, 0.2, 0.1])) == pytest.approx(0.5)


def test_of_equally_good_thresholds_the_one_with_fewer_alarms():
    y, score = np.array([1, 0, 1, 0, 0, 0], bool), np.array([0.9, 0.7, 0.5, 0.4, 0.3, 0.2])
    # F1 is 2/3 with the first alone; 0.8 with three accepted.
    assert choose_threshold(y, score) == pytest.approx(0.45)
    assert choose_threshold(np.array([1, 0, 0, 1], bool), np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx(0.85)


def test_neighbouring_floats_leave_no_room_but_the_right_one_is_accepted():
    low = 0.3
    high = np.nextafter(low, 1)
    chosen = choose_threshold(np.array([1, 0], bool), np.array([high, low]))
    assert low < chosen <= high


@pytest.mark.parametrize(
    ("y", "objective", "message"), [([1, 1], "f1", "2 of 2 samples are positive"), ([1, 0], "auc", "unknown objective 'auc'")]
)
def test_nonsense_is_refused(y, objective, message):
    with pytest.raises(ValueError, match=message):
        choose_threshold(np.array(y, bool), np.array([0.2, 0.4]), objective)


def test_a_threshold_speaks_of_the_positive_class_whatever_its_place():
    p = np.array([[0.3, 0.6, 0.1], [0.2, 0.1, 0.7], [0.05, 0.55, 0.4]])
    assert decide(p, 0, 0.25).tolist() == [0, 2, 1]
    assert decide(p, 2, 0.4).tolist() == [1, 2, 2]
    assert decide(p, None, 0.9).tolist() == [1, 2, 1]
