"""Pairing cancels what runs share: a run is level with itself, a better one is told from luck."""

import numpy as np
import pytest

from fringeflow.evaluation.bootstrap import interval
from fringeflow.evaluation.paired import Drawn, best_shares, difference, draw_scores, draw_seeds
from fringeflow.evaluation.predictions import read_predictions
from fringeflow.evaluation.scores import Scorer
from fringeflow.files import read_json
from tests.unit.toy_predictions import write_run

DRAWS = 400


def drawn(folder, *names: str, **options) -> Drawn:
    run = write_run(folder, **options)
    test = read_predictions(run / "predictions.parquet", read_json(run / "dataset.json"))["test"]
    return draw_scores(Scorer(test, {"default": [0.5] * len(test.seeds)}, 1.0), names or ("pr_auc",), DRAWS)


def compared(run: Drawn, baseline: Drawn, name: str = "pr_auc", groups: int = 12):
    return difference(run, baseline, name, confidence=0.95, groups=groups)


def toy(values: np.ndarray) -> Drawn:
    """Return draws of one score, shape (seeds, draws)."""
    return Drawn({"pr_auc": values.mean(1)}, {"pr_auc": values})


def test_a_run_is_exactly_level_with_itself(tmp_path):
    names = ("pr_auc", "default/mcc", "default/f1", "recall_at_false_alarms")
    run = drawn(tmp_path, *names)
    for name in names:
        found = compared(run, run, name)
        assert (found.value, found.lower, found.upper, found.verdict) == (0, 0, 0, "undecided")


def test_a_better_run_is_better_and_the_other_way_round_worse(tmp_path):
    poor, good = drawn(tmp_path / "a", skill=1.0, draw=1), drawn(tmp_path / "b", skill=4.0, draw=2)
    found, turned = compared(good, poor), compared(poor, good)
    assert found.verdict == "better"
    assert 0 < found.lower < found.value < found.upper
    assert (turned.verdict, turned.value) == ("worse", -found.value)
    assert (turned.lower, turned.upper) == pytest.approx((-found.upper, -found.lower), abs=1e-12)


def test_runs_of_the_same_skill_are_not_told_apart(tmp_path):
    assert compared(drawn(tmp_path / "a", draw=1), drawn(tmp_path / "b", draw=2)).verdict == "undecided"


def test_pairing_is_narrower_than_taking_runs_for_independent(tmp_path):
    """An easy earthquake is easy for both; independent draws count that luck twice."""
    one, other = drawn(tmp_path / "a", draw=1), drawn(tmp_path / "b", draw=2)
    paired = compared(one, other)
    shuffled = np.random.default_rng(0).permutation(DRAWS)
    lower, upper = interval(one.draws["pr_auc"].mean(0) - other.draws["pr_auc"].mean(0)[shuffled], 0.95, 12)
    assert paired.upper - paired.lower < 0.8 * (upper - lower)


def test_seeds_that_disagree_widen_the_interval():
    """No earthquake matters here, so that the draws of seeds are all there is."""
    flat = toy(np.zeros((4, 5000)))
    agree, disagree = toy(np.full((4, 5000), 0.1)), toy(np.repeat([[-0.1], [0.0], [0.2], [0.3]], 5000, axis=1))
    assert (compared(agree, flat).lower, compared(agree, flat).upper) == pytest.approx((0.1, 0.1))
    found = compared(disagree, flat)
    assert found.value == pytest.approx(0.1)
    assert found.verdict == "undecided"
    # The mean of four values drawn with replacement has a variance of theirs over 4.
    resampled = (draw_seeds(4, 5000) * disagree.draws["pr_auc"]).sum(0)
    assert resampled.var() == pytest.approx(np.var([-0.1, 0, 0.2, 0.3]) / 4, rel=0.05)


def test_two_seeds_say_less_than_their_own_range_and_one_decides_nothing():
    """Resampling two values never leaves their range; their mean, over other seeds, may."""
    flat, apart = toy(np.zeros((2, 5000))), toy(np.repeat([[0.1], [0.3]], 5000, axis=1))
    found = compared(apart, flat)
    assert found.value == pytest.approx(0.2)
    assert found.lower < 0.1 and found.upper > 0.3
    single = compared(toy(np.full((1, 5000), 0.5)), toy(np.zeros((1, 5000))))
    assert (single.value, single.verdict) == (0.5, "undecided")


def test_draws_of_seeds_are_shared_and_whole():
    shares = draw_seeds(3, 1000)
    assert (shares == draw_seeds(3, 1000)).all()
    assert np.allclose(shares.sum(0), 1)
    assert (draw_seeds(1, 10) == 1).all()


def test_undefined_draws_are_left_out_and_one_earthquake_decides_nothing():
    values = np.full((2, 100), 0.2)
    values[:, :30] = np.nan
    run, flat = Drawn({"pr_auc": np.full(2, 0.2)}, {"pr_auc": values}), toy(np.zeros((2, 100)))
    assert compared(run, flat).lower == pytest.approx(0.2)
    alone = compared(run, flat, groups=1)
    assert np.isnan(alone.lower)
    assert (alone.value, alone.verdict) == (pytest.approx(0.2), "undecided")


def test_shares_of_the_best_sum_to_one_and_level_runs_share():
    rng = np.random.default_rng(0)
    runs = [toy(rng.normal(size=(3, DRAWS))) for _ in range(5)]
    shares = best_shares(runs, "pr_auc")
    assert shares.sum() == pytest.approx(1)
    assert (best_shares(runs[::-1], "pr_auc")[::-1] == shares).all()
    assert best_shares([runs[0], runs[0]], "pr_auc") == pytest.approx([0.5, 0.5])
    ahead = toy(runs[0].draws["pr_auc"] + 10)
    assert list(best_shares([*runs, ahead], "pr_auc")) == [0, 0, 0, 0, 0, 1]


def test_shares_ignore_undefined_draws():
    high, low = np.full((1, 10), 0.9), np.full((1, 10), 0.1)
    high[:, 3] = low[:, 3] = np.nan
    assert list(best_shares([toy(high), toy(low)], "pr_auc")) == [1, 0]
    assert np.isnan(best_shares([toy(np.full((1, 4), np.nan))], "pr_auc")).all()
