"""The small run from an empty folder to the comparison."""

import csv
import json

import pandas as pd
import pytest


def test_every_promised_result_is_there(finished):
    results = finished.folder / "results"
    with open(results / "comparison/fringes.tsv") as handle:
        table = list(csv.DictReader(handle, delimiter="\t"))
    assert {(row["view"], row["model"], row["strategy"]) for row in table} == {
        (view, "hog_svm", strategy) for view in ("wrapped", "spectrogram") for strategy in ("none", "class_weights")
    }
    for row in table:
        folder = results / "runs" / row["dataset"] / row["view"] / row["model"] / row["strategy"]
        metrics = json.loads((folder / "metrics.json").read_text())
        predictions = pd.read_parquet(folder / "predictions.parquet")
        test = predictions[predictions.split == "test"]
        assert int(row["n_test"]) == test["sample"].nunique()
        assert float(row["prevalence"]) == pytest.approx((test.label == "deformation").mean(), abs=1e-6)
        for score in ("pr_auc", "roc_auc", "mcc", "f1", "accuracy"):
            assert float(row[f"{score}_lower"]) <= float(row[score]) <= float(row[f"{score}_upper"])
        assert metrics


def test_no_earthquake_and_no_interferogram_crosses_a_split(finished):
    samples = pd.read_parquet(finished.folder / "results/datasets/fringes/samples.parquet")
    assert (samples.groupby("event")["split"].nunique() == 1).all()
    assert (samples.groupby(["frame", "pair"])["split"].nunique() == 1).all()
    assert set(samples["split"]) == {"train", "validation", "test"}
    assert set(samples["label"]) == {"deformation", "no_deformation"}


def test_only_coseismic_pairs_are_positive(finished):
    samples = pd.read_parquet(finished.folder / "results/datasets/fringes/samples.parquet")
    assert samples[samples.label == "deformation"]["coseismic"].all()


def test_a_second_run_from_an_empty_folder_gives_the_same_bytes(finished, fresh):
    again = fresh("again")
    again.snakemake("--cores", "2")
    assert again.digests() == finished.digests()


def test_the_run_ends_with_what_was_compared_and_what_to_open(copied):
    done = copied.snakemake("--cores", "2", "--forcerun", "compare")
    assert "results/comparison/fringes" in done.stdout
    assert "PR-AUC" in done.stdout
