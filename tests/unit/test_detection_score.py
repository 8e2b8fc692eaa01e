"""Scores over an interferogram: which run is applied, and what a pixel is told."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from fringeflow.detection.figures import tile_map
from fringeflow.detection.score import best_runs, score_tiles
from fringeflow.training.predict import load_run
from fringeflow.training.train import train_run
from tests.unit.toy_learning import QUICK, ToyDataset, model, strategy, toy_dataset


def test_a_pixel_is_told_the_mean_of_the_tiles_that_cover_it():
    tiles = pd.DataFrame({"row": [0, 0, 4], "column": [0, 4, 0], "score": [0.2, 0.8, 0.5]})
    found = tile_map(tiles, (14, 14), size=8)
    assert found[0, 0] == 0.2
    assert np.isclose(found[0, 5], 0.5)
    assert np.isclose(found[5, 5], 0.5)
    assert np.isclose(found[5, 1], 0.35)
    assert np.isnan(found[13, 13])
    assert np.array_equal(np.isnan(tile_map(tiles, (14, 14), size=8, step=2)), np.isnan(found[::2, ::2]))


def test_the_run_to_apply_is_chosen_on_validation_not_on_test(tmp_path):
    table = pd.DataFrame(
        {
            "dataset": "d",
            "view": ["wrapped", "unwrapped"],
            "model": "m",
            "strategy": "none",
            "pr_auc": [0.5, 0.9],
            "validation_pr_auc": [0.8, 0.6],
            "validation_log_loss": [0.2, 0.1],
        }
    )
    table.to_csv(tmp_path / "d.tsv", sep="\t", index=False)
    assert best_runs([tmp_path / "d.tsv"]) == ["d/wrapped/m/none"]


def train(toy: ToyDataset, name: str) -> Path:
    spec, folder = model(name), toy.root / "toy/wrapped" / name / "none"
    settings = QUICK.model_copy(update={"epochs": 2})
    inputs = toy.samples, toy.dataset, toy.embeddings(spec, "wrapped")
    train_run(*inputs, folder, view="wrapped", model=spec, strategy=strategy("none"), settings=settings)
    return folder


def test_runs_of_two_frameworks_score_the_same_tiles_side_by_side(tmp_path):
    """In one process they crash it without a word."""
    names = ("resnet18", "vgg19", "hog_svm")
    toy = toy_dataset(tmp_path, quiet=6, deformed=4, views=("wrapped",))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
        folders = [apart.submit(train, toy, name).result() if name == "vgg19" else train(toy, name) for name in names]
    found = score_tiles(folders, Path(toy.store("d")), settings=QUICK, cache=toy.cache, threads=1)
    assert list(found) == [f"toy/wrapped/{name}/none" for name in names]
    for folder, values in zip(folders, found.values(), strict=True):
        assert len(values) == 11, "every tile of the store, the ambiguous one too"
        if "vgg19" not in folder.parts:
            alone = load_run(folder).score([toy.store("d")], toy.cache)["p_deformation"]
            np.testing.assert_array_equal(values, alone)
