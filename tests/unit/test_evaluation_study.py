"""Study A's table and claims: decided by what the runs truly differ by, and by nothing else."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Evaluation
from fringeflow.errors import DatasetError
from fringeflow.evaluation.claims import StudyRuns, best_model, together
from fringeflow.evaluation.predictions import read_predictions
from fringeflow.evaluation.published import COUNTS, ROWS, TABLE, prevalence
from fringeflow.evaluation.scores import Scorer
from fringeflow.evaluation.study import SCORES, make_study
from fringeflow.evaluation.study_text import caveat
from fringeflow.files import read_json
from fringeflow.report.comparison import _beside
from tests.unit.toy_predictions import write_run

SETTINGS = Evaluation(bootstrap=200)
STUDY = StudyRuns({name: name for name in ("inception_v3", "vgg19", "resnet50_v2")}, "focal", "augmentation")
SKILL = {
    "wrapped/inception_v3/focal": 2.0,
    "wrapped/vgg19/focal": 4.5,
    "wrapped/resnet50_v2/focal": 2.0,
    "unwrapped/inception_v3/focal": 0.5,
    "unwrapped/vgg19/focal": 1.0,
    "unwrapped/resnet50_v2/focal": 0.5,
    "wrapped/vgg19/augmentation": 2.0,
}
"""The world as the study says it is."""


def compared(folders, path):
    """Write a comparison of runs whose scores tell them apart, with the true PR-AUC on validation."""
    rows = []
    for number, folder in enumerate(folders):
        parts = read_predictions(folder / "predictions.parquet", read_json(folder / "dataset.json"))
        test, validation = parts["test"], parts["validation"]
        found = Scorer(validation, {}, 1.0).discrimination(0, np.ones((1, len(validation.truth))))
        row = dict(zip(("dataset", "view", "model", "strategy"), folder.parts[-4:], strict=True))
        for place, name in enumerate(SCORES):
            value = 0.3 + number / 50 + place / 1000
            row |= {name: value, f"{name}_lower": value - 0.1, f"{name}_upper": value + 0.1}
        groups = len(np.unique(test.groups))
        row |= {"n_test": len(test.truth), "n_groups": groups, "n_groups_rarest": groups, "few_groups": False, "seeds": 3}
        rows.append(
            row
            | {
                "prevalence": (test.truth == test.positive).mean(),
                "validation_pr_auc": float(found["pr_auc"][0]),
                "validation_log_loss": 0.1,
            }
        )
    pd.DataFrame(rows).to_csv(path, sep="\t", index=False)


def made(root, skills: dict[str, float], study: StudyRuns = STUDY, **options):
    """Write runs of given skill, compare them, and make the study; return its table and claims."""
    folders = [write_run(root / "fringes" / name, skill=skill, draw=draw, **options) for draw, (name, skill) in enumerate(skills.items())]
    compared(folders, root / "fringes.tsv")
    return study_of(root, folders, study)


def study_of(root, folders, study: StudyRuns = STUDY):
    outputs = {"out": root / "s.tsv", "claims": root / "c.tsv", "text": root / "s.md", "figure": root / "s.png"}
    predictions = [folder / "predictions.parquet" for folder in folders]
    return make_study(predictions, root / "fringes.tsv", folders[0] / "dataset.json", study, SETTINGS, **outputs)


@pytest.fixture(scope="module")
def as_published(tmp_path_factory):
    root = tmp_path_factory.mktemp("study")
    return root, *made(root, SKILL, test=16)


def test_a_world_as_the_study_says_supports_its_claims(as_published):
    _, _, claims = as_published
    assert [claim.text for claim in claims] == ["wrapped beats unwrapped", "VGG19 is best", "focal beats augmentation"]
    assert [claim.verdict for claim in claims] == ["supported"] * 3


def test_the_table_has_our_scores_from_the_comparison_and_the_studys_own(as_published):
    root, table, _ = as_published
    assert list(table["model"][:3]) == ["inception_v3", "vgg19", "resnet50_v2"]
    assert list(table["view"][:6]) == ["wrapped"] * 3 + ["unwrapped"] * 3
    row = table[(table["model"] == "vgg19") & (table["view"] == "wrapped") & (table["strategy"] == "focal")].iloc[0]
    assert (row["study_accuracy"], row["study_f1"], row["study_roc_auc"]) == (0.971, 0.691, 0.864)
    compared = pd.read_csv(root / "fringes.tsv", sep="\t", keep_default_na=False, na_values=[""])
    same = compared[(compared["model"] == "vgg19") & (compared["view"] == "wrapped") & (compared["strategy"] == "focal")].iloc[0]
    for name in SCORES:
        assert (row[name], row[f"{name}_lower"], row[f"{name}_upper"]) == (same[name], same[f"{name}_lower"], same[f"{name}_upper"])
    assert table[table["strategy"] == "augmentation"]["study_f1"].isna().all()


def test_the_text_holds_both_tables_prevalences_and_verdicts(as_published):
    root, table, _ = as_published
    text = (root / "s.md").read_text()
    assert "*0.971 / 0.691 / 0.864*" in text
    assert "*0.943 / 0.160 / 0.669*" in text
    assert f"{100 * table['prevalence'].iloc[0]:.1f} % hold deformation" in text
    assert "6.2 % (test)" in text
    for claim in ("wrapped beats unwrapped: supported", "VGG19 is best: supported", "focal beats augmentation: supported"):
        assert claim in text
    assert (root / "s.png").read_bytes()[:4] == b"\x89PNG"


def test_models_on_random_or_frozen_weights_are_told_where_they_stand_beside_the_studys(tmp_path):
    """Untrained features that lose to the study's fine-tuned networks contradict nothing."""
    trained = {"inception_v3": ["none", "frozen"], "vgg19": ["none", "frozen"], "resnet50_v2": ["imagenet", "partial"]}
    table, _ = made(tmp_path, SKILL, replace(STUDY, trained=trained))
    assert dict(zip(table["model"], zip(table["weights"], table["mode"], strict=True), strict=True))["vgg19"] == ("none", "frozen")
    text, told = (
        (tmp_path / "s.md").read_text(),
        "inception_v3, vgg19 (random weights, only the head trained). What is found of these models",
    )
    assert told in text.split("## The three claims")[1].split("\n1. ")[0] and "resnet50_v2 (" not in caveat(table)
    assert "| vgg19 | none, frozen |" in text and "| *the study's VGG19* | *imagenet, partial* |" in text
    (tmp_path / "s.tsv").rename(tmp_path / "s_study.tsv")
    shown = _beside("s", "study", [tmp_path / "s_study.tsv"])
    assert told in shown.note and {"Weights", "Mode"} <= {column.title for column in shown.columns}
    assert not caveat(table.assign(weights="imagenet", mode="partial")) and not caveat(table.assign(weights=np.nan, mode=np.nan))
    assert "(home.keras weights, only the head trained)" in caveat(table.assign(weights="home.keras", mode="frozen"))


def test_a_world_upside_down_contradicts_them(tmp_path):
    skills = {name: 5.0 - skill for name, skill in SKILL.items()} | {"wrapped/vgg19/augmentation": 5.0}
    skills |= {"wrapped/inception_v3/focal": 4.5, "wrapped/resnet50_v2/focal": 0.5, "wrapped/inception_v3/augmentation": 7.0}
    skills |= {"unwrapped/inception_v3/focal": 6.5, "unwrapped/vgg19/focal": 6.5, "unwrapped/resnet50_v2/focal": 6.5}
    table, claims = made(tmp_path, skills, test=16)
    assert best_model(table, STUDY) == "inception_v3"
    assert [claim.verdict for claim in claims] == ["contradicted"] * 3


def test_equal_runs_decide_nothing(tmp_path):
    """The same skill everywhere, only other noise."""
    _, claims = made(tmp_path, dict.fromkeys([*SKILL, *(f"wrapped/{name}/augmentation" for name in STUDY.architectures)], 2.5))
    assert [claim.verdict for claim in claims] == ["undecided"] * 3
    assert "it does not say that they are equal" in (tmp_path / "s.md").read_text()


def test_what_was_not_trained_is_not_tested_and_says_why(tmp_path):
    _, claims = made(tmp_path, {"wrapped/vgg19/focal": 3.0}, StudyRuns({"vgg19": "vgg19"}, "focal", "augmentation"))
    assert [claim.verdict for claim in claims] == ["not tested"] * 3
    text = (tmp_path / "s.md").read_text()
    assert "vgg19 was not trained under 'augmentation'" in text
    assert "no model was trained on both views" in text


def test_runs_with_other_seeds_are_refused(tmp_path):
    made(tmp_path, SKILL)
    write_run(tmp_path / "fringes/wrapped/vgg19/augmentation", seeds=2)
    with pytest.raises(DatasetError, match=r"augmentation/predictions.parquet cannot be paired[\s\S]*seeds \[0, 1\]"):
        study_of(tmp_path, [tmp_path / "fringes" / name for name in SKILL])


def test_several_comparisons_are_decided_by_the_worst():
    assert together([]) == "undecided"
    assert together(["undecided", "worse", "better"]) == "contradicted"


def test_the_published_figures_are_consistent_with_their_counts():
    """An accuracy below that of calling every patch quiet, and F1 between 0 and 1, for every cell of the table."""
    rare, quiet = COUNTS["test"]
    assert prevalence("test") == rare / (rare + quiet)
    assert {architecture for architecture, _ in TABLE} == set(ROWS)
    for cell in TABLE.values():
        assert 0.93 < cell.accuracy < 0.98
        assert 0 < cell.f1 < cell.roc_auc < 1
        # F1 = 2 TP / (2 TP + errors): the errors that the accuracy leaves give a recall that is possible
        errors = (1 - cell.accuracy) * (rare + quiet)
        hits = cell.f1 * errors / (2 * (1 - cell.f1))
        assert 0 < hits <= rare
