"""Figures name what they show, keep their labels off their curves, and give a strategy one look everywhere."""

from itertools import pairwise, permutations
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Evaluation
from fringeflow.datasets.pictures import new_figure, styled
from fringeflow.evaluation import figures, strategy_figures, study_figure
from fringeflow.evaluation.dot_rows import KINDS, look_of, looks_of
from fringeflow.evaluation.evaluate import evaluate_run
from fringeflow.evaluation.figures import draw_matrix, room_for
from fringeflow.imbalance.strategies import STRATEGIES
from tests.unit.toy_predictions import write_run

RUN = "runs/{name}/wrapped/resnet18/focal+augmentation"


def drawn(folder: Path):
    """Evaluate a toy run and return the figure itself, laid out."""
    seen = []
    with patch.object(figures, "save_picture", lambda figure, path: seen.append(figure)):
        evaluate_run(
            folder / "predictions.parquet", folder / "dataset.json", Evaluation(bootstrap=100),
            out=folder / "metrics.json", figure=folder / "evaluation.png",
        )  # fmt: skip
    with styled():
        seen[0].canvas.draw()
    return seen[0]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory):
    return drawn(write_run(tmp_path_factory.mktemp("figures") / RUN.format(name="fringes")))


def test_the_title_names_view_model_and_strategy(evaluation):
    assert evaluation.texts[0].get_text() == "fringes / wrapped / resnet18 / focal+augmentation"
    assert "1080 tiles of 12 events" in evaluation.texts[1].get_text()


def test_folders_of_another_dataset_are_no_title(tmp_path):
    assert drawn(write_run(tmp_path / RUN.format(name="elsewhere"))).texts[0].get_text() == "fringes"


def test_notes_beside_events_stay_off_the_edge(evaluation):
    axes = evaluation.axes[5]
    assert len(axes.texts) == 12
    for text in axes.texts:
        assert text.get_window_extent().x1 < axes.bbox.x1 - 3
        assert text.get_window_extent().x1 < evaluation.bbox.x1 - 10


def test_long_notes_get_more_room():
    assert 1.4 < room_for(["2 tiles, 0 false/ifg"]) < room_for(["1118 tiles, 0.0025 false/ifg"]) < 3


def test_counts_of_calibration_touch_neither_markers_nor_each_other(evaluation):
    axes = evaluation.axes[2]
    boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.x0)
    top = axes.transData.transform((0, 1))[1] + 6
    assert len(boxes) >= 8
    assert all(box.y0 > top for box in boxes)
    assert all(first.x1 < second.x0 for first, second in pairwise(boxes))


def test_the_prevalence_is_told_outside_the_panel(evaluation):
    axes = evaluation.axes[0]
    assert not axes.texts
    assert "prevalence 0.0" in axes.get_xlabel()


@pytest.mark.parametrize("classes", [["no_deformation", "deformation"], ["brak_Empty zone", "quiet", "noise_DNS", "noise_Tip-off"]])
def test_classes_below_a_confusion_matrix_stand_at_one_height(classes):
    figure = new_figure(4, 4)
    with styled():
        axes = figure.subplots()
        draw_matrix(axes, np.eye(len(classes)), classes)
        figure.canvas.draw()
        lows = [round(label.get_window_extent().y0) for label in axes.get_xticklabels()]
    assert max(lows) - min(lows) <= 3


def test_every_registered_kind_has_a_look_of_its_own():
    assert set(KINDS) == set(STRATEGIES), "a new kind goes to the end of dot_rows.KINDS"
    looks = [look_of(kind) for kind in KINDS]
    assert len(set(looks)) == len(looks)
    joined = [look_of("+".join(pair)) for pair in permutations(KINDS, 2)]
    assert not set(looks) & {*joined, *(look_of(f"mine{number}") for number in range(200))}


def test_another_strategy_changes_no_look():
    names = ["none", "focal", "focal+augmentation", "gentle"]
    alone = {name: looks_of([name])[name] for name in names}
    assert looks_of(names) == looks_of([*names[::-1]]) == alone
    assert {name: look for name, look in looks_of([*names, "aaa", "curate", "smote"]).items() if name in names} == alone
    assert next(iter(looks_of(names))) == "none"


def test_all_figures_share_the_looks(tmp_path):
    figure = studied(tmp_path)
    handles = {text.get_text(): handle for text, handle in zip(figure.legends[0].texts, figure.legends[0].legend_handles, strict=True)}
    for name in ("focal", "augmentation"):
        assert (handles[name].get_color(), handles[name].get_marker()) == look_of(name)


def studied(folder: Path):
    """Draw a study of two strategies and return the figure."""
    rows = [
        {"view": view, "model": model, "weights": "none", "mode": "frozen", "strategy": strategy, "prevalence": 0.06,
         "n_test": 100, "n_groups": 5, "n_groups_rarest": 5,
         "seeds": 1, "few_groups": True, **{f"{name}{end}": 0.5 for name in study_figure.PANELS for end in ("", "_lower", "_upper")}}
        for view in ("wrapped", "unwrapped") for strategy in ("focal", "augmentation") for model in ("vgg19", "resnet50_v2")
    ]  # fmt: skip
    seen = []
    runs = study_figure.StudyRuns({"vgg19": "vgg19", "resnet50_v2": "resnet50_v2"}, "focal", "augmentation")
    with patch.object(study_figure, "save_picture", lambda figure, path: seen.append(figure)):
        study_figure.draw_study(folder / "study.png", pd.DataFrame(rows), [], runs, "fringes")
    return seen[0]


def test_a_study_names_the_strategy_of_each_group_and_its_prevalence_line(tmp_path):
    figure = studied(tmp_path)
    beside = [text.get_text() for text in figure.axes[0].texts]
    assert beside.count("focal") == beside.count("augmentation") == 2
    assert any("prevalence 0.060" in text.get_text() for text in figure.legends[0].texts)


def test_a_claim_is_never_broken_at_a_hyphen():
    for before in range(190, 220):
        lines = study_figure.lines_of("x" * before + " PR-AUC of no-deformation")
        assert not any(line.endswith("-") for line in lines)


def test_the_heat_map_shows_the_whole_range(tmp_path):
    """Runs that differ by noise have one colour."""
    rows = [
        {"dataset": "d", "view": "wrapped", "model": "net", "strategy": name, "pr_auc": value, "pr_auc_lower": np.nan, "pr_auc_upper": np.nan,
         "prevalence": 0.06, "chosen_of_view": False}
        for name, value in (("none", 0.101), ("focal", 0.104))
    ]  # fmt: skip
    seen = []
    with patch.object(strategy_figures, "save_picture", lambda figure, path: seen.append(figure)):
        strategy_figures.draw_heatmap(pd.DataFrame(rows), tmp_path / "h.png")
    (image,) = seen[0].axes[0].images
    assert image.get_clim() == (0, 1)
