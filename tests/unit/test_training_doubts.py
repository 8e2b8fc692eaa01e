"""Doubts come from models that never saw the tile's earthquake, spare the rare class, and reach training as weights."""

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.models import Training
from fringeflow.config.studies import Curation
from fringeflow.errors import DatasetError, ModelError
from fringeflow.training import doubts as module
from fringeflow.training.doubts import find_doubts, grouped_folds, out_of_fold
from fringeflow.training.train import Data, train_run
from tests.unit.toy_learning import model, strategy
from tests.unit.toy_overlaps import CLASSES, SIZE, Toy, name, toy

TRAINING = Training(seeds=[0], epochs=8, patience=8, batch=32, learning_rate=1e-2)
SVM = model("hog_svm")


def find(made: Toy, out: str = "out", how: str = "drop", **curation) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the weights and the list."""
    folder = made.root / out
    find_doubts(
        *made.paths,
        view="wrapped",
        model=SVM,
        training=TRAINING,
        curation=Curation(**{"share": 0.2, **curation}),
        size=SIZE,
        how=how,
        out=folder / "doubts.parquet",
        table=folder / "doubts.tsv",
        figure=folder / "doubts.png",
    )
    return pd.read_parquet(folder / "doubts.parquet"), pd.read_csv(folder / "doubts.tsv", sep="\t", keep_default_na=False)


def scores(made: Toy) -> pd.Series:
    """Return the out-of-fold scores of the training tiles by sample."""
    data = Data.read(*made.paths, threads=1)
    rows = data.rows("train")
    folds = grouped_folds(rows["group"].to_numpy(), data.task.numbers(rows["label"]), 3, data.task.classes, source="here")
    return pd.Series(out_of_fold(data, folds, SVM, TRAINING, threads=1)[:, 1], index=rows["sample"])


@pytest.mark.parametrize(("cell", "wrong"), [((2, 2), "no_deformation"), ((0, 4), "deformation"), ((3, 1), "no_deformation")])
def test_a_flipped_label_is_the_most_doubtful(tmp_path, cell, wrong):
    made = toy(tmp_path)
    made.relabel({name("b", *cell): wrong})
    weights, listed = find(made)
    assert listed["sample"].iloc[0] == name("b", *cell)
    assert listed["disagreement"].iloc[0] > 0.8
    assert listed["disagreement"].is_monotonic_decreasing
    assert weights.loc[weights["sample"] == name("b", *cell), "weight"].tolist() == [0.0]
    assert (tmp_path / "out/doubts.png").read_bytes()[:4] == b"\x89PNG"


def test_a_tile_that_is_scored_right_is_not_doubted_for_its_neighbours_errors(tmp_path):
    """All around one tile have a wrong label: it stands out from them, is listed, and stays."""
    made = toy(tmp_path, distance=12.0)
    labels = made.table().set_index("sample")["label"]
    other = {"deformation": "no_deformation", "no_deformation": "deformation"}
    ring = [name("b", row, column) for row in (1, 2, 3) for column in (1, 2, 3) if (row, column) != (2, 2)]
    made.relabel({sample: other[labels[sample]] for sample in ring})
    weights, listed = find(made, share=0.5, threshold=0.3)
    centre = listed[listed["sample"] == name("b", 2, 2)]
    assert centre["weight"].tolist() == [1.0]
    assert name("b", 2, 2) not in set(weights["sample"])
    assert set(weights["sample"]) <= set(ring)
    assert len(weights) > 0


def test_clean_labels_leave_nothing_to_doubt(tmp_path):
    weights, listed = find(toy(tmp_path, distance=12.0))
    assert weights.empty and listed.empty
    assert (tmp_path / "out/doubts.png").is_file(), "and a picture that says so"


def test_scores_come_from_models_that_have_not_seen_the_earthquake(tmp_path):
    """Other labels within an earthquake change the scores of other earthquakes, and not one bit of its own."""
    made = toy(tmp_path, distance=2.0)
    before = scores(made)
    table = made.table()
    mine = table["event"] == "c"
    shuffled = np.random.default_rng(1).permutation(table.loc[mine, "label"])
    made.relabel(dict(zip(table.loc[mine, "sample"], shuffled, strict=True)))
    after = scores(made)
    own = before.index.str.startswith("c/")
    pd.testing.assert_series_equal(before[own], after[own], check_exact=True)
    assert (before[~own] != after[~own]).any(), "the labels were other ones"


def test_every_training_tile_is_scored_once_by_fits_that_hold_none_of_its_group(tmp_path, monkeypatch):
    made = toy(tmp_path)
    owner = {row.tobytes(): event for event in "abcdefghi" for row in made.features(event)}
    seen: list[tuple[set[str], set[str]]] = []
    real = module.fit_seeds

    def spy(train, validation, *args, **options):
        trained = {owner[row.tobytes()] for row in train.features.all()}
        watched = {owner[row.tobytes()] for row in validation.features.all()}
        seen.append((trained, watched))
        return real(train, validation, *args, **options)

    monkeypatch.setattr(module, "fit_seeds", spy)
    assert scores(made).notna().all()
    assert len(seen) == 3
    assert all(trained < set("abcde") and watched == set("fg") for trained, watched in seen)
    left_out = [set("abcde") - trained for trained, _ in seen]
    assert set.union(*left_out) == set("abcde") and sum(map(len, left_out)) == 5


def test_a_poisoned_test_split_changes_nothing(tmp_path):
    made = toy(tmp_path, distance=3.0)
    find(made, "clean", threshold=0.2)
    made.write_features({event: np.full((25, 6), 1e6) * np.arange(1, 26)[:, None] for event in "hi"})
    table = made.table()
    held = table["split"] == "test"
    made.relabel({sample: CLASSES[label == CLASSES[0]] for sample, label in zip(table["sample"][held], table["label"][held], strict=True)})
    find(made, "poisoned", threshold=0.2)
    for kind in ("parquet", "tsv", "png"):
        assert (tmp_path / f"clean/doubts.{kind}").read_bytes() == (tmp_path / f"poisoned/doubts.{kind}").read_bytes()
    assert len(pd.read_parquet(tmp_path / "clean/doubts.parquet")), "something was doubted"


def test_the_rare_class_gives_no_more_than_its_share_and_the_list_says_who_was_spared(tmp_path):
    made = toy(tmp_path)
    flipped = [name(event, *cell) for event in "abcde" for cell in ((0, 0), (4, 4))]
    made.relabel(dict.fromkeys(flipped, "deformation"))
    weights, listed = find(made, share=0.05)
    positives = (made.table().query("split == 'train'")["label"] == "deformation").sum()
    assert positives == 55
    chosen = listed[listed["weight"] < 1]
    assert set(chosen["sample"]) == set(weights["sample"]) <= set(flipped)
    assert len(weights) == 2, "a twentieth of 55, rounded down"
    spared = listed[(listed["weight"] == 1) & (listed["label"] == "deformation")]
    assert len(spared) >= 8 and spared["disagreement"].max() <= chosen["disagreement"].min()


def test_downweighted_tiles_keep_the_configured_weight(tmp_path):
    made = toy(tmp_path)
    made.relabel({name("a", 2, 2): "no_deformation"})
    weights, _ = find(made, how="downweight", weight=0.3)
    assert weights["weight"].eq(0.3).all() and name("a", 2, 2) in set(weights["sample"])


def test_a_rerun_gives_the_same_bytes(tmp_path):
    made = toy(tmp_path, distance=3.0)
    for out in ("one", "two"):
        find(made, out, threshold=0.1)
    for kind in ("parquet", "tsv", "png"):
        assert (tmp_path / f"one/doubts.{kind}").read_bytes() == (tmp_path / f"two/doubts.{kind}").read_bytes()


def train(made: Toy, out: str, doubts=None, spec=SVM, kind: str = "none"):
    train_run(
        *made.paths, made.root / out, view="wrapped", model=spec, strategy=strategy(kind), settings=TRAINING, doubts=doubts
    )  # fmt: skip
    return pd.read_parquet(made.root / out / "predictions.parquet")["p_deformation"].to_numpy()


def test_a_dropped_tile_has_no_part_in_training_not_even_as_nan(tmp_path):
    made = toy(tmp_path, distance=2.0)
    made.relabel({name("a", 2, 2): "no_deformation"})
    find(made)
    path = tmp_path / "out/doubts.parquet"
    dropped = set(pd.read_parquet(path)["sample"])
    assert name("a", 2, 2) in dropped
    clean = train(made, "clean", path)
    plain = train(made, "plain")
    poison = made.features("a")
    poison[2 * 5 + 2] = np.nan
    made.write_features({"a": poison})
    np.testing.assert_array_equal(train(made, "poisoned", path), clean)
    assert (plain != clean).any()
    with pytest.raises(ModelError, match="NaN"):
        train(made, "fails")


def test_a_tile_of_small_weight_counts_less_in_the_loss_of_a_network(tmp_path):
    """The closer its weight to 0, the closer the fit to one without the tile."""
    made = toy(tmp_path, distance=2.0)
    table = made.table().query("split == 'train'")
    doubted = table.loc[table["event"].isin(["a", "b"]), "sample"]
    head = model("resnet18")
    found = {}
    for weight in (1.0, 0.5, 0.0):
        path = tmp_path / f"{weight}.parquet"
        pd.DataFrame({"sample": doubted, "weight": weight}).to_parquet(path)
        found[weight] = train(made, f"w{weight}", path, head)
    plain = train(made, "plain", None, head)
    np.testing.assert_array_equal(found[1.0], plain)
    assert np.abs(found[0.5] - plain).max() > 1e-4


def test_no_doubt_at_all_is_the_plain_run(tmp_path):
    made = toy(tmp_path, distance=12.0)
    weights, _ = find(made)
    assert weights.empty
    np.testing.assert_array_equal(train(made, "doubted", tmp_path / "out/doubts.parquet"), train(made, "plain"))


def test_folds_share_the_rare_class_and_do_not_depend_on_the_order():
    rng = np.random.default_rng(0)
    groups = np.repeat([f"g{number:02d}" for number in range(12)], 20)
    labels = (rng.random(240) < 0.2).astype(int) * (np.arange(240) < 160)
    folds = grouped_folds(groups, labels, 4, CLASSES, source="s")
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    rare = np.bincount(folds, labels, minlength=4)
    assert rare.min() >= 0.5 * rare.max()
    assert np.ptp(np.bincount(folds)) <= 40
    order = rng.permutation(240)
    np.testing.assert_array_equal(grouped_folds(groups[order], labels[order], 4, CLASSES, source="s"), folds[order])
    assert set(grouped_folds(groups, labels, 20, CLASSES, source="s")) == set(range(12)), "no more folds than groups"


def test_what_cannot_be_judged_is_told(tmp_path):
    made = toy(tmp_path)
    table = made.table()
    lonely = (table["event"] == "a") | (table["label"] != "deformation") | (table["split"] != "train")
    table[lonely].to_parquet(made.samples, index=False)
    with pytest.raises(DatasetError, match=r"class 'deformation' is in a alone, expected at least two groups"):
        find(made)
    table[table["row"].isin([0, 2, 4, 10, 12, 14])].to_parquet(made.samples, index=False)
    with pytest.raises(DatasetError, match="no two training tiles overlap"):
        find(made)
