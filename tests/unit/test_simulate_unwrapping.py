"""Unwrapped scenes to pretrain on: the wrapped ones and whole fringes, of which some are miscounted as in real products."""

import numpy as np
import pytest
from scipy import ndimage

from fringeflow.insar.phase import wrap
from fringeflow.simulate import varied_scene as module
from fringeflow.simulate.streams import stream
from fringeflow.simulate.unwrapping import wrong_patch
from fringeflow.simulate.varied_scene import LEAST_PIECE, varied_scene

SIZE, COUNT = 112, 60


@pytest.fixture(scope="module")
def both():
    """Scenes as they are wrapped and unwrapped."""
    return [tuple(varied_scene(5, number, SIZE, view) for view in ("wrapped", "unwrapped")) for number in range(COUNT)]


def test_both_views_show_one_scene_but_for_whole_fringes(both):
    for wrapped, unwrapped in both:
        data = np.isfinite(unwrapped.phase)
        assert unwrapped.kind == wrapped.kind and np.array_equal(unwrapped.fringes, wrapped.fringes)
        assert not (data & np.isnan(wrapped.phase)).any()
        assert np.abs(wrap(unwrapped.phase - wrapped.phase))[data].max(initial=0) < 1e-4
        assert np.array_equal(unwrapped.seen, wrapped.seen & data), "nobody sees what has no data"
        if data.any():
            assert abs(np.median(unwrapped.phase[data])) <= np.pi + 1e-4
    known = [np.isfinite(unwrapped.phase).sum() / max(np.isfinite(wrapped.phase).sum(), 1) for wrapped, unwrapped in both]
    assert 0.4 < np.mean(known) < 0.95, "a part is masked"


def test_an_unwrapped_scene_holds_more_than_one_fringe_and_no_water(monkeypatch):
    grounds, draw_ground = [], module.draw_ground
    monkeypatch.setattr(module, "draw_ground", lambda *arguments: grounds.append(draw_ground(*arguments)) or grounds[-1])
    spans = []
    for number in range(25):
        phase = varied_scene(1, number, SIZE, "unwrapped").phase
        assert not np.isfinite(phase[grounds[-1].water]).any()
        spans.append(np.nanmax(phase) - np.nanmin(phase) if np.isfinite(phase).any() else 0.0)
    assert np.median(spans) > 2 * np.pi


@pytest.fixture
def miscounted(monkeypatch):
    """Give a function that makes quiet scenes without weather and noise: their phase is what was miscounted, whole fringes."""
    monkeypatch.setattr(module, "KINDS", {"quiet": 1.0})
    monkeypatch.setattr(module, "_delays", lambda rng, ground, pixel_km: np.zeros(ground.height_km.shape, np.float32))
    monkeypatch.setattr(module, "speckle", lambda rng, coherence, looks: (np.ones(coherence.shape, np.complex64), coherence))

    def make(**constants) -> list[np.ndarray]:
        for name, value in constants.items():
            monkeypatch.setattr(module, name, value)
        return [varied_scene(2, number, SIZE, "unwrapped").phase / np.float32(2 * np.pi) for number in range(40)]

    return make


def steps(fringes: np.ndarray) -> np.ndarray:
    """Return the differences of neighbours that both have data."""
    return np.concatenate([(found := np.diff(fringes, axis=axis))[np.isfinite(found)] for axis in (0, 1)])


def pieces(fringes: np.ndarray) -> list[np.ndarray]:
    labelled, count = ndimage.label(np.isfinite(fringes))
    return [fringes[labelled == number] for number in range(1, count + 1)]


def test_errors_are_whole_fringes_in_some_scenes_and_of_both_signs(miscounted):
    found = miscounted()
    wrong = []
    for fringes in found:
        known = fringes[np.isfinite(fringes)]
        np.testing.assert_allclose(known, np.round(known), atol=1e-5)
        wrong.append(np.unique(np.round(known[abs(known) > 0.5])))
    assert 0.2 < np.mean([len(values) > 0 for values in wrong]) < 0.8
    assert {-1.0, 1.0} <= set(np.concatenate(wrong))


def test_without_errors_a_scene_where_nothing_happened_is_flat(miscounted):
    assert all(np.nanmax(abs(fringes), initial=0) == 0 for fringes in miscounted(PATCHES=(1.0, 0.0, 0.0), ADRIFT=0.0))


def test_a_piece_that_no_data_joins_to_the_rest_drifts_as_a_whole(miscounted):
    """Of what drifts, all is off but the largest piece; none is so small that no unwrapper would trust it."""
    parted = 0
    for fringes in miscounted(PATCHES=(1.0, 0.0, 0.0), ADRIFT=1.0):
        parts = pieces(fringes)
        assert all(len(part) >= LEAST_PIECE and np.ptp(part) == 0 for part in parts)
        levels = [float(part[0]) for part in parts]
        if len(parts) > 1:
            parted += 1
            largest = levels.pop(int(np.argmax([len(part) for part in parts])))
            assert largest not in levels
    assert parted >= 3


def test_a_line_without_data_bounds_a_patch_or_its_edge_is_a_jump(miscounted):
    jumps = [abs(steps(fringes)).max(initial=0) for fringes in miscounted(PATCHES=(0.0, 1.0, 0.0), LINED=0.0, ADRIFT=0.0)]
    assert np.mean(np.array(jumps) > 0.5) > 0.4
    lined = miscounted(PATCHES=(0.0, 1.0, 0.0), LINED=1.0, ADRIFT=0.0)
    assert all(abs(steps(fringes)).max(initial=0) < 0.5 for fringes in lined)
    assert any(np.nanmax(abs(fringes), initial=0) > 0.5 for fringes in lined), "there is an error on its far side"


def test_a_patch_is_one_piece_of_some_size():
    for number in range(10):
        patch = wrong_patch(stream(number, "patch"), (200, 240), (0.1, 0.1))
        assert ndimage.label(patch)[1] == 1
        assert 0.002 < patch.mean() < 0.3
