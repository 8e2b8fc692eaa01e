"""metrics.json says what scikit-learn would, with intervals, baselines and operating points chosen without the test."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as reference

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.files import read_json, write_json
from fringeflow.provenance import SCRIPTS
from tests.unit.toy_predictions import CLASSES, write_run

QUICK = Evaluation(bootstrap=100)


def evaluate(run: Path, settings: Evaluation = QUICK, *, picture: bool = False):
    """Evaluate a run; the picture takes longer than the scores."""
    with nullcontext() if picture else patch("fringeflow.evaluation.evaluate.draw_evaluation"):
        return evaluate_run(
            run / "predictions.parquet", run / "dataset.json", settings, out=run / "metrics.json", figure=run / "evaluation.png"
        )


def change(run: Path, edit) -> Path:
    """Rewrite a run's predictions through `edit`, which takes and returns the table."""
    path = run / "predictions.parquet"
    edit(pd.read_parquet(path)).to_parquet(path, index=False)
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of middling skill, evaluated once."""
    run = write_run(tmp_path_factory.mktemp("run"))
    return run, evaluate(run, picture=True), pd.read_parquet(run / "predictions.parquet")


def test_scores_are_means_over_seeds_of_scikit_learn_s(run):
    folder, result, table = run
    assert read_json(folder / "metrics.json") == result
    for part in ("test", "validation"):
        seeds = [rows for _, rows in table[table["split"] == part].groupby("seed")]
        y = [(rows["label"] == "deformation").to_numpy() for rows in seeds]
        p = [rows["p_deformation"].to_numpy() for rows in seeds]
        found = result["splits"][part]
        default = found["operating_points"]["default"]["metrics"]
        for name, function in {"pr_auc": reference.average_precision_score, "roc_auc": reference.roc_auc_score}.items():
            assert found["metrics"][name]["value"] == pytest.approx(np.mean([function(a, b) for a, b in zip(y, p, strict=True)]), abs=1e-6)
        calls = {"f1": reference.f1_score, "mcc": reference.matthews_corrcoef, "accuracy": reference.accuracy_score}
        for name, function in calls.items():
            assert default[name]["value"] == pytest.approx(np.mean([function(a, b >= 0.5) for a, b in zip(y, p, strict=True)]), abs=1e-6)
        assert found["prevalence"] == pytest.approx(y[0].mean(), abs=1e-6)
        assert found["class_counts"]["deformation"] == y[0].sum()


def test_every_score_lies_within_its_bounds(run):
    _, result, _ = run
    for part in result["splits"].values():
        scores = [*part["metrics"].values()]
        for point in part["operating_points"].values():
            scores += [*point["metrics"].values(), *(score for row in point["per_class"].values() for score in row.values())]
        assert len(scores) > 30
        for score in scores:
            assert score["lower"] <= score["value"] + 1e-9
            assert score["value"] <= score["upper"] + 1e-9
            assert score["seed_sd"] >= 0


def test_what_is_reported_beside_the_scores(run):
    _, result, table = run
    test = result["splits"]["test"]
    assert (test["n_tiles"], test["n_groups"], test["n_interferograms"], test["few_groups"]) == (1080, 12, 36, False)
    assert result["splits"]["validation"]["few_groups"] is True
    assert test["baseline"]["prevalence"]["pr_auc"] == test["prevalence"]
    assert test["baseline"]["majority"]["accuracy"] == pytest.approx(1 - test["prevalence"], abs=1e-6)
    assert sum(map(sum, test["operating_points"]["validation"]["confusion"])) == pytest.approx(1080)
    assert sum(row["tiles"] for row in test["calibration"]) == pytest.approx(1080)
    rows = table.query("split == 'test' and label == 'no_deformation' and p_deformation >= 0.5")
    alarms = test["operating_points"]["default"]["metrics"]["false_alarms_per_interferogram"]["value"]
    assert alarms == pytest.approx(len(rows) / 3 / 36, abs=1e-6)
    assert (run[0] / "evaluation.png").read_bytes()[:4] == b"\x89PNG"


def test_each_earthquake_is_detected_by_its_own_tiles(run):
    _, result, table = run
    part = table.query("split == 'test'")
    rows = {row["event"]: row for row in result["splits"]["test"]["events"]}
    assert set(rows) == set(part["event"])
    for event, row in rows.items():
        own = part[(part["event"] == event) & (part["label"] == "deformation")]
        assert row["default"]["detected"] == pytest.approx((own.groupby("seed")["p_deformation"].max() >= 0.5).mean(), abs=1e-6)
        assert row["max_score_on_positives"] == pytest.approx(own.groupby("seed")["p_deformation"].max().mean(), abs=1e-6)
    detected = result["splits"]["test"]["operating_points"]["default"]["metrics"]["events_detected"]["value"]
    assert detected == pytest.approx(np.mean([row["default"]["detected"] for row in rows.values()]), abs=1e-5)


def test_recall_at_the_tolerated_rate_allows_so_many_false_alarms_an_interferogram(run):
    _, result, table = run
    values = []
    for _, rows in table.query("split == 'test'").groupby("seed"):
        quiet = np.sort(rows.query("label == 'no_deformation'")["p_deformation"])[::-1]
        values.append((rows.query("label == 'deformation'")["p_deformation"] > quiet[36]).mean())
    assert result["splits"]["test"]["metrics"]["recall_at_false_alarms"]["value"] == pytest.approx(np.mean(values), abs=1e-6)


def test_the_threshold_never_sees_the_test_part(tmp_path):
    """Poisoned test labels and scores change the test's scores, and no threshold."""
    first = evaluate(write_run(tmp_path / "a"))

    def poison(table):
        test = table["split"] == "test"
        flipped = table[["p_deformation", "p_no_deformation"]].where(test, table[["p_no_deformation", "p_deformation"]].to_numpy())
        return table.assign(p_no_deformation=flipped["p_deformation"], p_deformation=flipped["p_no_deformation"])

    second = evaluate(change(write_run(tmp_path / "b"), poison))
    thresholds = [result["splits"]["test"]["operating_points"]["validation"]["thresholds"] for result in (first, second)]
    assert thresholds[0] == thresholds[1]
    assert first["splits"]["validation"] == second["splits"]["validation"]
    assert second["splits"]["test"]["metrics"]["roc_auc"]["value"] < 0.5
    assert (first["splits"]["test"]["chosen_here"], first["splits"]["validation"]["chosen_here"]) == ([], ["validation"])


def test_the_order_of_rows_changes_nothing_and_a_rerun_gives_the_same_bytes(tmp_path):
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    change(second, lambda table: table.sample(frac=1, random_state=0))
    for folder in (first, second):
        evaluate(folder, picture=True)
    for name in ("metrics.json", "evaluation.png"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_model_without_skill_is_not_above_the_prevalence_and_a_perfect_one_is_certain(tmp_path):
    def guess(table):
        p = np.random.default_rng(0).random(len(table))
        return table.assign(p_deformation=p, p_no_deformation=1 - p)

    def know(table):
        p = (table["label"] == "deformation").astype(float)
        return table.assign(p_deformation=p, p_no_deformation=1 - p)

    poor = evaluate(change(write_run(tmp_path / "a", test=20), guess))["splits"]["test"]
    assert poor["metrics"]["pr_auc_gain"]["lower"] < 0 < poor["metrics"]["pr_auc_gain"]["upper"]
    best = evaluate(change(write_run(tmp_path / "b"), know))["splits"]["test"]
    assert [best["metrics"][name][bound] for name in ("pr_auc", "roc_auc") for bound in ("value", "lower", "upper")] == [1] * 6
    assert best["metrics"]["brier"]["value"] == 0
    assert best["operating_points"]["validation"]["metrics"]["mcc"]["lower"] == 1


def test_draws_without_positives_are_counted_and_left_out(tmp_path):
    """One earthquake and many quiet areas: a third of the draws miss it."""

    def quiet(table):
        label = table["label"].where((table["split"] == "validation") | (table["event"] == "test00"), "no_deformation")
        return table.assign(label=label)

    result = evaluate(change(write_run(tmp_path), quiet))["splits"]["test"]
    assert 20 <= result["degenerate_draws"] <= 55
    assert result["n_groups_by_class"] == {"no_deformation": 12, "deformation": 1}
    assert result["few_groups"] is True
    assert result["metrics"]["pr_auc"]["lower"] is None
    assert result["metrics"]["brier"]["lower"] is not None
    json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_a_single_test_earthquake_gives_scores_without_bounds(tmp_path):
    result = evaluate(write_run(tmp_path, test=1, seeds=1), picture=True)["splits"]["test"]
    assert 0 < result["metrics"]["pr_auc"]["value"] <= 1
    assert result["metrics"]["pr_auc"]["lower"] is None
    assert "seed_sd" not in result["metrics"]["pr_auc"]


def four_classes(folder: Path, positive: str | None) -> Path:
    """Turn a run into one of four classes."""
    names = ["brak_Empty zone", "brak_Station", "noise_DNS", "noise_Tip-off"]
    rng = np.random.default_rng(2)

    def edit(table):
        first = table.drop_duplicates("sample")[["sample"]].assign(label=lambda rows: rng.choice(names, len(rows), p=[0.6, 0.2, 0.1, 0.1]))
        table = table.drop(columns=["label", "p_deformation", "p_no_deformation"]).merge(first, on="sample")
        p = rng.dirichlet(np.ones(4), len(table)) + 0.5 * np.eye(4)[table["label"].map(names.index)]
        return table.assign(**{f"p_{name}": column for name, column in zip(names, (p / p.sum(1, keepdims=True)).T, strict=True)})

    change(write_run(folder), edit)
    dataset = read_json(folder / "dataset.json")
    write_json(folder / "dataset.json", {**dataset, "classes": names, "positive": positive})
    return folder


def test_four_classes_without_a_rare_one_are_scored_alike(tmp_path):
    result = evaluate(four_classes(tmp_path, None), picture=True)
    test, table = result["splits"]["test"], pd.read_parquet(tmp_path / "predictions.parquet").query("split == 'test'")
    columns = [f"p_{name}" for name in result["classes"]]
    scores, f1 = [], []
    for _, rows in table.groupby("seed"):
        y = rows["label"].map(result["classes"].index).to_numpy()
        scores.append(reference.average_precision_score(np.eye(4)[y], rows[columns].to_numpy(), average="macro"))
        f1.append(reference.f1_score(y, rows[columns].to_numpy().argmax(1), average="macro"))
    assert test["metrics"]["pr_auc"]["value"] == pytest.approx(np.mean(scores), abs=1e-6)
    assert test["operating_points"]["default"]["metrics"]["f1"]["value"] == pytest.approx(np.mean(f1), abs=1e-6)
    assert list(test["operating_points"]) == ["default"]
    assert set(test["per_class"]["noise_DNS"]) == {"pr_auc", "roc_auc", "pr_auc_gain"}, "without a rare class there is no alarm"
    assert np.array(test["operating_points"]["default"]["confusion"]).shape == (4, 4)
    assert test["prevalence"] is None


def test_four_classes_with_a_rare_one_have_both_operating_points(tmp_path):
    result = evaluate(four_classes(tmp_path, "noise_DNS"))["splits"]["test"]
    assert set(result["operating_points"]) == {"default", "validation"}
    assert result["metrics"]["pr_auc"] == result["per_class"]["noise_DNS"]["pr_auc"]


def test_every_problem_of_the_predictions_is_told_at_once(tmp_path):
    def spoil(table):
        first = table.index == table.index[0]
        table = table.assign(p_deformation=table["p_deformation"].mask(first & (table["split"] == "test"), np.nan))
        table = table[~((table["seed"] == 2) & (table["sample"] == table.query("split == 'validation'")["sample"].iloc[0]))]
        return table.assign(label=table["label"].replace("no_deformation", "nodeformation"))

    with pytest.raises(DatasetError) as caught:
        evaluate(change(write_run(tmp_path), spoil))
    message = str(caught.value)
    assert "predictions.parquet cannot be evaluated" in message
    assert "unknown label 'nodeformation'; did you mean 'no_deformation'?" in message
    assert "1 of 4859 rows hold no probabilities" in message and "p_deformation nan" in message
    assert "validation: every seed should score every sample once, found 1619 rows (seed 0: 540, seed 1: 540, seed 2: 539)" in message
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda table: table.drop(columns="p_deformation"), "no column p_deformation; found sample"),
        (lambda table: table.query("split == 'validation'"), "no prediction for the test split"),
        (lambda table: table.query("event != 'test03'"), "test: 990 samples are scored, the dataset has 1080"),
        (lambda table: table.assign(p_deformation=table["p_deformation"] * 2), "hold no probabilities"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(tmp_path, edit, message):
    with pytest.raises(DatasetError, match=message):
        evaluate(change(write_run(tmp_path), edit))


def test_labels_of_the_dataset_are_not_taken_from_their_order(tmp_path):
    """Classes listed the other way round give the same scores."""
    first, second = write_run(tmp_path / "a"), write_run(tmp_path / "b")
    dataset = read_json(second / "dataset.json")
    write_json(second / "dataset.json", {**dataset, "classes": CLASSES[::-1]})
    a, b = evaluate(first)["splits"]["test"], evaluate(second)["splits"]["test"]
    assert a["metrics"] == b["metrics"]
    assert a["operating_points"]["validation"]["metrics"] == b["operating_points"]["validation"]["metrics"]


def test_evaluation_needs_no_framework():
    modules = ", ".join(f"fringeflow.evaluation.{name}" for name in ("evaluate", "compare", "strategies"))
    code = f"import sys, {modules}; print(sorted({{'torch', 'sklearn', 'tensorflow'}} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
