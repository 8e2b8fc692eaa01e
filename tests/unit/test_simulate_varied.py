"""Scenes to pretrain on: made again from a seed and a number, labelled by what is in them, and of every kind and size."""

from collections import Counter

import numpy as np
import pytest

from fringeflow.simulate import varied_scene as module
from fringeflow.simulate.varied_ground import draw_ground
from fringeflow.simulate.varied_scene import DEPTH_KM, KINDS, MAGNITUDE, SEEN, VariedScene, varied_scene

SIZE, COUNT = 112, 250


@pytest.fixture(scope="module")
def made():
    """Many scenes, and the fault behind each earthquake."""
    faults, phase_of_fault = [], module.phase_of_fault

    def spied(fault, *where):
        faults.append(fault)
        return phase_of_fault(fault, *where)

    scenes, behind = [], []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "phase_of_fault", spied)
        for number in range(COUNT):
            scenes.append(varied_scene(5, number, SIZE))
            behind.append(faults[-1] if scenes[-1].kind == "earthquake" else None)
    return scenes, behind


def equal(one: VariedScene, two: VariedScene) -> bool:
    return one.kind == two.kind and all(
        np.array_equal(getattr(one, name), getattr(two, name), equal_nan=True) for name in ("phase", "fringes", "seen")
    )


def test_a_seed_and_a_number_make_the_same_scene_whatever_else_was_drawn(made):
    np.random.default_rng(0).normal(size=10)
    for number in (11, 3, 240):
        assert equal(varied_scene(5, number, SIZE), made[0][number])
    assert not equal(varied_scene(6, 3, SIZE), made[0][3])
    assert len({scene.phase.tobytes() for scene in made[0]}) == COUNT


def test_a_phase_is_wrapped_and_of_the_size_that_was_asked_for(made):
    for scene in made[0]:
        assert scene.phase.shape == scene.fringes.shape == scene.seen.shape == (SIZE, SIZE)
        assert scene.phase.dtype == scene.fringes.dtype == np.float32
        known = scene.phase[np.isfinite(scene.phase)]
        assert (known > -np.float32(np.pi)).all() and (known <= np.float32(np.pi)).all()
        assert not (scene.seen & np.isnan(scene.phase)).any(), "nobody sees what has no data"


def test_there_is_no_data_exactly_where_nothing_is_covered(monkeypatch):
    grounds = []

    def kept(*arguments):
        grounds.append(draw_ground(*arguments))
        return grounds[-1]

    monkeypatch.setattr(module, "draw_ground", kept)
    monkeypatch.setattr(module, "MASKED", 0.0)
    for number in range(30):
        assert np.array_equal(np.isfinite(varied_scene(1, number, SIZE).phase), grounds[-1].covered), number
    assert any(not ground.covered.all() for ground in grounds)
    for ground in grounds:
        assert not ground.water.all() and np.mean(~ground.water) >= 0.125
        assert (ground.height_km[ground.water] == 0).all() and (ground.coherence[ground.water] == 0).all()
        assert ground.height_km.min() >= 0 and ground.coherence.min() >= 0 and ground.coherence.max() <= 1


def test_masked_scenes_lose_data_and_gain_none(monkeypatch):
    whole = [varied_scene(1, number, SIZE) for number in range(12)]
    monkeypatch.setattr(module, "MASKED", 1.0)
    for number, scene in enumerate(whole):
        masked = np.isfinite(varied_scene(1, number, SIZE).phase)
        assert not (masked & ~np.isfinite(scene.phase)).any()


def test_only_earthquakes_leave_fringes_and_each_leaves_some(made):
    for scene in made[0]:
        assert (scene.fringes.max() > 0) == (scene.kind == "earthquake")
        assert scene.fringes.min() >= 0
    shown = [float((scene.fringes >= 1).mean()) for scene in made[0] if scene.kind == "earthquake"]
    assert np.median(shown) > SEEN and min(shown) > 0.3 * SEEN, "what shows less was drawn anew, by a coarse grid"


def test_kinds_come_in_about_their_shares(made):
    """An earthquake that does not show counts as quiet."""
    found = Counter(scene.kind for scene in made[0])
    spread = 4 * np.sqrt(COUNT * 0.12 * 0.88)
    assert abs(found["volcano"] - KINDS["volcano"] * COUNT) < spread
    assert 0.3 * COUNT < found["earthquake"] < KINDS["earthquake"] * COUNT + spread
    assert found["quiet"] > KINDS["quiet"] * COUNT - spread
    assert sum(KINDS.values()) == pytest.approx(1)


def test_earthquakes_are_of_all_magnitudes_depths_and_mechanisms(made):
    """If the small ones, of which most do not show, were drawn anew with another magnitude, most would be great."""
    faults = [fault for fault in made[1] if fault is not None]
    size = np.array([fault.magnitude for fault in faults])
    assert size.min() >= MAGNITUDE[0] - 0.1 and size.max() <= MAGNITUDE[1] + 0.1
    low, high = np.mean(size < 5.8), np.mean(size > 6.7)
    assert low > 0.15 and 0.1 < high < 0.5, (low, high)
    depth = np.array([fault.depth_km for fault in faults])
    assert depth.min() < 5 and depth.max() > 15 and depth.max() <= DEPTH_KM[1]
    steep = [abs(np.sin(np.radians(fault.rake_deg))) > 0.7 for fault in faults]
    assert 0.3 < np.mean(steep) < 0.95


def test_what_is_labelled_is_what_is_in_the_phase(monkeypatch):
    """Without weather and noise an earthquake's wrapped phase is its fringes, but for their sign."""
    monkeypatch.setattr(module, "_delays", lambda rng, ground, pixel_km: np.zeros(ground.height_km.shape, np.float32))
    monkeypatch.setattr(module, "speckle", lambda rng, coherence, looks: (np.ones(coherence.shape, np.complex64), coherence))
    monkeypatch.setattr(module, "FILTERED", 0.0)
    scenes = [varied_scene(2, number, SIZE) for number in range(25)]
    kinds = Counter(scene.kind for scene in scenes)
    assert all(kinds[kind] for kind in KINDS)
    for scene in scenes:
        data = np.isfinite(scene.phase)
        if scene.kind == "volcano":
            assert np.ptp(scene.phase[data]) > 0.5, "a volcano deforms, and is no earthquake"
        else:
            np.testing.assert_allclose(np.cos(scene.phase[data]), np.cos(2 * np.pi * scene.fringes[data]), atol=2e-3)


def test_noise_and_weather_differ_from_scene_to_scene(made):
    """From calm scenes to such in which hardly a fringe would be seen."""
    rough = []
    for scene in made[0]:
        if scene.kind == "quiet":
            step = np.diff(np.exp(1j * scene.phase), axis=0)
            rough.append(float(np.nanmean(abs(step))))
    assert min(rough) < 0.25 and max(rough) > 0.9, (min(rough), max(rough))
