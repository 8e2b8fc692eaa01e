"""Thresholds: the promised rate of false alarms holds on interferograms that were not seen, with however few."""

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.studies import Detect
from fringeflow.detection.operating_point import operating_point
from fringeflow.detection.risk import EDGES, RiskControl, control_risk, count_values, shares_of
from fringeflow.detection.units import disjoint
from fringeflow.detection.windows import gather_windows, read_windows, write_windows
from fringeflow.errors import DatasetError
from fringeflow.files import read_json
from fringeflow.models.base import run_digest

FRAME, OTHER = "102A_05000_131313", "106A_09048_000909"


def controlled(known: list[np.ndarray], rate: float) -> RiskControl:
    return control_risk(np.array([shares_of(count_values(part)) for part in known]).reshape(len(known), len(EDGES)), rate)


def quiet(rng: np.random.Generator, windows: int = 80) -> np.ndarray:
    """Scores of one interferogram: all windows share its atmosphere, now and then a bad one."""
    level = rng.normal(-2, 1.5) + (3 if rng.random() < 0.15 else 0)
    return 1 / (1 + np.exp(-(level + rng.normal(0, 0.7, windows))))


@pytest.mark.parametrize(("count", "rate"), [(2, 0.34), (9, 0.1), (9, 0.3), (40, 0.05), (40, 0.2)])
def test_the_rate_holds_on_average_over_further_interferograms(count, rate):
    rng = np.random.default_rng(0)
    draws, shares = 2000, []
    for _ in range(draws):
        found = controlled([quiet(rng) for _ in range(count)], rate)
        assert found.attained
        assert found.promised == rate
        shares.append(np.mean(quiet(rng) >= found.threshold))
    error = np.std(shares) / np.sqrt(draws)
    assert np.mean(shares) <= rate + 3 * error
    # Not by never giving an alarm: the method is tight up to 1 / (n + 1).
    assert np.mean(shares) >= rate - 2 / (count + 1) - 3 * error


@pytest.mark.parametrize("count", [1, 2, 5, 30])
def test_what_few_interferograms_cannot_promise_is_said_and_the_promise_they_get_holds(count):
    rng = np.random.default_rng(1)
    draws, shares = 2000, []
    for _ in range(draws):
        known = [quiet(rng) for _ in range(count)]
        found = controlled(known, 0.01)
        assert (found.attained, found.promised) == (False, 1 / (count + 1))
        assert max(part.max() for part in known) < found.threshold
        shares.append(np.mean(quiet(rng) >= found.threshold))
    assert np.mean(shares) <= 1 / (count + 1)


def test_many_windows_of_one_interferogram_do_not_stand_for_many_interferograms():
    """Pooled windows would give a threshold that the one bad interferogram in ten breaks."""
    good, bad = np.full(1000, 0.1), np.full(20, 0.9)
    found = controlled([good] * 9 + [bad], 0.15)
    assert found.threshold > 0.9
    assert np.quantile(np.concatenate([good] * 9 + [bad]), 0.85) < 0.2


def test_equal_scores_are_never_parted():
    found = controlled([np.array([0.2, 0.5, 0.5, 0.5])] * 99, 0.5)
    assert 0.5 < found.threshold < 0.51
    assert found.share == 0


def test_shares_are_those_that_reach_a_threshold():
    values = np.random.default_rng(0).beta(0.2, 0.2, 4000).astype("f4")
    values[:3] = 0, 1, np.nan
    shares = shares_of(count_values(values))
    known = values[np.isfinite(values)].astype(float)
    np.testing.assert_allclose(shares, [(known >= edge).mean() for edge in EDGES])
    assert (shares[0], shares[-1]) == (1, 0)
    np.testing.assert_array_equal(count_values(values), count_values(values[:1000]) + count_values(values[1000:]))


def test_no_alarm_can_be_given_where_quiet_windows_are_certain():
    found = controlled([np.array([0.3, 1.0])] * 3, 0.01)
    assert found.threshold > 1


def test_without_any_quiet_interferogram_nothing_is_promised():
    found = controlled([], 0.01)
    assert (found.threshold, found.promised, found.attained) == (0.5, 1.0, False)


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "runs/d/wrapped/m/none"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


def scanned(run, path, scores: dict[str, list[float]], mapped: dict[str, list[float]] | None = None) -> None:
    rows = [(*key.split("/"), p) for key, values in scores.items() for p in values]
    table = pd.DataFrame(rows, columns=["frame", "pair", "p"])
    maps = {key: count_values(np.array(values)).tolist() for key, values in (mapped or scores).items()}
    write_windows(
        path,
        table,
        {"maps": maps, "run": "d/wrapped/m/none", "run_digest": run_digest(run), "size": 64, "stride": 32, "min_valid": 0.5},
    )


def pair(number: int) -> str:
    return f"2020{1 + number // 28:02d}{1 + number % 28:02d}_2021{1 + number // 28:02d}{1 + number % 28:02d}"


def test_many_pairs_of_one_other_frame_promise_what_one_frame_does(run, tmp_path):
    """They share no acquisition and still one ground and climate, which are not those of the frame that is judged."""
    scanned(run, tmp_path / "q.parquet", {f"{OTHER}/{pair(n)}": [0.1, 0.3] for n in range(40)})
    found = operating_point(f"{FRAME}/20220101_20220113", [tmp_path / "q.parquet"], 0.05, run, tmp_path / "p.json")
    assert (found["scope"], found["units"], found["interferograms"]) == ("all", 1, 40)
    assert (found["rate_promised"], found["attained"], found["threshold"]) == (0.5, False, 0.5)
    assert "cannot be promised from 1 frame with 40 quiet interferograms, of which a frame counts once, only 0.5" in found["says"]


def test_the_frame_itself_counts_alone_only_where_it_has_enough_and_never_the_interferogram_itself(run, tmp_path):
    judged = f"{FRAME}/20220101_20220113"
    mine, others, own = tmp_path / "mine.parquet", tmp_path / "others.parquet", tmp_path / "own.parquet"
    scanned(run, mine, {f"{FRAME}/{pair(n)}": [0.1, 0.2] for n in range(9)})
    scanned(run, others, {f"{200 + n}A_09048_000909/{pair(n)}": [0.1, 0.8] for n in range(20)})
    scanned(run, own, {judged: [0.99, 0.99]})

    out = tmp_path / "point.json"
    found = operating_point(judged, [mine, others, own], 0.1, run, out)
    assert (found["scope"], found["units"], found["attained"]) == ("frame", 9, True)
    assert 0.2 < found["threshold"] < 0.21
    assert judged not in found["rests_on"]
    assert read_json(out) == found

    found = operating_point(judged, [mine, others, own], 0.05, run, out)
    assert (found["scope"], found["units"], found["interferograms"], found["attained"]) == ("all", 21, 29, True)
    assert found["rate_promised"] == 0.05

    found = operating_point(judged, [mine, own], 0.01, run, out)
    assert (found["scope"], found["units"], found["attained"], found["rate_promised"]) == ("frame", 9, False, 0.1)
    assert "cannot be promised" in found["says"]

    found = operating_point(judged, [], 0.01, run, out)
    assert (found["scope"], found["threshold"], found["rate_promised"]) == ("none", 0.5, 1.0)


def test_interferograms_that_the_run_was_fitted_on_promise_nothing(run, tmp_path):
    """A run knows what it was fitted on: its scores there are no sample of those it gives to a new interferogram."""
    keys = [f"{FRAME}/{pair(n)}" for n in range(10)]
    scanned(run, tmp_path / "q.parquet", {key: [0.01 if n < 6 else 0.4] for n, key in enumerate(keys)})
    found = operating_point(f"{FRAME}/20220101_20220113", [tmp_path / "q.parquet"], 0.2, run, tmp_path / "p.json", fitted=keys[:6])
    assert found["rests_on"] == keys[6:] and found["left_out"] == keys[:6]
    assert found["threshold"] > 0.4


def test_pairs_of_the_frame_that_share_days_with_the_judged_one_do_not_judge_it(run, tmp_path):
    """What nobody knows to be in it is in them too, and would put the threshold above itself."""
    judged = f"{FRAME}/20220101_20220113"
    before, touching, inside = (f"{FRAME}/{days}" for days in ("20211208_20211220", "20211220_20220101", "20220105_20220111"))
    elsewhere = f"{OTHER}/20220101_20220113"
    scanned(run, tmp_path / "q.parquet", {before: [0.1], touching: [0.9], inside: [0.9], elsewhere: [0.2]})
    found = operating_point(judged, [tmp_path / "q.parquet"], 0.3, run, tmp_path / "p.json")
    assert found["overlapping"] == [touching, inside]
    assert set(found["rests_on"]) == {before, elsewhere}


def test_tables_scanned_in_another_way_do_not_count_and_the_later_of_two_does(run, tmp_path):
    own, other = tmp_path / "own.parquet", tmp_path / "packaged.parquet"
    keys = [f"{OTHER}/{pair(n)}" for n in range(3)]
    scanned(run, other, {key: [0.9 if key == keys[0] else 0.1] for key in keys})
    scanned(run, own, {keys[0]: [0.2]})
    judged = f"{FRAME}/20220101_20220113"
    alike = Detect(stride=32, min_valid=0.5)
    found = operating_point(judged, [other, own], 0.5, run, tmp_path / "p.json", like=alike)
    assert found["interferograms"] == 3 and 0.2 < found["threshold"] < 0.21
    found = operating_point(judged, [other, own], 0.5, run, tmp_path / "p.json", like=alike.model_copy(update={"stride": 64}))
    assert (found["interferograms"], found["scope"]) == (0, "none")


def test_map_and_windows_have_thresholds_of_their_own(run, tmp_path):
    """A single window that is certain of a falsehood does not take every alarm of the map away."""
    scanned(run, tmp_path / "q.parquet", {f"{OTHER}/{pair(0)}": [0.1, 1.0]}, {f"{OTHER}/{pair(0)}": [0.1, 0.6]})
    found = operating_point(f"{FRAME}/{pair(1)}", [tmp_path / "q.parquet"], 0.01, run, tmp_path / "p.json")
    assert 0.6 < found["threshold"] < 0.61
    assert found["window_threshold"] > 1
    assert found["rate_promised"] == 0.5


def test_a_table_of_another_fit_of_the_run_is_refused(run, tmp_path):
    scanned(run, tmp_path / "q.parquet", {f"{FRAME}/{pair(0)}": [0.1]})
    (run / "run.json").write_text('{"trained": "again"}')
    with pytest.raises(DatasetError, match=r"q\.parquet: was scanned with d/wrapped/m/none .* Scan it again"):
        operating_point(f"{FRAME}/{pair(1)}", [tmp_path / "q.parquet"], 0.1, run, tmp_path / "p.json")
    (tmp_path / "x.parquet").write_bytes(b"no table")
    with pytest.raises(DatasetError, match=r"x\.parquet: expected the windows"):
        operating_point(f"{FRAME}/{pair(1)}", [tmp_path / "x.parquet"], 0.1, run, tmp_path / "p.json")


def test_windows_that_were_gathered_give_the_very_threshold_that_their_own_tables_give(run, tmp_path):
    rng = np.random.default_rng(5)
    tables = []
    for frame in (FRAME, OTHER):
        for number in range(4):
            tables.append(tmp_path / f"{len(tables)}.parquet")
            scores = {f"{frame}/{pair(number)}": quiet(rng).tolist()}
            scanned(run, tables[-1], scores, {key: [*values, 0.999] for key, values in scores.items()})
    gather_windows(tables, tmp_path / "quiet.parquet")
    for judged in (f"{FRAME}/{pair(0)}", f"{OTHER}/20220101_20220113", "001A_00000_131313/20220101_20220113"):
        for rate in (0.01, 0.15, 0.25):
            operating_point(judged, tables, rate, run, tmp_path / "each.json")
            operating_point(judged, [tmp_path / "quiet.parquet"], rate, run, tmp_path / "all.json")
            assert (tmp_path / "all.json").read_bytes() == (tmp_path / "each.json").read_bytes()


def test_windows_of_other_scans_are_not_gathered(run, tmp_path):
    """Their common table could tell of one of them only."""
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    scanned(run, one, {f"{FRAME}/{pair(0)}": [0.1]})
    scanned(run, other, {f"{FRAME}/{pair(1)}": [0.1]})
    table, about = read_windows(other)
    write_windows(other, table, {**about, "stride": 64})
    with pytest.raises(DatasetError, match=r"other\.parquet: was scanned with stride 64, and .*one\.parquet with stride 32"):
        gather_windows([one, other], tmp_path / "quiet.parquet")
    assert not (tmp_path / "quiet.parquet").exists()


def test_pairs_that_share_an_acquisition_are_not_counted_as_independent(run, tmp_path):
    chain = [f"{FRAME}/2021010{n}_2021010{n + 1}" for n in range(1, 5)]
    assert disjoint(chain) == (chain[0], chain[2])
    assert disjoint([*chain, f"{OTHER}/20210101_20210102"]) == (chain[0], chain[2], f"{OTHER}/20210101_20210102")
    scanned(run, tmp_path / "q.parquet", {key: [0.1, 0.2] for key in chain})
    found = operating_point(f"{FRAME}/20220101_20220113", [tmp_path / "q.parquet"], 0.25, run, tmp_path / "p.json")
    assert (found["units"], found["rate_promised"], found["attained"]) == (2, 1 / 3, False)
    assert (found["rests_on"], found["sharing"]) == ([chain[0], chain[2]], [chain[1], chain[3]])
    assert found["threshold"] == 0.5, "above all they show and not below even odds, since the rate cannot be kept"
    assert "from 2 quiet interferograms of this frame that share no acquisition, only 0.333" in found["says"]
