"""Tuning: what a trial is fitted on and scored on, that a failure costs its trial alone, and that nobody looks at the test split."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.learning import Range, Tune
from fringeflow.datasets.stages import Stage
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json
from fringeflow.training import tune_study
from fringeflow.training.tune_figure import importances
from fringeflow.training.tune_folds import divide
from fringeflow.training.tuned import as_tuned
from tests.unit.toy_learning import model, strategy
from tests.unit.toy_tuning import BRIEF, SVM, ToyTuning, fits, toy, toy_tuning, write_features

__all__ = ["fits", "toy"]
NET = model("resnet18", "gather")
STAGES = (Stage("kinds", {"noise": ("DNS", "Tip-off")}), Stage("noise", split="noise"))


def rows(toy: ToyTuning, split: str) -> pd.DataFrame:
    table = pd.read_parquet(toy.samples)
    return table[table["split"] == split]


def test_a_fold_is_trained_on_other_groups_than_it_is_scored_on_and_stopped_on_the_validation_split(toy, fits):
    toy.work(SVM, Tune(trials=1, folds=5))
    train, held_out = rows(toy, "train"), []
    groups = train.set_index("row")["group"]
    assert len(fits.shown) == 5
    for seen, stopped_on, scored, seeds in fits.shown:
        assert stopped_on.tolist() == rows(toy, "validation")["row"].tolist() and seeds == [0]
        assert set(seen) | set(scored) == set(train["row"]) and not set(groups[seen]) & set(groups[scored])
        assert train.set_index("row").loc[scored, "label"].nunique() == 4, "macro F1 over fewer classes is another score"
        held_out += scored
    assert sorted(held_out) == train["row"].tolist(), "each sample is held out once"


def test_without_folds_the_validation_split_scores(toy, fits):
    toy.work(SVM, Tune(trials=2, folds=0))
    for seen, _, scored, _ in fits.shown:
        assert seen.tolist() == rows(toy, "train")["row"].tolist() and scored == rows(toy, "validation")["row"].tolist()


def test_the_test_split_has_no_part_in_a_trial(tmp_path):
    """With other test labels, and features that no fit accepts, the same trials come out."""
    tables = []
    for poisoned in (False, True):
        root = tmp_path / str(poisoned)
        root.mkdir()
        toy = toy_tuning(root)
        if poisoned:
            table, features = pd.read_parquet(toy.samples), np.load(root / "embeddings.npy")
            test = (table["split"] == "test").to_numpy()
            features[test] = np.nan
            write_features(toy, features)
            table.loc[test, "label"] = np.roll(table.loc[test, "label"].to_numpy(), 3)
            table.to_parquet(toy.samples, index=False)
        toy.work(SVM, Tune(trials=4, folds=2))
        tables.append(toy.trials())
    pd.testing.assert_frame_equal(*tables)


def test_made_samples_are_trained_on_where_their_source_is(toy, fits):
    train = rows(toy, "train")
    sources = train[train["label"] == "Tip-off"]["sample"].repeat(2).tolist()
    made = pd.DataFrame({"sample": [f"made{n}" for n in range(len(sources))], "source": sources, "label": "Tip-off"})
    made.assign(store="made", row=range(len(made))).to_parquet(toy.root / "extra.parquet", index=False)
    features = np.stack([np.full(len(made), 3), 500 + np.arange(len(made))], axis=1)
    extra = (toy.root / "extra.parquet", write_features(toy, features, "extra", "made"))
    toy.work(SVM, Tune(trials=1, folds=3), extra=extra)
    rows_of = train.set_index("sample")["row"]
    for seen, _, scored, _ in fits.shown:
        expected = {500 + number for number, source in enumerate(sources) if rows_of[source] in seen}
        assert {number for number in seen if number >= 500} == expected and 0 < len(expected) < len(made)
        assert max(scored) < 500, "a made sample never scores"


def test_doubted_samples_are_left_out_of_training_and_still_score(toy, fits):
    doubted = rows(toy, "train").iloc[[0, 5, 9]]
    pd.DataFrame({"sample": doubted["sample"], "weight": [0.0, 0.0, 0.3]}).to_parquet(toy.root / "doubts.parquet", index=False)
    toy.work(SVM, Tune(trials=1, folds=2), doubts=toy.root / "doubts.parquet")
    dropped, weighed = set(doubted["row"][:2]), doubted["row"].iloc[2]
    for seen, _, scored, _ in fits.shown:
        assert not dropped & set(seen) and (weighed in seen) != (weighed in scored)
    assert dropped <= {number for shown in fits.shown for number in shown[2]}


def test_the_seed_decides_on_the_trials(toy, fits):
    tables = []
    for seed in (0, 0, 1):
        (toy.folder / "journal.log").unlink(missing_ok=True)
        toy.work(SVM, Tune(trials=8, folds=2, seed=seed))
        tables.append(toy.trials())
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not np.allclose(tables[0]["c"][1:], tables[2]["c"][1:])
    assert tables[0]["c"].nunique() == 8, "no trial is made twice"


def test_the_tuned_is_at_least_as_good_as_the_configured_and_a_run_takes_it_over(toy, fits):
    toy.work(SVM, Tune(trials=12, folds=2))
    toy.gather(12)
    best, table = read_json(toy.folder / "best.json"), toy.trials()
    assert table["untuned"].tolist() == [True] + [False] * 11 and table["c"][0] == SVM.options["c"] and table["gamma"][0] == "scale"
    assert (
        best["untuned"] == table["value"][0] and best["value"] == table.loc[table["state"] == "complete", "value"].max() > best["untuned"]
    )
    spec, way, settings = as_tuned(toy.folder / "best.json", replace(SVM, name="mine"), strategy("none"), BRIEF)
    assert spec == replace(SVM, name="mine", options={**SVM.options, **best["parameters"]})
    assert way == strategy("none") and settings == BRIEF, "with all seeds of the run"
    fits.quality = lambda spec, way, settings: 0.9 if spec.options["c"] == 1.0 else 0.5
    toy.work(SVM, Tune(trials=4, folds=2), code="another study")
    toy.gather(4)
    best = read_json(toy.folder / "best.json")
    assert best["value"] == best["untuned"] and best["parameters"] == {"c": 1.0, "gamma": "scale", "pca": 0.95}


def test_a_configured_value_inside_its_range_teaches_the_sampler(toy, fits):
    """It is a trial with parameters like the others there; outside, Optuna does not get to see it."""
    for spec, seen in ((SVM, {}), (replace(SVM, options={**SVM.options, "gamma": 0.01}), {"c": 1.0, "gamma": 0.01, "pca": 0.95})):
        toy.work(spec, Tune(trials=1, folds=2))
        study = tune_study.open_study(toy.folder, read_json(toy.folder / "worker0.json")["study"])
        assert study.get_trials()[0].params == seen and len(study.get_trials()) == 1


def test_trials_behind_the_median_are_given_up(toy, fits):
    toy.work(SVM, Tune(trials=20, folds=4, prune=False))
    assert len(fits.shown) == 80
    toy.work(SVM, Tune(trials=20, folds=4, prune=True))
    table = toy.trials()
    pruned = table[table["state"] == "pruned"]
    assert len(pruned) and len(fits.shown) < 160 and table["state"][0] == "complete"
    assert pruned["fold_2"].notna().all() and pruned["fold_4"].isna().all(), "not before the second fold, and before the last"
    assert pruned["value"].max() <= table.loc[table["state"] == "complete", "value"].max()


def diverged() -> ModelError:
    error = ModelError("seed 0: the loss diverged in epoch 2 (inf); lower training.learning_rate")
    error.history = [{"epoch": 1}]  # type: ignore[attr-defined]
    return error


def test_a_fit_that_diverges_costs_its_trial_alone(toy, fits):
    def quality(spec, way, settings):
        if spec.options["c"] > 3:
            raise diverged()
        return 0.8

    fits.quality = quality
    toy.work(SVM, Tune(trials=8, folds=2))
    table = toy.trials()
    failed = table["state"] == "failed"
    assert (failed == (table["c"] > 3)).all() and 0 < failed.sum() < 8
    assert table["reason"][failed].str.contains("diverged in epoch 2").all() and table["value"][failed].isna().all()


def test_a_study_of_which_nothing_came_says_so(toy, fits):
    def quality(*_):
        raise diverged()

    fits.quality = quality
    toy.work(SVM, Tune(trials=3, folds=2))
    with pytest.raises(ModelError, match=r"all 3 trials failed, the first: seed 0: the loss diverged.*Lower the ranges"):
        toy.gather(3)


def test_a_model_that_cannot_be_built_is_no_outcome_of_a_trial(toy, fits):
    """Missing weights would else fail every trial, one after the other."""

    def quality(*_):
        raise ModelError("weights.pth: no such file")

    fits.quality = quality
    with pytest.raises(ModelError, match="no such file"):
        toy.work(SVM, Tune(trials=3, folds=2))


def test_too_few_groups_for_the_folds_are_told_by_class(toy, fits):
    with pytest.raises(
        DatasetError, match=r"class 'DNS' has samples of 8 groups, class 'Tip-off' has samples of 6 groups.*tune.folds: 9"
    ) as told:
        toy.work(SVM, Tune(trials=3, folds=9))
    assert "set tune.folds to 6 or fewer, or to 0" in str(told.value) and not fits.shown
    toy.work(SVM, Tune(trials=1, folds=6))


def test_samples_are_not_groups():
    labels, groups = np.array([0, 0, 0, 0, 1, 1, 1, 1]), np.array(list("abcdeeff"))
    assert len(divide(groups, labels, ("a", "b"), 2, seed=0)) == 2
    with pytest.raises(DatasetError, match="class 'b' has samples of 2 groups"):
        divide(groups, labels, ("a", "b"), 3, seed=0)


@pytest.mark.parametrize(("stages", "metric"), [((), "macro_f1"), (STAGES, "pr_auc")], ids=["flat", "cascade"])
@pytest.mark.parametrize(("spec", "kind"), [(SVM, "class_weights"), (NET, "focal")], ids=["hog_svm", "resnet18"])
def test_every_family_is_tuned_flat_and_as_a_cascade(tmp_path, spec, kind, stages, metric):
    toy = toy_tuning(tmp_path)
    tune = Tune(trials=2, folds=2, metric=metric)
    toy.work(replace(spec, stages=stages), tune, kind=kind, settings=BRIEF.model_copy(update={"epochs": 15, "patience": 15}))
    toy.gather(2)
    best, table = read_json(toy.folder / "best.json"), toy.trials()
    assert 0.25 < best["value"] <= 1 and best["metric"] == metric and best["value"] >= best["untuned"]
    assert ("learning_rate" in table) == (spec is NET) and (table["state"] == "complete").all()
    assert (toy.folder / "tuning.png").stat().st_size > 10_000


def test_a_loss_that_diverges_in_a_real_network_is_a_failed_trial(tmp_path):
    toy = toy_tuning(tmp_path)
    wild = BRIEF.model_copy(update={"learning_rate": 1e30})
    toy.work(NET, Tune(trials=2, folds=2), settings=wild)
    toy.gather(2)
    table, best = toy.trials(), read_json(toy.folder / "best.json")
    assert table["state"].tolist() == ["failed", "complete"] and "diverged" in table["reason"][0] and best["untuned"] is None


def trials_of(count: int) -> tuple[list[dict], dict]:
    rng = np.random.default_rng(0)
    space = {
        "depth": Range(choices=["shallow", "deep"]).model_dump(),
        "rate": Range(low=1e-4, high=1, log=True).model_dump(),
        "idle": Range(low=0, high=1).model_dump(),
    }
    made = []
    for number in range(count):
        parameters = {"depth": ["shallow", "deep"][number % 2], "rate": float(10 ** rng.uniform(-4, 0)), "idle": float(rng.random())}
        value = 0.8 - 0.1 * abs(np.log10(parameters["rate"]) + 2)
        made.append(
            {"number": number, "state": "complete", "untuned": number == 0, "value": value, "folds": [value], "parameters": parameters}
        )
    return made, space


def test_importance_names_what_matters():
    made, space = trials_of(40)
    found = importances(made, space, seed=0)
    assert next(iter(found)) == "rate" and found["rate"] > 0.7 and sum(found.values()) == pytest.approx(1)
    assert importances(made[:7], space, seed=0) == {}, "too few trials"
    assert importances([{**row, "value": 0.5} for row in made], space, seed=0) == {}, "nothing to explain"
