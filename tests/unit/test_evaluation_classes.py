"""Four classes of recordings side by side: the table of classes, words that fit, and cascades beside flat runs."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from fringeflow.errors import DatasetError
from fringeflow.evaluation import classes_figure
from fringeflow.evaluation.cascade_pairs import COLUMNS, pair_cascades
from fringeflow.evaluation.classes import tabulate_classes
from fringeflow.evaluation.compare import compare_runs
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.predictions import read_predictions
from fringeflow.evaluation.strategies import compare_strategies
from fringeflow.evaluation.summary import chosen_run, read_comparison, summarise
from fringeflow.files import read_json, write_json
from tests.unit.toy_recordings import CLASSES, SETTINGS, STAGES, evaluate, write_run


def texts(figure: Figure) -> str:
    every = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        every += [text.get_text() for text in axes.texts]
        every += [axes.get_title(loc) for loc in ("left", "center")] + [axes.get_xlabel(), axes.get_ylabel()]
        legend = axes.get_legend()
        every += [text.get_text() for text in legend.get_texts()] if legend else []
        every += [label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())]
    return "\n".join(every)


# Tables, words and pictures


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """Two families, flat and cascade, of which the cascade of the SVM is much the best."""
    root = tmp_path_factory.mktemp("gathers")
    runs = []
    counts = {"validation": (12, 8, 6, 6), "test": (19, 6, 4, 3)}
    for draw, (model, skill, pair) in enumerate([("svm", 1, 0), ("svm_cascade", 7, 7), ("net", 2.5, 0.5), ("net_cascade", 2.5, 1.5)]):
        for strategy in ("none", "class_weights"):
            folder = root / "runs/gathers/gather" / model / strategy
            architecture = "hog_svm" if "svm" in model else "resnet18"
            options = {"skill": skill, "pair_skill": pair, "architecture": architecture, "cascade": "cascade" in model}
            runs.append(write_run(folder, draw=2 * draw + (strategy == "none"), counts=counts, **options))
            evaluate(runs[-1], stages=STAGES)
    out = root / "comparison"
    compare_runs(runs, out=out / "gathers.tsv", figure=out / "gathers.png")
    pictures = {name: out / f"gathers_{name}.png" for name in ("differences", "heatmap", "curves", "reliability", "confusion")}
    files = [run / "predictions.parquet" for run in runs]
    paired = {"out": out / "gathers_strategies.tsv", "events": out / "gathers_events.tsv", "pictures": pictures}
    saved: dict[str, Figure] = {}
    keep = lambda figure, path, **_: saved.update({Path(path).stem: figure})  # noqa: E731
    with (
        patch("fringeflow.evaluation.view_figures.save_picture", keep),
        patch("fringeflow.evaluation.strategy_figures.save_picture", keep),
        patch("fringeflow.evaluation.comparison_figure.save_picture", keep),
        patch("fringeflow.evaluation.classes_figure.save_picture", keep),
        patch("fringeflow.evaluation.figures.save_picture", keep),
    ):
        compare_strategies(files, runs[0] / "dataset.json", SETTINGS, **paired)
        compare_runs(runs, out=out / "gathers.tsv", figure=out / "gathers.png")
        classes = tabulate_classes([run / "metrics.json" for run in runs], out=out / "classes.tsv", figure=out / "classes.png")
        evaluate(runs[0], picture=True, stages=STAGES)
    return out, runs, classes, saved


def test_a_row_for_each_run_class_and_stage(compared):
    out, runs, table, _ = compared
    read = read_comparison(out / "classes.tsv")
    assert len(read) == len(table) == 8 * ((1 + 4) + (1 + 3) + (1 + 2))
    row = read.query("model == 'net' and strategy == 'none' and scope == 'class' and stage.isna() and `class` == 'noise_DNS'").iloc[0]
    folder = next(run for run in runs if run.parts[-2:] == ("net", "none"))
    expected = read_json(folder / "metrics.json")["splits"]["test"]["operating_points"]["default"]["per_class"]["noise_DNS"]
    for score in ("precision", "recall", "f1"):
        assert (row[score], row[f"{score}_lower"], row[f"{score}_upper"]) == tuple(expected[score][b] for b in ("value", "lower", "upper"))
    assert row["n"] == 4 and bool(row["hard_pair"]) and not read.query("`class` == 'brak_Station'")["hard_pair"].any()
    means = read[(read["scope"] == "mean") & read["stage"].isna()]
    assert means["f1"].is_monotonic_decreasing and means["model"].iloc[0] == "svm_cascade"
    assert means["majority_f1"].iloc[0] == pytest.approx(2 * 19 / (19 + 32) / 4, abs=1e-6)


def test_validation_chooses_one_flat_run_and_one_cascade_of_each_family(compared):
    table = compared[2]
    chosen = table[table["chosen"]].drop_duplicates(["model", "strategy"])
    assert sorted(chosen["model"]) == ["net", "net_cascade", "svm", "svm_cascade"]


def test_the_comparison_is_ranked_and_chosen_by_macro_f1(compared):
    table = read_comparison(compared[0] / "gathers.tsv")
    assert table["macro_f1"].is_monotonic_decreasing
    assert (table["macro_f1_lower"] <= table["macro_f1"]).all() and table["recall_at_false_alarms"].isna().all()
    assert table["events_detected"].isna().all()
    best = table["validation_macro_f1"].max()
    assert chosen_run(table)["validation_macro_f1"] == best
    swapped = table.assign(validation_pr_auc=1 - table["validation_pr_auc"])
    assert chosen_run(swapped)["validation_macro_f1"] == best, "PR-AUC has no say without a positive class"


def test_the_strategies_agree_with_the_comparison_on_the_chosen_run(compared):
    pairs, table = read_comparison(compared[0] / "gathers_strategies.tsv"), read_comparison(compared[0] / "gathers.tsv")
    (chosen,) = pairs[pairs["chosen_of_view"]].itertuples()
    assert (chosen.model, chosen.strategy) == tuple(chosen_run(table)[["model", "strategy"]])
    assert "recall_at_false_alarms" not in pairs and pd.read_csv(compared[0] / "gathers_events.tsv", sep="\t").empty


def test_the_summary_speaks_of_recordings_and_of_the_majority(compared):
    text = summarise(compared[0] / "gathers.tsv")
    assert "on 32 test gathers of 32 recordings." in text
    assert "Best on test: gather / svm_cascade" in text
    assert f"wholly above {2 * 19 / 51 / 4:.3f} of always calling the largest class" in text
    assert "Validation (by macro F1) chooses" in text or "Chosen by validation (by macro F1)" in text
    assert "Macro F1 against none, paired" in text
    for word in ("tile", "earthquake", "event", "prevalence", "false alarm"):
        assert word not in text.replace("gathers_events", "")


def test_a_run_that_is_not_above_the_majority_is_told(compared, tmp_path):
    table = read_comparison(compared[0] / "gathers.tsv").assign(macro_f1_lower=0.1)
    table.to_csv(tmp_path / "gathers.tsv", sep="\t", index=False)
    assert "NOT wholly above 0.186 of always calling the largest class: it may know nothing" in summarise(tmp_path / "gathers.tsv")


def test_no_picture_speaks_of_earthquakes(compared):
    saved = compared[3]
    assert len(saved) == 8
    for name, figure in saved.items():
        text = texts(figure)
        for word in ("tile", "earthquake", "event", "interferogram", "false alarm", "prevalence", "positive class", "threshold"):
            assert word not in text, f"{name}: {word}"
    assert "recording" in texts(saved["evaluation"]) and "gathers" in texts(saved["gathers_confusion"])


def test_the_picture_of_classes_outlines_the_hard_pair_in_every_matrix(compared):
    figure = compared[3]["classes"]
    matrices = [axes for axes in figure.axes if axes.get_xlabel() == "called"]
    assert len(matrices) == 4, "two families, flat and cascade"
    for axes in matrices:
        places = sorted((patch.get_x() + 0.47, patch.get_y() + 0.47) for patch in axes.patches)
        np.testing.assert_allclose(places, [(2, 3), (3, 2)])
    assert "largest class 0.19" in texts(figure)
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(min(box.x0, box.y0) >= 0 and max(box.x1, box.y1) <= 1 for box in boxes)


def test_a_dataset_of_two_classes_and_no_stages_is_tabulated_too(tmp_path):
    from tests.unit.toy_predictions import write_run as write_tiles

    folder = write_tiles(tmp_path / "runs/fringes/wrapped/net/none", seeds=2)
    with patch("fringeflow.evaluation.evaluate.draw_evaluation"):
        evaluate_run(
            folder / "predictions.parquet", folder / "dataset.json", SETTINGS, out=folder / "metrics.json", figure=folder / "e.png"
        )
    table = tabulate_classes([folder / "metrics.json"], out=tmp_path / "c.tsv", figure=tmp_path / "c.png")
    assert list(table["class"]) == ["", "no_deformation", "deformation"] and not table["hard_pair"].any()
    assert (tmp_path / "c.png").read_bytes()[:4] == b"\x89PNG"


def test_runs_that_cannot_be_tabulated_are_told(compared, tmp_path):
    with pytest.raises(DatasetError, match="no run to tabulate"):
        tabulate_classes([], out=tmp_path / "c.tsv", figure=tmp_path / "c.png")
    old = tmp_path / "runs/gathers/gather/svm/none/metrics.json"
    write_json(old, {"classes": CLASSES})
    with pytest.raises(DatasetError, match=r"metrics.json: no digest, is_cascade, splits"):
        tabulate_classes([old], out=tmp_path / "c.tsv", figure=tmp_path / "c.png")
    other = read_json(compared[1][0] / "metrics.json")
    write_json(old, {**other, "digest": "e"})
    with pytest.raises(DatasetError, match="2 versions of the dataset"):
        tabulate_classes([old, compared[1][1] / "metrics.json"], out=tmp_path / "c.tsv", figure=tmp_path / "c.png")


def test_predictions_of_recordings_read_as_any_other(tmp_path):
    folder = write_run(tmp_path)
    parts = read_predictions(folder / "predictions.parquet", read_json(folder / "dataset.json"))
    assert parts["test"].positive is None and len(set(parts["test"].groups)) == 31


def test_a_column_of_every_class_stands_in_the_table_of_the_picture(compared):
    assert classes_figure._columns(compared[2], CLASSES) == [
        *(("", name, "class", n) for name, n in zip(CLASSES, (19, 6, 4, 3), strict=True)), ("kinds", "", "mean", 32), ("noise", "", "mean", 7)
    ]  # fmt: skip


# Cascade against flat


def test_a_cascade_is_paired_with_the_flat_run_of_its_kind_end_to_end_and_at_each_stage(compared):
    out, runs, _, _ = compared
    table = pair_cascades(runs, runs[0] / "dataset.json", SETTINGS, out=out / "gathers_cascades.tsv")
    assert set(table["model"] + "/" + table["flat_model"]) == {"svm_cascade/svm", "net_cascade/net"}
    assert len(table) == 2 * 2 * 3 and list(table["stage"][:3]) == ["", "kinds", "noise"]
    best = table.query("model == 'svm_cascade' and stage == ''").iloc[0]
    assert best["verdict"] == "better" and best["lower"] > 0
    flat, cascade = (
        read_json(run / "metrics.json")["splits"]["test"]
        for run in sorted(runs) if run.parts[-1] == best["strategy"] and run.parts[-2] in ("svm", "svm_cascade")
    )  # fmt: skip
    score = [part["operating_points"]["default"]["metrics"]["macro_f1"]["value"] for part in (cascade, flat)]
    assert [best["macro_f1"], best["flat_macro_f1"]] == pytest.approx(score, abs=1e-6)
    assert best["difference"] == pytest.approx(score[0] - score[1], abs=1e-6)
    noise = table.query(f"model == 'svm_cascade' and stage == 'noise' and strategy == '{best['strategy']}'").iloc[0]
    assert noise["macro_f1"] == pytest.approx(cascade["stages"][1]["metrics"]["macro_f1"]["value"], abs=1e-6)


def test_the_same_predictions_differ_by_nothing_and_decide_nothing(tmp_path):
    pairs = [write_run(tmp_path / "gathers/gather" / name / "none", cascade="c" in name) for name in ("flat", "c")]
    table = pair_cascades(pairs, pairs[0] / "dataset.json", SETTINGS, out=tmp_path / "c.tsv")
    assert (table[["difference", "lower", "upper"]] == 0).all(axis=None) and set(table["verdict"]) == {"undecided"}


def test_runs_of_another_kind_are_no_counterpart(tmp_path):
    cascade = write_run(tmp_path / "gathers/gather/c/none", cascade=True)
    others = [
        write_run(tmp_path / "gathers/gather/net/none", architecture="resnet18"),
        write_run(tmp_path / "gathers/gather/svm/focal"),
        write_run(tmp_path / "gathers/spectrogram/svm/none"),
        write_run(tmp_path / "gathers/gather/tuned/none"),
    ]
    write_json(others[3] / "run.json", {**read_json(others[3] / "run.json"), "tuned": "abc"})
    table = pair_cascades([cascade, *others], cascade / "dataset.json", SETTINGS, out=tmp_path / "c.tsv")
    assert table.empty and list(read_comparison(tmp_path / "c.tsv")) == list(COLUMNS)


def test_the_summary_says_honestly_whether_a_cascade_is_above_its_flat_run(compared):
    out, runs, _, _ = compared
    pair_cascades(runs, runs[0] / "dataset.json", SETTINGS, out=out / "gathers_cascades.tsv")
    text = summarise(out / "gathers.tsv")
    assert "hog_svm: the cascade that validation chose is above its flat run: gather / svm_cascade" in text
    assert "resnet18: the cascade that validation chose is NOT shown to be above its flat run: gather / net_cascade" in text
