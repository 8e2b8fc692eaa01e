"""A learning curve: subsets of earthquakes are nested and fair, fits on all are the plain run, and the slope is what was put in."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.text import Text

from fringeflow.config.models import Evaluation, Training
from fringeflow.config.studies import LearningCurve
from fringeflow.errors import DatasetError
from fringeflow.evaluation import learning_curve as pictured
from fringeflow.evaluation.learning_curve import evaluate_curve, learning_curve
from fringeflow.evaluation.words import Words
from fringeflow.files import write_json
from fringeflow.training.subsets import fit_subsets, nested_orders, subset_sizes
from fringeflow.training.train import train_run
from tests.unit.toy_learning import model, strategy
from tests.unit.toy_overlaps import CLASSES, Toy, toy

TRAINING = Training(seeds=[0, 1], epochs=3, patience=3, batch=32, learning_rate=1e-2)
DRAWS = Evaluation(bootstrap=200)


def drawn_groups(counts: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Lay out samples of groups: each has 10 quiet ones and so many rare ones."""
    groups = np.concatenate([np.full(10 + rare, f"g{number:02d}") for number, rare in enumerate(counts)])
    labels = np.concatenate([np.repeat([0, 1], [10, rare]) for rare in counts])
    return groups, labels


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=16).filter(any), st.integers(0, 1000))
def test_subsets_are_nested_hold_every_class_and_their_share_of_deformed_earthquakes(counts, seed):
    groups, labels = drawn_groups(counts)
    orders = nested_orders(groups, labels, 2, repeats=3, seed=seed)
    sizes = subset_sizes(orders, groups, labels, 2, [0.125, 0.25, 0.5, 1.0])
    assert sizes == sorted(set(sizes)) and sizes[-1] == len(counts)
    deformed = {f"g{number:02d}" for number, rare in enumerate(counts) if rare}
    for order in orders:
        assert sorted(order) == sorted(set(groups)), "beginnings of one order are nested by construction"
        for size in sizes:
            inside = np.isin(groups, order[:size])
            assert set(labels[inside]) == {0, 1}
        for size in range(1, len(order) + 1):
            held = len(deformed & set(order[:size]))
            assert abs(held - size * len(deformed) / len(order)) <= 1


def test_orders_are_seeded_and_differ_between_repeats():
    groups, labels = drawn_groups([2] * 10)
    first, second = nested_orders(groups, labels, 2, repeats=2, seed=0)
    assert first != second
    assert nested_orders(groups, labels, 2, repeats=2, seed=0) == [first, second]
    assert nested_orders(groups[::-1], labels[::-1], 2, repeats=1, seed=0) == [first], "whatever the order of the samples"
    assert nested_orders(groups, labels, 2, repeats=1, seed=1) != [first]


def test_subsets_are_enlarged_until_they_hold_every_class():
    groups = np.array(["a", "b", "c", "d"])
    labels = np.array([0, 1, 0, 0])
    orders = nested_orders(groups, labels, 2, repeats=5, seed=0)
    assert subset_sizes(orders, groups, labels, 2, [0.25, 1.0]) == [2, 4]
    with pytest.raises(DatasetError, match="1 of 2 classes"):
        subset_sizes([["a"]], groups[:1], labels[:1], 2, [1.0])


def fitted(made: Toy, name: str = "hog_svm", training: Training = TRAINING, tuned: Path | None = None, **curve) -> pd.DataFrame:
    out = made.root / "subsets.parquet"
    wanted = LearningCurve(**{"fractions": [0.2, 0.4, 1.0], "repeats": 2, **curve})
    fit_subsets(*made.paths, out, model=model(name), strategy=strategy("none"), settings=training, curve=wanted, tuned=tuned)
    return pd.read_parquet(out)


@pytest.mark.parametrize("tuned", [False, True], ids=["given", "tuned"])
@pytest.mark.parametrize("name", ["hog_svm", "resnet18"])
def test_the_fit_on_all_earthquakes_is_the_run_that_the_curve_stands_under(tmp_path, name, tuned):
    made = toy(tmp_path, distance=2.0)
    best = tmp_path / "best.json" if tuned else None
    if best:
        options = {"c": 1e-3} if name == "hog_svm" else {}
        training = TRAINING.model_copy(update={"learning_rate": 0.1}).model_dump(mode="json")
        chosen = replace(model(name), options={**model(name).options, **options})
        write_json(best, {"model": chosen.as_dict(), "strategy": strategy("none").as_dict(), "training": training})
    table = fitted(made, name, tuned=best)
    spec, way = model(name), strategy("none")
    train_run(*made.paths, tmp_path / "run", view="wrapped", model=spec, strategy=way, settings=TRAINING, tuned=best)
    run = pd.read_parquet(tmp_path / "run/predictions.parquet").query("split == 'test'")
    whole = table[table["groups"] == 5]
    keys = ["seed", "sample"]
    np.testing.assert_array_equal(whole.sort_values(keys)["p_deformation"], run.sort_values(keys)["p_deformation"])


def test_each_subset_predicts_every_test_sample_once_a_seed_and_the_whole_is_fitted_once(tmp_path):
    table = fitted(toy(tmp_path))
    assert set(table["split"]) == {"test"}
    sizes = table.groupby(["groups", "repeat"]).size()
    assert sizes.to_dict() == {(1, 0): 100, (1, 1): 100, (2, 0): 100, (2, 1): 100, (5, 0): 100}
    assert table.groupby("groups")["training_tiles"].unique().map(list).to_dict() == {1: [25], 2: [50], 5: [125]}
    assert table.groupby("groups")["training_positives"].unique().map(list).to_dict() == {1: [9], 2: [18], 5: [45]}


def test_test_labels_have_no_part_in_the_fits(tmp_path):
    made = toy(tmp_path, distance=2.0)
    before = fitted(made)
    table = made.table()
    held = table["split"] == "test"
    made.relabel({sample: CLASSES[label == CLASSES[0]] for sample, label in zip(table["sample"][held], table["label"][held], strict=True)})
    after = fitted(made)
    pd.testing.assert_series_equal(before["p_deformation"], after["p_deformation"], check_exact=True)


def test_earthquakes_that_each_teach_something_new_help_until_the_last(tmp_path):
    """Each training earthquake deforms in a direction of its own; the others show all directions."""
    made = toy(tmp_path, dim=5)
    rng = np.random.default_rng(0)
    deformed = (made.table().query("event == 'a'")["label"] == "deformation").to_numpy()
    features = {}
    for number, event in enumerate("abcdefghi"):
        direction = np.full(deformed.sum(), number) if event in "abcde" else np.arange(deformed.sum()) % 5
        features[event] = rng.normal(0, 1, size=(25, 5))
        features[event][deformed, direction] += 6
    made.write_features(features)
    training = TRAINING.model_copy(update={"seeds": [0], "epochs": 40, "patience": 40, "learning_rate": 0.05})
    table = fitted(made, "resnet18", training, fractions=[0.2, 0.4, 1.0])
    curve = learning_curve(table, CLASSES, "deformation", DRAWS, Words())
    scores = curve.table.set_index("groups")["pr_auc"]
    assert scores[5] > scores[2]
    assert scores[5] > max(scores[1] + 0.1, 0.85)
    assert curve.table["gain_per_doubling"].iloc[0] > 0


def predictions(scores: dict[int, dict[int, np.ndarray]], events: int = 10) -> pd.DataFrame:
    """Lay out the same four tiles for every test earthquake, one of them deformed; scores by training groups and repeat."""
    rows = []
    for size, repeats in scores.items():
        for repeat, values in repeats.items():
            for event in range(events):
                for tile, p in enumerate(values):
                    sample, label = f"e{event}/{tile}", CLASSES[tile == 0]
                    rows.append((sample, f"e{event}", "test", label, size, repeat, 25 * size, 9 * size, 0, 1 - p, p))
    names = ["sample", "group", "split", "label", "groups", "repeat", "training_tiles", "training_positives", "seed"]
    return pd.DataFrame(rows, columns=[*names, *(f"p_{name}" for name in CLASSES)])


BLIND = np.full(4, 0.5)  # one step: PR-AUC is the prevalence, 1/4
SECOND = np.array([0.8, 0.9, 0.1, 0.1])  # a false alarm above every true one: 1/2
RIGHT = np.array([0.9, 0.1, 0.1, 0.1])  # 1


def test_the_gain_is_exact_where_all_earthquakes_are_alike():
    twice = {2: {0: BLIND, 1: BLIND}, 4: {0: SECOND, 1: SECOND}, 8: {0: RIGHT}}
    curve = learning_curve(predictions(twice), CLASSES, "deformation", DRAWS, Words())
    np.testing.assert_allclose(curve.table["pr_auc"], [0.25, 0.5, 1.0])
    row = curve.table.iloc[-1]
    np.testing.assert_allclose(row[["gain_per_doubling", "gain_per_doubling_lower", "gain_per_doubling_upper"]].astype(float), 0.375)
    assert row["verdict"] == "More events still help: from 2 to 8 events a doubling adds +0.375 PR-AUC [+0.375, +0.375]."
    assert row["prevalence"] == 0.25
    np.testing.assert_allclose(curve.line[1], [0.25 + 1 / 12 - 0.125 + 0.0, 0.25 + 1 / 12 + 0.625 + 0.0])


def test_the_slope_is_of_the_last_two_doublings_only():
    scores = {1: {0: RIGHT, 1: BLIND}, 2: {0: BLIND, 1: BLIND}, 4: {0: BLIND, 1: BLIND}, 8: {0: BLIND}}
    curve = learning_curve(predictions(scores), CLASSES, "deformation", DRAWS, Words())
    assert curve.table["gain_per_doubling"].iloc[0] == pytest.approx(0)
    assert "cannot be told: from 2 to 8 events a doubling adds +0.000 PR-AUC [+0.000, +0.000]" in curve.verdict, (
        "without the luck of size 1"
    )


def test_harm_and_a_lack_of_sizes_are_told_as_such():
    worse = learning_curve(predictions({4: {0: RIGHT, 1: RIGHT}, 8: {0: BLIND}}), CLASSES, "deformation", DRAWS, Words())
    assert worse.verdict.startswith("More events do harm: from 4 to 8 events a doubling adds -0.750")
    single = learning_curve(predictions({8: {0: RIGHT}}), CLASSES, "deformation", DRAWS, Words())
    assert single.verdict == "One number of training events (8): no slope to fit." and single.line is None
    alone = learning_curve(predictions({4: {0: BLIND}, 8: {0: RIGHT}}, events=1), CLASSES, "deformation", DRAWS, Words())
    assert alone.verdict.startswith("No interval from so few test events")


def test_the_scatter_of_subsets_widens_the_interval_and_the_ends_are_told():
    curve = learning_curve(predictions({4: {0: BLIND, 1: RIGHT}, 8: {0: RIGHT}}), CLASSES, "deformation", DRAWS, Words())
    small, whole = curve.table.iloc[0], curve.table.iloc[1]
    assert small["pr_auc"] == pytest.approx(0.625)
    assert (small["pr_auc_lowest"], small["pr_auc_highest"]) == pytest.approx((0.25, 1.0))
    assert (small["pr_auc_lower"], small["pr_auc_upper"]) == (0, 1), "a standard error of 0.375 with one degree of freedom"
    assert (whole["pr_auc_lower"], whole["pr_auc_upper"]) == (0, 1), "the whole's one fit may be as lucky"
    assert curve.verdict.startswith("Whether more events help cannot be told: from 4 to 8 events a doubling adds +0.375")
    assert (small["repeats"], whole["repeats"]) == (2, 1)


def test_one_subset_of_each_size_decides_nothing():
    """Nothing shows its luck, however large the gain and however alike the test earthquakes."""
    curve = learning_curve(predictions({4: {0: BLIND}, 8: {0: RIGHT}}), CLASSES, "deformation", DRAWS, Words())
    assert curve.verdict.startswith("Whether more events help cannot be told from one subset of each size (raise learning_curve.repeats)")
    assert not curve.lucky


def lucky(rng: np.random.Generator, *, luck: float, gain: float = 0.0, repeats: int = 3, events: int = 9) -> pd.DataFrame:
    """Simulate fits whose skill grows by `gain` with a doubling, and differs by luck from subset to subset."""
    table = predictions({1: {0: np.zeros(8)}}, events)
    group = np.arange(len(table)) // 8
    deformed = np.arange(len(table)) % 8 < 2
    table["label"] = np.where(deformed, "deformation", "no_deformation")
    difficulty = rng.normal(size=len(table)) + rng.normal(scale=0.7, size=events)[group]
    parts = []
    for size, repeat in [*product((3, 6), range(repeats)), (12, 0)]:
        skill = 1.6 + gain * np.log2(size / 3) + rng.normal(scale=luck)
        logit = 0.7 * (difficulty + rng.normal(size=len(table))) + skill * deformed
        p = 1 / (1 + np.exp(-logit))
        parts.append(table.assign(groups=size, repeat=repeat, p_no_deformation=1 - p, p_deformation=p))
    return pd.concat(parts, ignore_index=True)


def verdicts(curves: int, **simulated) -> dict[str, float]:
    """Return how often simulated curves say that more earthquakes help, and that they do harm."""
    rng = np.random.default_rng(0)
    told = [learning_curve(lucky(rng, **simulated), CLASSES, "deformation", DRAWS, Words()).verdict for _ in range(curves)]
    return {word: sum(found.startswith(f"More events {word}") for found in told) / curves for word in ("still help", "do harm")}


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_luck_of_fits_is_seldom_taken_for_a_gain_or_a_harm(repeats):
    """More earthquakes add nothing; a nominal 5 % may be decided, with the slack of 80 curves."""
    assert sum(verdicts(80, luck=0.4, repeats=repeats).values()) <= 0.05 + 2.33 * np.sqrt(0.05 * 0.95 / 80)


def test_a_gain_that_stands_out_of_the_luck_is_found():
    found = verdicts(30, luck=0.1, gain=0.8, events=20)
    assert found["still help"] > 0.8 and found["do harm"] == 0


def test_table_and_picture_are_written_the_same_whatever_the_order_of_rows(tmp_path):
    table = predictions({2: {0: BLIND, 1: SECOND}, 4: {0: SECOND, 1: RIGHT}, 8: {0: RIGHT}})
    write_json(tmp_path / "dataset.json", {"name": "fringes", "classes": CLASSES, "positive": "deformation"})
    for name, rows in (("a", table), ("b", table.sample(frac=1, random_state=0))):
        rows.to_parquet(tmp_path / f"{name}.parquet")
        evaluate_curve(
            tmp_path / f"{name}.parquet", tmp_path / "dataset.json", DRAWS, title="net", out=tmp_path / f"{name}.tsv", figure=tmp_path / f"{name}.png"
        )  # fmt: skip
    for kind in ("tsv", "png"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    assert pd.read_csv(tmp_path / "a.tsv", sep="\t")["groups"].tolist() == [2, 4, 8]


@pytest.mark.parametrize(
    ("words", "groups"),
    [({"sample": "recording", "group": "recording"}, "recordings"), ({"sample": "picture", "group": "original"}, "originals")],
)
def test_what_is_no_earthquake_is_not_called_one(tmp_path, monkeypatch, words, groups):
    """In the table, in the verdict, and in every word of the picture."""
    said = []
    monkeypatch.setattr(pictured, "save_picture", lambda figure, path: said.extend(text.get_text() for text in figure.findobj(Text)))
    predictions({4: {0: BLIND, 1: BLIND}, 8: {0: RIGHT}}).to_parquet(tmp_path / "a.parquet")
    write_json(tmp_path / "dataset.json", {"name": "shots", "classes": CLASSES, "positive": "deformation", "words": words})
    evaluate_curve(
        tmp_path / "a.parquet", tmp_path / "dataset.json", DRAWS, title="net", out=tmp_path / "a.tsv", figure=tmp_path / "a.png"
    )  # fmt: skip
    row = pd.read_csv(tmp_path / "a.tsv", sep="\t").iloc[0]
    assert row["verdict"].startswith(f"More {groups} still help: from 4 to 8 {groups} a doubling adds")
    assert {"sample": row["sample_word"], "group": row["group_word"]} == words
    shown = " ".join(said)
    assert f"training {groups}" in shown and f"interval over {groups} and subsets" in shown and f"of 10 {groups}" in shown
    assert not [word for word in ("earthquake", "event", "tile") if word in shown]
