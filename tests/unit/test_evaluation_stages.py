"""Four classes of recordings: stages scored from the final probabilities, the hard pair, and intervals of few samples."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from fringeflow.config.models import Evaluation
from fringeflow.datasets.stages import resolve_stages
from fringeflow.evaluation.bounds import with_bounds
from fringeflow.evaluation.hard_pair import hard_pair, mutual_confusion
from fringeflow.evaluation.predictions import Predictions
from fringeflow.evaluation.stage_scores import score_stages, stage_predictions
from tests.unit.toy_recordings import CLASSES, SETTINGS, STAGES, evaluate, write_run

LEVELS = resolve_stages(STAGES, CLASSES)


def predictions(truth, probability) -> Predictions:
    """Return one seed's predictions, each sample its own group."""
    truth = np.asarray(truth)
    names = [f"r{number:02d}" for number in range(len(truth))]
    columns = dict.fromkeys(("sample", "event", "frame", "pair", "group"), names)
    samples = pd.DataFrame({**columns, "label": np.array(CLASSES)[truth]})
    return Predictions(samples, truth, np.asarray(probability, dtype=float)[None], [0], CLASSES, None)


# Stages


def test_merged_probabilities_are_sums_and_those_of_a_later_stage_ratios():
    p = predictions([0, 2, 3], [[0.4, 0.1, 0.3, 0.2], [0.5, 0.1, 0.1, 0.3], [0.6, 0.4, 0.0, 0.0]])
    kinds, noise = (stage_predictions(p, level) for level in LEVELS)
    np.testing.assert_allclose(kinds.probability[0], [[0.4, 0.1, 0.5], [0.5, 0.1, 0.4], [0.6, 0.4, 0.0]])
    assert kinds.truth.tolist() == [0, 2, 2]
    np.testing.assert_allclose(noise.probability[0], [[0.25, 0.75], [0.5, 0.5]], err_msg="no mass at all: all alike")
    assert noise.truth.tolist() == [0, 1] and list(noise.samples["sample"]) == ["r01", "r02"]


def test_a_later_stage_is_scored_on_what_truly_belongs_to_it_whatever_was_called_first():
    """A noise gather that is called a station in the end is still told apart rightly by the second stage."""
    wrong_kind = [[0.0, 0.9, 0.08, 0.02], [0.0, 0.9, 0.02, 0.08]]
    p = predictions([0, 1, 2, 3], [[1, 0, 0, 0], [0, 1, 0, 0], *wrong_kind])
    kinds, noise = score_stages(p, LEVELS, SETTINGS)
    assert kinds["metrics"]["accuracy"]["value"] == 0.5 and kinds["confusion"] == [[1, 0, 0], [0, 1, 0], [0, 2, 0]]
    assert noise["metrics"]["accuracy"]["value"] == 1 and noise["class_counts"] == {"noise_DNS": 1, "noise_Tip-off": 1}


def test_stage_scores_are_those_of_scikit_learn(tmp_path):
    folder = write_run(tmp_path, skill=1.5, counts={"validation": (4, 4, 4, 4), "test": (30, 20, 15, 10)})
    stages = evaluate(folder, stages=STAGES)["splits"]["test"]["stages"]
    table = pd.read_parquet(folder / "predictions.parquet").query("split == 'test'")
    noise = table[["p_noise_DNS", "p_noise_Tip-off"]].to_numpy()
    first = np.column_stack([table[["p_brak_Empty zone", "p_brak_Station"]], noise.sum(1)])
    truth = table["label"].map({name: min(k, 2) for k, name in enumerate(CLASSES)}).to_numpy()
    hard = table["label"].str.startswith("noise").to_numpy()
    expected = [(truth, first.argmax(1)), (table["label"].map(CLASSES.index).to_numpy()[hard] - 2, noise[hard].argmax(1))]
    seed = table["seed"].to_numpy()
    for stage, (y, called), seeds in zip(stages, expected, (seed, seed[hard]), strict=True):
        f1 = [reference.f1_score(y[seeds == s], called[seeds == s], average=None) for s in (0, 1)]
        assert stage["metrics"]["macro_f1"]["value"] == pytest.approx(np.mean(f1), abs=1e-6)
        for k, name in enumerate(stage["classes"]):
            found = stage["per_class"][name]["f1"]
            assert found["value"] == pytest.approx(np.mean([each[k] for each in f1]), abs=1e-6)
            assert 0 <= found["lower"] <= found["value"] <= found["upper"] <= 1
        assert np.sum(stage["confusion"]) == pytest.approx(stage["n_tiles"])
    assert [stage["n_groups"] for stage in stages] == [75, 25]


def test_a_cascade_has_its_own_stages_and_a_flat_run_those_it_is_given(tmp_path):
    cascade = evaluate(write_run(tmp_path / "a", cascade=True))
    flat = evaluate(write_run(tmp_path / "b"), stages=STAGES)
    alone = evaluate(write_run(tmp_path / "c"))
    assert cascade["is_cascade"] and not flat["is_cascade"] and cascade["architecture"] == "hog_svm"
    names = [[stage["name"] for stage in result["splits"]["test"]["stages"]] for result in (cascade, flat, alone)]
    assert names == [["kinds", "noise"], ["kinds", "noise"], []]
    assert cascade["splits"]["test"]["stages"] == flat["splits"]["test"]["stages"], "the same predictions, the same question"


# The hard pair


def test_the_hard_pair_is_found_by_shares_so_that_a_frequent_class_does_not_hide_it():
    matrix = np.array([[80, 20, 0, 0], [0, 20, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    assert hard_pair(matrix) == (2, 3) and mutual_confusion(matrix)[2, 3] == 0.5
    assert hard_pair(np.diag([3, 2, 1])) is None, "nothing is confused"
    assert hard_pair(np.array([[5, 0, 0], [0, 5, 0], [2, 0, 3]])) == (0, 2), "one way counts as well"


def test_a_run_names_its_hard_pair_with_both_ways_and_their_f1(tmp_path):
    folder = write_run(tmp_path, skill=6, pair_skill=0.5, counts={"validation": (5, 5, 5, 5), "test": (20, 20, 20, 20)})
    test = evaluate(folder)["splits"]["test"]
    hard, matrix = test["hard_pair"], np.array(test["operating_points"]["default"]["confusion"])
    assert hard["classes"] == ["noise_DNS", "noise_Tip-off"]
    assert hard["called_the_other"] == pytest.approx({"noise_DNS": matrix[2, 3] / 20, "noise_Tip-off": matrix[3, 2] / 20})
    assert hard["confused"] == pytest.approx(np.mean(list(hard["called_the_other"].values())))
    assert hard["f1"]["noise_DNS"] == test["operating_points"]["default"]["per_class"]["noise_DNS"]["f1"]


# Intervals


def test_intervals_hold_with_a_sample_a_group_and_two_samples_in_a_class(tmp_path):
    folder = write_run(tmp_path, counts={"validation": (6, 4, 2, 2), "test": (19, 6, 2, 2)})
    test = evaluate(folder)["splits"]["test"]
    assert test["n_groups"] == 29 and test["few_groups"]
    assert 0.15 < test["degenerate_draws"] / SETTINGS.bootstrap < 0.35, "1 - (1 - exp(-2))^2 is 0.25"
    point = test["operating_points"]["default"]
    for score in (point["metrics"]["macro_f1"], point["metrics"]["accuracy"], *(row["f1"] for row in point["per_class"].values())):
        assert 0 <= score["lower"] <= score["value"] <= score["upper"] <= 1


def test_a_frequent_class_has_the_interval_of_its_own_groups():
    """Of 60 recordings against 40 others, 75 % right: the interval is about that of 60 draws of a coin, not of 2."""
    truth = np.repeat([0, 1, 2, 3], (60, 30, 8, 2))
    p = predictions(truth, np.full((100, 4), 0.25))
    called = np.where(np.arange(100) % 4 == 0, (truth + 1) % 4, truth)

    def recall(number, weights):
        return {f"recall/{name}": weights @ ((truth == k) & (called == k)) / (weights @ (truth == k)) for k, name in enumerate(CLASSES[:1])}

    found = with_bounds(p, recall, Evaluation(bootstrap=2000))["recall/brak_Empty zone"]
    assert found["upper"] - found["lower"] == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 60), rel=0.2)


def test_the_majority_baseline_is_what_always_calling_the_largest_class_scores(tmp_path):
    test = evaluate(write_run(tmp_path))["splits"]["test"]
    truth = np.repeat([0, 1, 2, 3], (19, 6, 3, 3))
    macro = reference.f1_score(truth, np.zeros(31), average="macro", zero_division=0)
    assert test["baseline"]["majority"]["macro_f1"] == pytest.approx(macro, abs=1e-6) == test["baseline"]["majority"]["f1"]
