"""One temperature, fitted on validation, brings back the confidence that was taken away, and moves no ranking of two classes."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from fringeflow.config.models import Evaluation
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.metrics import Ranking, average_precision, log_loss
from fringeflow.evaluation.predictions import Predictions
from fringeflow.evaluation.temperature import COLDEST, HOTTEST, fit_temperature, fit_temperatures, scaled
from tests.unit.toy_predictions import write_run


def drawn(classes: int = 2, count: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """Draw truths from known probabilities: these are calibrated by construction."""
    rng = np.random.default_rng(3)
    probability = softmax(rng.normal(0, 2, (count, classes)) + np.linspace(1.5, 0, classes), axis=1)
    return (probability.cumsum(1) > rng.random((count, 1))).argmax(1), probability


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("distortion", [0.4, 1.0, 3.0])
def test_the_temperature_that_distorted_the_logits_is_found(classes, distortion):
    """softmax(T z) read as if it were softmax(z) is too sure by T, and scaling by T gives back the truth."""
    truth, probability = drawn(classes)
    distorted = scaled(probability, 1 / distortion)
    found = fit_temperature(truth, distorted)
    assert found == pytest.approx(distortion, rel=0.03)
    assert np.abs(scaled(distorted, found) - probability).max() < 0.02


def test_no_other_temperature_has_less_loss():
    truth, probability = drawn(count=500)
    best = log_loss(truth, scaled(probability, fit_temperature(truth, probability))).mean()
    assert all(best <= log_loss(truth, scaled(probability, t)).mean() + 1e-9 for t in np.geomspace(0.1, 10, 200))


def test_scaling_by_one_changes_nothing_and_rows_sum_to_one():
    _, probability = drawn(3, 1000)
    assert np.allclose(scaled(probability, 1.0), probability, atol=1e-12)
    for temperature in (COLDEST, 0.5, HOTTEST):
        assert np.allclose(scaled(probability, temperature).sum(1), 1)


@pytest.mark.parametrize("temperature", [0.5, 2.0, HOTTEST])
def test_scaling_leaves_pr_auc_and_the_likeliest_class_alone(temperature):
    truth, probability = drawn(count=5000)
    warmer = scaled(probability, temperature)
    before, after = (
        average_precision(*Ranking.of(truth == 1, values[:, 1]).curves(np.ones(len(truth)))) for values in (probability, warmer)
    )
    assert after == pytest.approx(before, abs=1e-12)
    assert (warmer.argmax(1) == probability.argmax(1)).all()


def test_what_validation_cannot_tell_stays_within_bounds():
    truth = np.array([0, 0, 1, 1])
    right = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]])
    assert fit_temperature(truth, right) == pytest.approx(COLDEST)
    assert fit_temperature(1 - truth, right) == pytest.approx(HOTTEST)
    assert fit_temperature(truth, np.full((4, 2), 0.5)) == 1
    certain = np.eye(2)[[0, 0, 1, 0]]
    assert COLDEST <= fit_temperature(truth, certain) <= HOTTEST
    assert np.isfinite(scaled(certain, COLDEST)).all()


def evaluated(folder, edit=lambda table: table):
    run = write_run(folder)
    table = pd.read_parquet(run / "predictions.parquet")
    edit(table).to_parquet(run / "predictions.parquet", index=False)
    with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
        return evaluate_run(
            run / "predictions.parquet", run / "dataset.json", Evaluation(bootstrap=100), out=run / "metrics.json", figure=run / "e.png"
        )


def sharpened(table: pd.DataFrame) -> pd.DataFrame:
    """Make every seed three times too sure."""
    columns = ["p_no_deformation", "p_deformation"]
    table[columns] = scaled(table[columns].to_numpy(), 1 / 3)
    return table


def test_metrics_hold_both_sides_of_the_scaling(tmp_path):
    plain, sure = evaluated(tmp_path / "a"), evaluated(tmp_path / "b", sharpened)
    assert len(sure["temperature"]) == len(sure["seeds"]) == 3
    assert np.allclose(np.array(sure["temperature"]) / plain["temperature"], 3, rtol=1e-3)
    test = sure["splits"]["test"]
    assert set(test["calibrated"]["metrics"]) == {"brier", "log_loss", "ece"}
    for name in ("brier", "log_loss"):
        before, after = test["metrics"][name], test["calibrated"]["metrics"][name]
        assert after["value"] < before["value"]
        assert after["lower"] <= after["value"] <= after["upper"]
        # However sure the run was made, scaling ends at the same probabilities.
        assert after["value"] == pytest.approx(plain["splits"]["test"]["calibrated"]["metrics"][name]["value"], abs=1e-4)
    assert sum(row["tiles"] for row in test["calibrated"]["calibration"]) == pytest.approx(1080)
    assert (test["calibrated"]["fitted_here"], sure["splits"]["validation"]["calibrated"]["fitted_here"]) == (False, True)
    assert test["metrics"]["pr_auc"] == plain["splits"]["test"]["metrics"]["pr_auc"]


def test_the_temperature_never_sees_the_test_part(tmp_path):
    def poison(table):
        columns = ["p_no_deformation", "p_deformation"]
        test = (table["split"] == "test").to_numpy()
        table.loc[test, columns] = table.loc[test, columns[::-1]].to_numpy()
        return table

    assert evaluated(tmp_path / "a")["temperature"] == evaluated(tmp_path / "b", poison)["temperature"]


def test_each_seed_has_its_own_temperature():
    truth, probability = drawn(count=5000)
    samples = pd.DataFrame({"sample": range(5000)})
    both = Predictions(samples, truth, np.stack([probability, scaled(probability, 0.5)]), [0, 1], ["a", "b"], 1)
    first, second = fit_temperatures(both)
    assert second / first == pytest.approx(2, rel=1e-3)
