"""The comparison has a row a run, the honest columns, and a summary that says what can be trusted."""

from pathlib import Path
from unittest.mock import patch

import pandas as pd
import pytest

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError
from fringeflow.evaluation.compare import SCORES, compare_runs
from fringeflow.evaluation.comparison_figure import draw_comparison
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.summary import chosen_run, read_comparison, summarise
from fringeflow.files import read_json, write_json
from tests.unit.toy_predictions import write_run


def made(root: Path, runs: dict[str, float], **options) -> list[Path]:
    """Write and evaluate runs of some skill."""
    folders = []
    for number, (name, skill) in enumerate(runs.items()):
        folder = write_run(root / "runs" / "fringes" / name, skill=skill, draw=number + 1, seeds=2, **options)
        with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
            evaluate_run(
                folder / "predictions.parquet", folder / "dataset.json", Evaluation(bootstrap=100),
                out=folder / "metrics.json", figure=folder / "evaluation.png",
            )  # fmt: skip
        folders.append(folder)
    return folders


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    root = tmp_path_factory.mktemp("comparison")
    runs = made(root, {"wrapped/net/none": 3.5, "wrapped/net/focal": 2.5, "unwrapped/svm/none": 1.0, "unwrapped/svm/class_weights": -2.0})
    table = compare_runs(runs, out=root / "fringes.tsv", figure=root / "fringes.png")
    return root, runs, table


def test_a_row_a_run_best_first_with_bounds(compared):
    root, runs, _ = compared
    table = read_comparison(root / "fringes.tsv")
    assert list(table[["dataset", "view", "model", "strategy"]].iloc[0]) == ["fringes", "wrapped", "net", "none"]
    assert len(table) == 4
    assert table["pr_auc"].is_monotonic_decreasing
    wanted = ["dataset", "view", "model", "strategy", "n_test", "prevalence", "pr_auc", "roc_auc", "mcc", "f1", "accuracy", "seconds"]
    assert set(wanted) <= set(table)
    for name in SCORES:
        assert (table[f"{name}_lower"] <= table[name]).all()
        assert (table[name] <= table[f"{name}_upper"]).all()
    best = read_json(runs[0] / "metrics.json")["splits"]["test"]
    assert table["mcc"].iloc[0] == best["operating_points"]["default"]["metrics"]["mcc"]["value"]
    assert table["f1_tuned"].iloc[0] == best["operating_points"]["validation"]["metrics"]["f1"]["value"]
    assert table["seconds"].iloc[0] == 11.0
    assert set(table["strategy"]) == {"none", "focal", "class_weights"}
    assert (root / "fringes.png").read_bytes()[:4] == b"\x89PNG"


def test_the_order_of_the_runs_changes_nothing(compared, tmp_path):
    root, runs, _ = compared
    compare_runs(runs[::-1], out=tmp_path / "fringes.tsv", figure=tmp_path / "fringes.png")
    for name in ("fringes.tsv", "fringes.png"):
        assert (tmp_path / name).read_bytes() == (root / name).read_bytes()


def test_the_summary_names_the_best_run_its_baseline_and_the_files(compared):
    root, _, table = compared
    text = summarise(root / "fringes.tsv")
    assert text.startswith("fringes: 4 runs (2 views, 2 models; strategies class_weights, focal, none) on 1080 test tiles of 12 events, ")
    row = table.iloc[0]
    assert f"wrapped / net / none: PR-AUC {row['pr_auc']:.3f} [{row['pr_auc_lower']:.3f}, {row['pr_auc_upper']:.3f}], wholly above" in text
    assert str(root / "fringes.png") in text
    assert str(root / "fringes.tsv") in text
    assert len(text.splitlines()) <= 7


def test_the_summary_admits_that_a_run_may_know_nothing(compared, tmp_path):
    _, runs, _ = compared
    compare_runs(runs[-1:], out=tmp_path / "poor.tsv", figure=tmp_path / "poor.png")
    text = summarise(tmp_path / "poor.tsv")
    assert "NOT wholly above prevalence" in text
    assert "fringes: 1 run (1 view, 1 model;" in text


def test_the_run_that_validation_chooses_may_not_be_the_best_on_test():
    names = {"dataset": "d", "view": "v", "model": "m"}
    rows = [("x", 0.9, 0.5, 0.1), ("y", 0.8, 0.7, 0.3), ("a", 0.6, 0.7, 0.4)]
    columns = ("strategy", "pr_auc", "validation_pr_auc", "validation_log_loss")
    table = pd.DataFrame([{**names, **dict(zip(columns, row, strict=True))} for row in rows])
    assert chosen_run(table)["strategy"] == "y"


def test_few_earthquakes_are_flagged(tmp_path):
    runs = made(tmp_path, {"wrapped/net/none": 3.0}, test=4)
    compare_runs(runs, out=tmp_path / "t.tsv", figure=tmp_path / "t.png")
    assert "Few test events hold the rarest class (4)" in summarise(tmp_path / "t.tsv")
    assert bool(read_comparison(tmp_path / "t.tsv")["few_groups"].iloc[0]) is True


def test_runs_of_different_versions_of_the_dataset_are_not_compared(compared, tmp_path):
    _, runs, _ = compared
    other = made(tmp_path, {"wrapped/net/none": 3.0}, digest="newer")
    with pytest.raises(DatasetError, match="scored on 2 versions of the dataset"):
        compare_runs([*runs, *other], out=tmp_path / "t.tsv", figure=tmp_path / "t.png")
    write_json(other[0] / "run.json", {"dataset": {"digest": "older"}})
    with pytest.raises(DatasetError, match="trained on version older of the dataset, scored on newer"):
        compare_runs(other, out=tmp_path / "t.tsv", figure=tmp_path / "t.png")
    assert not (tmp_path / "t.tsv").exists()


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(DatasetError, match="no run to compare"):
        compare_runs([], out=tmp_path / "t.tsv", figure=tmp_path / "t.png")
    with pytest.raises(DatasetError, match=r"fringes/wrapped/net/none: FileNotFoundError.*metrics\.json"):
        compare_runs([tmp_path / "fringes/wrapped/net/none"], out=tmp_path / "t.tsv", figure=tmp_path / "t.png")


def test_a_hundred_runs_still_make_a_picture_of_readable_rows(compared, tmp_path):
    import struct

    _, _, table = compared
    rows = [{**table.iloc[0], "view": f"view{i % 3}", "model": f"m{i % 4}", "strategy": f"s{i // 12}"} for i in range(108)]
    draw_comparison(pd.DataFrame(rows), tmp_path / "many.png")
    width, height = struct.unpack(">II", (tmp_path / "many.png").read_bytes()[16:24])
    assert height / 108 > 20, "pixels a run"
    assert width < 2500
