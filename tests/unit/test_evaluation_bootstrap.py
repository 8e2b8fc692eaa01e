"""Intervals over groups hold the truth about as often as they say; intervals over tiles do not."""

import numpy as np
import pytest

from fringeflow.evaluation import bootstrap as module
from fringeflow.evaluation.bootstrap import bootstrap, draw_groups, interval, tail, widened
from fringeflow.evaluation.metrics import Ranking, average_precision


def earthquakes(rng: np.random.Generator, count: int):
    """Scores of earthquakes whose tiles have a difficulty in common."""
    sizes = rng.integers(10, 30, count)
    group = np.repeat(np.arange(count), sizes)
    place = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    y = place < np.repeat(1 + rng.poisson(3, count), sizes)
    score = rng.normal(size=len(y)) + rng.normal(0, 0.7, count)[group] + y * (2 + rng.normal(size=count)[group])
    return y, score, group


def pr_auc(y, score):
    ranking = Ranking.of(y, score)
    return lambda weights: {"pr_auc": average_precision(*ranking.curves(weights))}


def test_coverage_is_near_nominal_over_groups_and_far_below_over_tiles():
    rng = np.random.default_rng(5)
    y, score, _ = earthquakes(rng, 6000)
    truth = float(pr_auc(y, score)(np.ones(len(y)))["pr_auc"])
    held = np.zeros(2)
    repetitions = 120
    for _ in range(repetitions):
        y, score, group = earthquakes(rng, 16)
        for kind, (units, count) in enumerate([(group, 16), (np.arange(len(y)), len(y))]):
            lower, upper = interval(bootstrap(pr_auc(y, score), units, draws=200, seed=1)["pr_auc"], 0.95, count)
            held[kind] += lower <= truth <= upper
    by_group, by_tile = held / repetitions
    assert by_group > 0.88
    assert by_tile < 0.82
    assert by_group - by_tile > 0.1


def test_a_draw_is_the_sample_of_its_groups():
    rng = np.random.default_rng(0)
    y, score, group = earthquakes(rng, 6)
    values = bootstrap(pr_auc(y, score), group, draws=5, seed=3)["pr_auc"]
    for counts, value in zip(draw_groups(6, 5, 3), values, strict=True):
        rows = np.concatenate([np.flatnonzero(group == g) for g in range(6) for _ in range(counts[g])])
        assert value == pytest.approx(float(pr_auc(y[rows], score[rows])(np.ones(len(rows)))["pr_auc"]))


def test_groups_are_drawn_whole_and_as_many_as_there_are():
    counts = draw_groups(7, 500, 0)
    assert (counts.sum(1) == 7).all()
    assert counts.mean(0) == pytest.approx(np.ones(7), abs=0.2)


def test_the_seed_decides_and_blocks_do_not(monkeypatch):
    y, score, group = earthquakes(np.random.default_rng(1), 9)
    first = bootstrap(pr_auc(y, score), group, draws=100, seed=4)["pr_auc"]
    monkeypatch.setattr(module, "BLOCK", 7 * len(y))
    np.testing.assert_allclose(bootstrap(pr_auc(y, score), group, draws=100, seed=4)["pr_auc"], first, rtol=1e-12)
    assert not np.array_equal(bootstrap(pr_auc(y, score), group, draws=100, seed=5)["pr_auc"], first)


def test_few_groups_give_wider_tails_and_many_give_the_nominal_ones():
    tails = [tail(0.95, groups) for groups in (2, 3, 5, 10, 30, 10**6)]
    assert tails == sorted(tails)
    assert tails[-1] == pytest.approx(0.025, abs=1e-5)
    assert tails[2] < 0.002


def test_the_expansion_repairs_the_mean_of_few_normal_groups():
    """For a mean, the expanded interval is Student's: 95 % even of eight groups, where the plain one has less."""
    rng = np.random.default_rng(0)
    held = np.zeros(2)
    for _ in range(400):
        values = rng.normal(size=8)
        means = draw_groups(8, 1000, 0) @ values / 8
        held += [interval(means, 0.95, 8)[0] <= 0 <= interval(means, 0.95, 8)[1],
                 np.quantile(means, 0.025) <= 0 <= np.quantile(means, 0.975)]  # fmt: skip
    expanded, plain = held / 400
    assert expanded > 0.92
    assert plain < expanded - 0.03


def test_draws_that_leave_the_score_undefined_are_left_out():
    values = np.array([np.nan, 0.2, 0.4, np.nan, 0.3])
    assert interval(values, 0.95, 4) == (pytest.approx(0.2, abs=1e-3), pytest.approx(0.4, abs=1e-3))
    assert np.isnan(interval(np.full(3, np.nan), 0.95, 4)).all()


def test_one_group_has_no_interval():
    assert np.isnan(interval(np.full(100, 0.7), 0.95, 1)).all()


@pytest.mark.parametrize(("of_groups", "of_luck"), [(1.0, 0.0), (1.0, 0.3), (1.0, 1.0), (0.3, 1.0), (0.0, 1.0)])
def test_an_interval_with_luck_of_few_fits_holds_the_truth_whichever_is_larger(of_groups, of_luck):
    """What is measured is 0: the mean of eight groups, and the luck of one fit, whose size three other pairs of fits show."""
    rng = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        values, pairs = rng.normal(scale=of_groups, size=8), rng.normal(scale=of_luck, size=(3, 2))
        luck = rng.normal(scale=of_luck)
        bounds = interval(draw_groups(8, 400, 0) @ values / 8 + luck, 0.95, 8)
        lower, upper = widened(bounds, values.mean() + luck, np.sqrt(pairs.var(axis=1, ddof=1).mean()), 3, 0.95)
        held += lower <= 0 <= upper
    assert 0.92 < held / 400 < 0.99


def test_luck_widens_on_both_sides_within_what_a_score_can_be():
    assert widened((0.7, 0.9), 0.8, 0.0, 2, 0.95) == pytest.approx((0.7, 0.9))
    lower, upper = widened((0.7, 0.9), 0.8, 0.1, 2, 0.95, limits=(0.0, 1.0))
    assert lower == pytest.approx(0.8 - np.hypot(0.1, 4.303 * 0.1), abs=1e-3) and upper == 1
    assert widened((0.7, 0.9), 0.95, 0.1, 2, 0.95)[1] == pytest.approx(0.9 + 0.430, abs=1e-3), "a value beyond its own draws"
    assert np.isnan(widened((np.nan, np.nan), 0.8, 0.1, 2, 0.95)).all()
