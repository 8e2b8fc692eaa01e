"""Tiles of simulated scenes: their targets from scenes drawn by hand, their places, and their encoding."""

import numpy as np
import pytest

from fringeflow.config.interferograms import LabelRule
from fringeflow.encoding.encodings import encode
from fringeflow.pretraining import tiles as module
from fringeflow.pretraining.tiles import SCENE_SIDES, Tiles, scene_tiles
from fringeflow.simulate.varied_scene import VariedScene

TILE, PERIOD = 80, 40
"""A pattern that repeats twice in a tile: every tile shows the same share of it, wherever it lies."""
RULE = LabelRule(min_fringes=1.0, min_area=0.1)


@pytest.fixture
def drawn(monkeypatch):
    """Give a function that cuts tiles from a scene in which so many columns of a period are deformed, unseen or without data."""

    def make(deformed: int, *, fringes: float = 1.0, unseen: int = 0, empty: int = 0, rule: LabelRule = RULE, count: int = 6) -> Tiles:
        size = round(SCENE_SIDES * TILE)
        column = np.broadcast_to(np.arange(size) % PERIOD, (size, size))
        wrapped = np.where(column >= PERIOD - empty, np.nan, 0.01 * np.arange(size)[:, None]).astype("f4")
        scene = VariedScene(
            "earthquake",
            wrapped,
            np.where(column < deformed, np.float32(fringes), np.float32(0.99)),
            np.isfinite(wrapped) & (column >= unseen),
        )
        monkeypatch.setattr(module, "varied_scene", lambda seed, number, wanted, view: scene)
        return scene_tiles(1, 2, tile=TILE, count=count, input_size=40, rule=rule, view="wrapped")

    return make


@pytest.mark.parametrize(("columns", "target"), [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75), (4, 1.0), (5, 1.0), (40, 1.0)])
def test_a_target_is_the_share_of_the_least_area_that_is_deformed(drawn, columns, target):
    """A tenth of the tile is four columns of forty."""
    found = drawn(columns)
    np.testing.assert_allclose(found.targets, np.full(6, target), atol=1e-6)
    assert found.targets.dtype == np.float32 and set(found.kinds) == {"earthquake"}


def test_a_pixel_is_deformed_from_the_fringes_of_the_rule_on(drawn):
    assert (drawn(40, fringes=1.4).targets == 1).all()
    assert (drawn(40, fringes=1.4, rule=LabelRule(min_fringes=1.5, min_area=0.1)).targets == 0).all()


def test_what_cannot_be_seen_is_not_deformed(drawn):
    np.testing.assert_allclose(drawn(4, unseen=3).targets, np.full(6, 0.25), atol=1e-6)


def test_the_area_is_of_what_has_data(drawn):
    """Half of the tile has none: two columns are a tenth of the rest."""
    np.testing.assert_allclose(drawn(2, empty=20).targets, np.ones(6), atol=1e-6)
    np.testing.assert_allclose(drawn(1, empty=20).targets, np.full(6, 0.5), atol=1e-6)


def test_a_scene_without_data_gives_no_tiles_and_they_can_be_joined(drawn):
    nothing = drawn(4, empty=40)
    assert len(nothing) == 0 and nothing.images.shape == (0, 3, 40, 40)
    assert len(drawn(4, empty=34)) == 0, "hardly any"
    both = Tiles.joined([nothing, drawn(4, empty=28), nothing])
    assert len(both) == 6 and both.images.shape == (6, 3, 40, 40) and len(both.kinds) == 6


def test_tiles_are_windows_of_the_scene_as_training_encodes_them(monkeypatch):
    """Each is found in the scene once: where a scene is random, no two places look alike."""
    size = round(SCENE_SIDES * 32)
    wrapped = np.random.default_rng(0).uniform(-3, 3, (size, size)).astype("f4")
    wrapped[:3, :5] = np.nan
    scene = VariedScene("quiet", wrapped, np.zeros_like(wrapped), np.isfinite(wrapped))
    monkeypatch.setattr(module, "varied_scene", lambda seed, number, wanted, view: scene)
    found = scene_tiles(1, 2, tile=32, count=5, input_size=32, rule=RULE, view="wrapped")
    windows = np.lib.stride_tricks.sliding_window_view(wrapped, (32, 32)).reshape(-1, 32, 32)
    images = encode(windows, "wrapped", "sincos", 32).astype(np.float16)
    places = [int(np.flatnonzero((images == image).all(axis=(1, 2, 3)))[0]) for image in found.images]
    assert len(set(places)) > 1
    assert found.images.dtype == np.float16 and (found.targets == 0).all()


def test_a_scene_gives_the_same_tiles_again_and_another_seed_others():
    cut = {"tile": 48, "count": 4, "input_size": 32, "rule": RULE, "view": "wrapped"}
    one, two, other = scene_tiles(3, 7, **cut), scene_tiles(3, 7, **cut), scene_tiles(4, 7, **cut)
    assert np.array_equal(one.images, two.images) and np.array_equal(one.targets, two.targets)
    assert not np.array_equal(one.images, other.images)


def test_the_wrapped_stream_is_the_one_that_the_packaged_model_was_made_from():
    """What is drawn for other views is drawn beside it: these numbers were found before there was any other."""
    found = [scene_tiles(7, number, tile=64, count=3, input_size=32, rule=LabelRule(), view="wrapped") for number in range(6)]
    assert [tiles.kinds[0] for tiles in found] == ["earthquake", "quiet", "earthquake", "earthquake", "quiet", "earthquake"]
    assert [tiles.targets.tolist() for tiles in found] == [[1, 1, 1], [0, 0, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]]
    means = np.array([tiles.images.astype("f8").mean(axis=(0, 2, 3)) for tiles in found])
    sines, cosines = [0.04048, -0.10599, 0.09352, 0.03495, 0.09495, 0.00246], [0.02151, -0.07452, -0.0023, 0.06375, 0.27594, -0.00254]
    np.testing.assert_allclose(means, np.stack([sines, cosines, np.zeros(6)], axis=1), atol=2e-5)
