"""Scanning with Keras runs: a window gets the probability of the tile in its place, whatever part of the network was trained."""

import numpy as np
import pytest

from fringeflow.config.models import Model
from fringeflow.models.registry import resolve_model
from fringeflow.training.train import train_run
from tests.unit.toy_events import phase
from tests.unit.toy_learning import QUICK, strategy, toy_dataset
from tests.unit.toy_scan import check_windows_are_tiles, prepared


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return toy_dataset(tmp_path_factory.mktemp("toy"), quiet=6, deformed=4, views=("wrapped", "unwrapped"))


@pytest.fixture(scope="module")
def raster() -> np.ndarray:
    """Fringes, and a corner without data."""
    values = phase(np.random.default_rng(3), 170, 6)
    y, x = np.mgrid[:170, :170]
    values[x + y < 90] = np.nan
    return values


@pytest.fixture(scope="module")
def interferograms(raster, tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("prepared"), raster)


@pytest.mark.parametrize(
    ("view", "mode", "head"), [("wrapped", "frozen", "linear"), ("unwrapped", "partial", "silva"), ("wrapped", "full", "linear")]
)
def test_a_window_gets_the_probability_of_the_tile_in_its_place(toy, raster, interferograms, view, mode, head, tmp_path):
    """Vectors, maps and images: what the cache of training would hold, and what here goes straight from windows to the head.

    At this stride windows of wrapped phase are encoded together, those of unwrapped phase each alone.
    """
    spec = resolve_model("vgg19", Model(input_size=32, mode=mode, head=head), view)
    brief = QUICK.model_copy(update={"epochs": 2, "learning_rate": 1e-3 if mode == "frozen" else 1e-4})
    run = tmp_path / "runs/toy" / view / "vgg19/none"
    inputs = toy.samples, toy.dataset, toy.embeddings(spec, view)
    train_run(*inputs, run, view=view, model=spec, strategy=strategy("none"), settings=brief)
    check_windows_are_tiles(interferograms, raster, run, tmp_path / "out", threads=2, batch=5, stride=13)
