"""A gallery shows what a run was surest of, of every kind and from many events, with attention where there is any."""

import struct

import numpy as np
import pandas as pd
import pytest
import torch

from fringeflow.config.models import Training
from fringeflow.detection import gallery, gallery_figure
from fringeflow.detection.gallery import KINDS, best_of_view, choose_tiles, judge, judge_classes, make_gallery
from fringeflow.detection.gallery_figure import apart, draw_gallery
from fringeflow.errors import ModelError
from fringeflow.evaluation.predictions import Predictions, read_predictions
from fringeflow.files import read_json, write_json
from fringeflow.models import torch_attention
from fringeflow.training.predict import load_run
from fringeflow.training.train import train_run
from tests.unit.toy_learning import model, strategy, toy_dataset
from tests.unit.toy_predictions import write_run

THRESHOLDS = [0.3, 0.4, 0.5]


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("run") / "fringes/wrapped/net/none")
    test = read_predictions(folder / "predictions.parquet", read_json(folder / "dataset.json"))["test"]
    return judge(test, THRESHOLDS), test


def test_every_test_tile_is_one_of_four_kinds(judged):
    table, test = judged
    called, actual = table["margin"] >= 0, table["label"] == "deformation"
    kinds = {(True, True): "hits", (True, False): "false alarms", (False, True): "misses", (False, False): "rightly quiet"}
    assert list(table["kind"]) == [kinds[pair] for pair in zip(called, actual, strict=True)]
    assert set(table["kind"]) == {kind.name for kind in KINDS}, "the toy run makes mistakes of both kinds"
    scores = test.probability[:, :, test.positive]
    np.testing.assert_allclose(table["margin"], scores.mean(0) - np.mean(THRESHOLDS))
    np.testing.assert_allclose(table["threshold"], 0.4)


def test_the_surest_come_first_and_no_event_comes_twice_before_all_came_once(judged):
    table, _ = judged
    shown = choose_tiles(table, 6)
    for kind in KINDS:
        mine, all_of_kind = shown[shown["kind"] == kind.name], table[table["kind"] == kind.name]
        events = all_of_kind["event"].nunique()
        assert len(mine) == min(6, len(all_of_kind))
        assert mine["event"].nunique() == min(6, events)
        surest = all_of_kind["margin"].abs().max()
        assert mine["margin"].abs().iloc[0] == surest
        assert mine["margin"].abs().head(min(6, events)).is_monotonic_decreasing


def test_the_order_of_the_tiles_changes_nothing(judged):
    table, _ = judged
    shuffled = table.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(choose_tiles(table, 4), choose_tiles(shuffled, 4))


def test_the_best_run_of_a_view_is_validations_choice_not_the_tests(tmp_path):
    names = {"dataset": "d", "model": "m"}
    rows = [("wrapped", "a", 0.9, 0.5), ("wrapped", "b", 0.6, 0.7), ("unwrapped", "none", 0.5, 0.8)]
    table = [
        {**names, "view": view, "strategy": name, "pr_auc": test, "validation_pr_auc": held, "validation_log_loss": 0.1}
        for view, name, test, held in rows
    ]
    pd.DataFrame(table).to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    assert best_of_view(tmp_path / "d.tsv", "wrapped") == "d/wrapped/m/b"
    assert best_of_view(tmp_path / "d.tsv", "unwrapped") == "d/unwrapped/m/none"
    with pytest.raises(ModelError, match="no run of the view 'spectrogram'"):
        best_of_view(tmp_path / "d.tsv", "spectrogram")


def trained(root, name: str):
    """Train a run on a toy dataset, with the threshold that an evaluation would write."""
    toy = toy_dataset(root, quiet=10, deformed=5, views=("wrapped",))
    described = read_json(toy.dataset)
    write_json(toy.dataset, described | {"counts": {part: {"tiles": 15} for part in ("validation", "test")}})
    spec, folder = model(name), root / "toy/wrapped" / name / "none"
    settings = Training(seeds=[0, 1], epochs=3, patience=3, batch=16)
    if name == "hog_svm":
        settings = settings.model_copy(update={"seeds": [0]})
    embeddings = toy.embeddings(spec, "wrapped")
    train_run(toy.samples, toy.dataset, embeddings, folder, view="wrapped", model=spec, strategy=strategy("none"), settings=settings)
    points = {"validation": {"thresholds": [0.4] * len(settings.seeds)}}
    write_json(folder / "metrics.json", {"splits": {"test": {"operating_points": points}}})
    return toy, folder


@pytest.mark.parametrize(("name", "rows"), [("resnet18", 2), ("hog_svm", 1)])
def test_a_real_run_gets_its_gallery(tmp_path, monkeypatch, name, rows):
    """A network's tiles are shown twice, with attention below; a classical model's once, and the picture says why."""
    seen = []
    monkeypatch.setattr(gallery, "draw_gallery", lambda *given, **named: seen.append((given, named)) or draw_gallery(*given, **named))
    toy, folder = trained(tmp_path, name)
    shown = make_gallery(folder, toy.samples, toy.dataset, columns=3, out=tmp_path / "gallery.png")
    (_, tiles, attention, _), named = seen[0]
    assert tiles.shape == (len(shown), 64, 64)
    assert set(shown["event"]) == {"d"}, "tiles of the test part alone"
    assert sum(named["kinds"].values()) == 15
    assert (attention is None) == (name == "hog_svm")
    if attention is not None:
        assert attention.shape == (len(shown), 2, 2)
        assert ((attention >= 0) & (attention <= 1)).all()
    width, height = struct.unpack(">II", (tmp_path / "gallery.png").read_bytes()[16:24])
    bands = [rows * 1.5 + (rows - 1) * 0.1 + 0.56 if count else 0.78 for count in named["kinds"].values()]
    assert height / 130 == pytest.approx(0.95 + 0.12 + sum(bands), abs=0.02), "inches: the tiles are there"
    assert width > 400
    make_gallery(folder, toy.samples, toy.dataset, columns=3, out=tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "gallery.png").read_bytes()


def test_where_all_classes_matter_alike_each_has_what_was_called_right_and_wrong():
    names = ["empty", "station", "dns"]
    probability = np.array(
        [[[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.7, 0.1], [0.1, 0.5, 0.4]], [[0.7, 0.3, 0], [0.2, 0.8, 0], [0.4, 0.3, 0.3], [0, 0.4, 0.6]]]
    )
    samples = pd.DataFrame(
        {"sample": list("abcd"), "event": list("abcd"), "pair": list("abcd"), "label": ["empty", "empty", "station", "dns"]}
    )
    table = judge_classes(Predictions(samples, np.array([0, 0, 1, 2]), probability, [0, 1], names, None))
    assert list(table["called"]) == ["empty", "station", "station", "dns"]
    assert list(table["kind"]) == ["empty, right", "empty, wrong", "station, right", "dns, right"]
    np.testing.assert_allclose(table["score"], [0.8, 0.6, 0.5, 0.5])
    assert list(choose_tiles(table, 1, ["empty, wrong", "dns, right", "dns, wrong"])["sample"]) == ["b", "d"]


STAGES = [{"name": "kinds", "merge": {"other": ["deformation", "doubtful"]}}, {"name": "other", "split": "other"}]


@pytest.mark.parametrize(
    ("name", "mode", "stages"), [("resnet18", "full", []), ("resnet18", "frozen", STAGES), ("deit_small_vpt", "prompt", STAGES)]
)
def test_a_run_of_three_classes_gets_its_gallery_flat_and_as_a_cascade(tmp_path, monkeypatch, name, mode, stages):
    """Attention of a cascade is that of the stage that tells the called class apart."""
    seen, asked = [], []
    monkeypatch.setattr(gallery, "draw_gallery", lambda *given, **named: seen.append((given, named)) or draw_gallery(*given, **named))
    look = torch_attention.attention
    monkeypatch.setattr(
        torch_attention,
        "attention",
        lambda spec, fits, images, number: asked.append((fits, len(images), number)) or look(spec, fits, images, number),
    )
    toy = toy_dataset(tmp_path, quiet=10, deformed=5, views=("wrapped",))
    table = pd.read_parquet(toy.samples)
    table.loc[table["row"] < 4, "label"] = "doubtful"
    table.to_parquet(toy.samples, index=False)
    classes = ["no_deformation", "deformation", "doubtful"]
    counts = {part: {"tiles": 15} for part in ("validation", "test")}
    write_json(toy.dataset, read_json(toy.dataset) | {"classes": classes, "positive": None, "counts": counts})
    spec, folder = model(name, mode=mode, stages=stages), tmp_path / "toy/wrapped" / name / "none"
    settings = Training(seeds=[0, 1], epochs=1, patience=3, batch=16)
    train_run(
        toy.samples,
        toy.dataset,
        toy.embeddings(spec, "wrapped"),
        folder,
        view="wrapped",
        model=spec,
        strategy=strategy("none"),
        settings=settings,
    )
    shown = make_gallery(folder, toy.samples, toy.dataset, columns=3, out=tmp_path / "gallery.png")
    (_, _, attention, _), named = seen[0]
    assert list(named["kinds"]) == [f"{label}, {end}" for label in classes for end in ("right", "wrong")]
    assert sum(named["kinds"].values()) == 15
    assert len(attention) == len(shown) == sum(count for _, count, _ in asked) and ((attention >= 0) & (attention <= 1)).all()
    whole = load_run(folder).fits[0]
    for called, (fits, _, number) in zip(shown["called"].unique(), asked, strict=True):
        assert len(fits) == 2
        if stages:
            level = whole.levels[0 if called == "no_deformation" else 1]
            assert level.classes[number] == called
            assert len(fits[0].to_probabilities(torch.zeros(1, len(level.classes)))[0]) == fits[0].head[-1].out_features
        else:
            assert classes[number] == called
    assert "for the called class" in named["note"]


def test_a_caption_tells_the_score_from_the_limit():
    assert apart(0.9, 0.45) == ("0.90", "0.45")
    assert apart(0.0912, 0.0887) == ("0.091", "0.089")
    assert apart(0.23462, 0.23483) == ("0.2346", "0.2348")
    assert apart(0.5, 0.5) == ("0.500", "0.500")


@pytest.mark.parametrize("side", [2, 3, 4, 7])
def test_a_map_too_coarse_to_tell_where_says_so_and_has_no_outline(tmp_path, monkeypatch, side):
    seen = []
    monkeypatch.setattr(gallery_figure, "save_picture", lambda figure, path: seen.append(figure))
    tile = {"kind": "hits", "event": "e", "pair": "20200101_20200113", "score": 0.9, "threshold": 0.4}
    attention = np.linspace(0, 1, side * side).reshape(1, side, side)
    draw_gallery(
        pd.DataFrame([tile]), np.zeros((1, 64, 64), np.float32), attention, tmp_path / "g.png",
        kinds={"hits": 1}, view="wrapped", title="t", note="dark",
    )  # fmt: skip
    coarse = side < 4
    notes = "\n".join(text.get_text() for text in seen[0].texts)
    assert (f"{side} x {side}: too coarse to tell where" in notes) == coarse
    assert ("line: half" in notes) != coarse
    assert any(axes.collections for axes in seen[0].axes) != coarse
