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
    for view in ("wrapped", "spectrogram"):
        assert (results / f"comparison/fringes/gallery_{view}.png").read_bytes()[:4] == b"\x89PNG"


def test_every_strategy_is_paired_with_its_baseline(finished):
    folder = finished.folder / "results/comparison"
    with open(folder / "fringes_strategies.tsv") as handle:
        table = list(csv.DictReader(handle, delimiter="\t"))
    with open(folder / "fringes.tsv") as handle:
        compared = {(row["view"], row["strategy"]): row for row in csv.DictReader(handle, delimiter="\t")}
    assert [(row["view"], row["strategy"], row["baseline"]) for row in table] == [
        (view, strategy, "none") for view in ("spectrogram", "wrapped") for strategy in ("none", "class_weights")
    ]
    for row in table:
        other = compared[row["view"], row["strategy"]]
        assert [float(row[name]) for name in ("pr_auc", "pr_auc_lower")] == [float(other[name]) for name in ("pr_auc", "pr_auc_lower")]
        assert float(row["pr_auc_difference_lower"]) <= float(row["pr_auc_difference"]) <= float(row["pr_auc_difference_upper"])
        assert (row["pr_auc_verdict"] == "baseline") == (row["strategy"] == "none")
    for name in ("strategies", "heatmap", "curves", "reliability", "confusion"):
        assert (folder / f"fringes_{name}.png").read_bytes()[:4] == b"\x89PNG"
    events = pd.read_csv(folder / "fringes_events.tsv", sep="\t", keep_default_na=False, na_values=[""])
    samples = pd.read_parquet(finished.folder / "results/datasets/fringes/samples.parquet")
    assert set(events["event"]) == set(samples[samples["split"] == "test"]["event"])
    assert len(events) == 4 * events["event"].nunique()


def test_no_earthquake_and_no_interferogram_crosses_a_split(finished):
    samples = pd.read_parquet(finished.folder / "results/datasets/fringes/samples.parquet")
    assert (samples.groupby("event")["split"].nunique() == 1).all()
    assert (samples.groupby(["frame", "pair"])["split"].nunique() == 1).all()
    assert set(samples["split"]) == {"train", "validation", "test"}
    assert set(samples["label"]) == {"deformation", "no_deformation"}


def test_only_coseismic_pairs_are_positive(finished):
    samples = pd.read_parquet(finished.folder / "results/datasets/fringes/samples.parquet")
    assert samples[samples.label == "deformation"]["coseismic"].all()


def test_outlines_that_a_person_drew_are_trusted_before_the_model(copied):
    """Another event's outline far away: no tile of this earthquake is deformation any more, and only its tiles are cut again."""
    tiles = pd.read_parquet(next(copied.folder.glob("results/events/*/standard/tiles.parquet")))
    event = tiles["event"].iloc[0]
    square = [[0, 0], [0, 1e-3], [1e-3, 1e-3], [0, 0]]
    outline = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [square]}}
    (copied.folder / "config/polygons").mkdir()
    path = copied.folder / f"config/polygons/{event}.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [outline]}))
    copied.configure(catalogue={"polygons": "config/polygons"})
    assert [job for job in copied.planned() if job.startswith("tile ")] == [f"tile event={event}, tiling=standard"]
    copied.snakemake("--cores", "1", f"results/events/{event}/standard/tiles.parquet")
    again = pd.read_parquet(copied.folder / f"results/events/{event}/standard/tiles.parquet")
    assert len(again) == len(tiles)
    assert set(again["label"]) == {"no_deformation"}
    assert again.loc[again["coseismic"], "why"].str.contains("polygon|outline").all()


def test_the_run_ends_with_what_was_compared_and_what_to_open(copied):
    done = copied.snakemake("--cores", "2", "--forcerun", "compare")
    assert "results/comparison/fringes" in done.stdout
    assert "PR-AUC against none, paired: better" in done.stdout
