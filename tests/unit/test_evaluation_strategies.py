"""Every run stands beside its baseline: differences by pairs, what validation chose, each earthquake, and five pictures."""

import struct
from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.strategies import EVENT_COLUMNS, EVENT_SCORES, SCORES, compare_strategies
from fringeflow.evaluation.summary import read_comparison, summarise
from fringeflow.files import read_json, write_json
from tests.unit.toy_predictions import write_run

QUICK = Evaluation(bootstrap=100)
PICTURES = ("differences", "heatmap", "curves", "reliability", "confusion")
SKILLS = {
    "wrapped/net/none": 1.5,
    "wrapped/net/focal": 4.0,
    "wrapped/net/undersample": -0.5,
    "wrapped/svm/class_weights": 1.0,
    "wrapped/svm/oversample": 1.0,
    "unwrapped/net/none": 1.0,
}


def made(root: Path, skills: dict[str, float] = SKILLS, **options) -> list[Path]:
    """Write the predictions of runs of some skill."""
    runs = enumerate(skills.items())
    folders = [write_run(root / "runs/fringes" / name, skill=skill, draw=number + 1, seeds=2, **options) for number, (name, skill) in runs]
    return [folder / "predictions.parquet" for folder in folders]


def paired(paths: list[Path], out: Path, settings: Evaluation = QUICK) -> pd.DataFrame:
    pictures = {name: out / f"{name}.png" for name in PICTURES}
    return compare_strategies(
        paths, paths[0].with_name("dataset.json"), settings,
        out=out / "fringes_strategies.tsv", events=out / "fringes_events.tsv", pictures=pictures,
    )  # fmt: skip


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    root = tmp_path_factory.mktemp("strategies")
    paths = made(root)
    paired(paths, root)
    return root, paths, read_comparison(root / "fringes_strategies.tsv").set_index(["view", "model", "strategy"])


def test_each_run_is_held_against_the_baseline_of_its_view_and_model(compared):
    _, _, table = compared
    assert dict(table["baseline"]) == {
        tuple(name.split("/")): "class_weights" if "svm" in name else "none" for name in SKILLS
    }  # fmt: skip
    for (_, _, strategy), row in table.iterrows():
        for score in SCORES:
            own = [row[f"{score}_difference{end}"] for end in ("", "_lower", "_upper")]
            if strategy == row["baseline"]:
                assert (own, row[f"{score}_verdict"]) == ([0, 0, 0], "baseline")
            else:
                assert own[1] <= own[0] <= own[2]
                assert row[f"{score}_verdict"] == ("better" if own[1] > 0 else "worse" if own[2] < 0 else "undecided")
    focal, none = table.loc[("wrapped", "net", "focal")], table.loc[("wrapped", "net", "none")]
    assert focal["pr_auc_verdict"] == "better"
    assert focal["pr_auc_difference"] == pytest.approx(focal["pr_auc"] - none["pr_auc"], abs=2e-6)
    assert table.loc[("wrapped", "net", "undersample")]["pr_auc_verdict"] == "worse"


def test_scores_and_their_bounds_are_those_of_the_run_s_own_metrics(compared, tmp_path):
    _, paths, table = compared
    with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
        result = evaluate_run(paths[1], paths[1].with_name("dataset.json"), QUICK, out=tmp_path / "m.json", figure=tmp_path / "e.png")
    test, row = result["splits"]["test"], table.loc[("wrapped", "net", "focal")]
    tuned = test["operating_points"]["validation"]["metrics"]
    expected = {"pr_auc": test["metrics"]["pr_auc"], "mcc_tuned": tuned["mcc"], "f1_tuned": tuned["f1"]}
    expected["recall_at_false_alarms"] = test["metrics"]["recall_at_false_alarms"]
    for score, found in expected.items():
        bounds = [row[f"{score}{end}"] for end in ("", "_lower", "_upper")]
        assert bounds == pytest.approx([found["value"], found["lower"], found["upper"]], abs=2e-6)
    assert row["validation_pr_auc"] == pytest.approx(result["splits"]["validation"]["metrics"]["pr_auc"]["value"], abs=2e-6)
    assert row["prevalence"] == pytest.approx(test["prevalence"], abs=1e-6)
    assert (row["n_test"], row["n_groups"], row["n_groups_rarest"], row["seeds"], row["few_groups"]) == (1080, 12, 12, 2, False)


def test_the_best_of_a_view_has_the_draws_and_validation_chooses_without_the_test(compared):
    _, _, table = compared
    assert dict(table["best_share"].groupby("view").sum()) == pytest.approx({"wrapped": 1, "unwrapped": 1}, abs=1e-5)
    assert table.loc[("wrapped", "net", "focal")]["best_share"] > 0.9
    for depth, column in ((["view"], "chosen_of_view"), (["view", "model"], "chosen_of_model")):
        for _, rows in table.groupby(depth):
            assert list(rows[column]) == list(rows["validation_pr_auc"] == rows["validation_pr_auc"].max())
    chosen = table[table["chosen_of_view"]]
    assert (chosen[["pr_auc_to_chosen", "pr_auc_to_chosen_lower", "pr_auc_to_chosen_upper"]] == 0).all(axis=None)
    others = table[~table["chosen_of_view"]]
    assert (others["pr_auc_to_chosen_upper"] < 0).all()


def test_each_run_says_what_it_made_of_each_earthquake(compared):
    root, paths, _ = compared
    events = read_comparison(root / "fringes_events.tsv")
    assert list(events) == ["dataset", "view", "model", "strategy", *EVENT_COLUMNS, *EVENT_SCORES]
    assert len(events) == len(SKILLS) * 12
    own = events[(events["view"] == "wrapped") & (events["strategy"] == "focal")].set_index("event")
    predictions = pd.read_parquet(paths[1]).query("split == 'test' and label == 'deformation'")
    assert dict(own["positives"]) == dict(predictions.groupby("event")["sample"].nunique())
    highest = predictions.groupby(["event", "seed"])["p_deformation"].max().groupby("event").mean()
    assert dict(own["max_score_on_positives"]) == pytest.approx(dict(highest), abs=1e-6)
    assert ((own["detected"] > 0) == (own["recall"] > 0)).all()
    assert own["detected"].isin([0, 0.5, 1]).all()
    with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
        result = evaluate_run(paths[1], paths[1].with_name("dataset.json"), QUICK, out=root / "m.json", figure=root / "e.png")
    alarms = {row["event"]: row["validation"]["false_alarms_per_interferogram"] for row in result["splits"]["test"]["events"]}
    assert dict(own["false_alarms_per_interferogram"]) == pytest.approx(alarms, abs=2e-6)


def test_the_order_of_the_runs_changes_nothing_and_a_rerun_gives_the_same_bytes(compared, tmp_path):
    root, paths, _ = compared
    paired(paths[::-1], tmp_path)
    for name in ("fringes_strategies.tsv", "fringes_events.tsv", *(f"{picture}.png" for picture in PICTURES)):
        assert (tmp_path / name).read_bytes() == (root / name).read_bytes(), name


def test_every_picture_is_one_that_a_page_can_show(compared):
    root, _, _ = compared
    for name in PICTURES:
        content = (root / f"{name}.png").read_bytes()
        width, height = struct.unpack(">II", content[16:24])
        assert content[:4] == b"\x89PNG"
        assert 900 <= width <= 2400, name
        assert 150 <= height <= 2400, name


def test_models_with_one_strategy_leave_nothing_to_pair(tmp_path):
    paths = made(tmp_path, {"wrapped/net/none": 2.0, "unwrapped/net/none": 1.0})
    table = paired(paths, tmp_path)
    assert set(table["pr_auc_verdict"]) == {"baseline"}
    assert (tmp_path / "differences.png").exists()


def test_four_classes_without_a_rare_one_are_paired_by_their_means(tmp_path):
    from tests.unit.test_evaluation_evaluate import four_classes

    paths = [four_classes(tmp_path / "runs/pictures/gather/net" / name, None) / "predictions.parquet" for name in ("none", "focal")]
    table = paired(paths, tmp_path)
    assert list(table["strategy"]) == ["none", "focal"]
    # Both were made alike: nothing parts them.
    assert (table[["pr_auc_difference", "mcc_tuned_difference", "f1_tuned_difference"]] == 0).all(axis=None)
    assert list(table["best_share"]) == [0.5, 0.5]
    assert table["prevalence"].isna().all()
    assert read_comparison(tmp_path / "fringes_events.tsv").empty


def test_one_test_earthquake_decides_nothing(tmp_path):
    table = paired(made(tmp_path, {"wrapped/net/none": 1.0, "wrapped/net/focal": 4.0}, test=1), tmp_path)
    assert table["pr_auc_difference_lower"].isna().all()
    assert list(table["pr_auc_verdict"]) == ["baseline", "undecided"]


def test_runs_that_do_not_match_are_refused(compared, tmp_path):
    _, paths, _ = compared
    with pytest.raises(DatasetError, match="no run to compare"):
        compare_strategies([], tmp_path / "d.json", QUICK, out=tmp_path / "t.tsv", events=tmp_path / "e.tsv", pictures={})
    fewer = write_run(tmp_path / "runs/fringes/wrapped/net/zzz", seeds=3)
    with pytest.raises(DatasetError, match=r"(?s)net/zzz/.*cannot be paired.*seeds \[0, 1, 2\], the first run has \[0, 1\]"):
        paired([paths[0], fewer / "predictions.parquet"], tmp_path)
    other = write_run(tmp_path / "runs/fringes/wrapped/net/zzz", seeds=2)
    table = pd.read_parquet(other / "predictions.parquet")
    table["sample"] = table["sample"].str.replace("test03", "test99")
    table.to_parquet(other / "predictions.parquet", index=False)
    with pytest.raises(DatasetError, match="1080 test samples that are not the 1080 of the first run"):
        paired([paths[0], other / "predictions.parquet"], tmp_path)
    assert not (tmp_path / "fringes_strategies.tsv").exists()


def test_the_summary_counts_what_pairing_decided(compared, tmp_path):
    _, _, table = compared
    rows = table.reset_index()
    rows.to_csv(tmp_path / "fringes_strategies.tsv", sep="\t", index=False)
    columns = {f"{score}{end}": 0.5 for score in ("pr_auc", "roc_auc") for end in ("", "_lower", "_upper")}
    about = {"n_test": 1080, "n_groups": 12, "n_groups_rarest": 12, "prevalence": 0.06, "few_groups": False}
    about |= {"pr_auc_gain_lower": 0.1, "validation_log_loss": 0.2, "n_validation_rarest": 2}
    rows[["dataset", "view", "model", "strategy", "validation_pr_auc"]].assign(**columns, **about).to_csv(
        tmp_path / "fringes.tsv", sep="\t", index=False
    )
    text = summarise(tmp_path / "fringes.tsv")
    focal = table.loc[("wrapped", "net", "focal")]
    counts = table["pr_auc_verdict"].value_counts()
    counted = ", ".join(f"{verdict} {counts.get(verdict, 0)}" for verdict in ("better", "worse", "undecided"))
    assert f"PR-AUC against class_weights or none, paired: {counted} (clearest: wrapped / net / focal: " in text
    assert f"+{focal['pr_auc_difference']:.3f} [+{focal['pr_auc_difference_lower']:.3f}, +{focal['pr_auc_difference_upper']:.3f}]" in text
    assert f"{tmp_path / 'fringes_strategies.png'} (paired differences)" in text
    assert "Only 2 validation events hold the rarest class" in text


def test_the_dataset_may_hold_classes_in_any_order(compared, tmp_path):
    _, paths, table = compared
    described = read_json(paths[0].with_name("dataset.json"))
    first = tmp_path / "dataset.json"
    write_json(first, {**described, "classes": described["classes"][::-1]})
    pictures = {name: tmp_path / f"{name}.png" for name in PICTURES}
    turned = compare_strategies(paths[:2], first, QUICK, out=tmp_path / "t.tsv", events=tmp_path / "e.tsv", pictures=pictures)
    found = turned.set_index(["view", "model", "strategy"]).loc[("wrapped", "net", "focal")]
    assert found["f1_tuned_difference"] == pytest.approx(table.loc[("wrapped", "net", "focal")]["f1_tuned_difference"], abs=1e-6)
