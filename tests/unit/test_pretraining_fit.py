"""Pretraining itself: it learns, goes on after a kill to the same network, and what is judged is what is kept."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

from fringeflow.config.interferograms import LabelRule, Prepare, Spectrogram
from fringeflow.config.tables import Event, Interferogram
from fringeflow.detection.detector import open_detector
from fringeflow.encoding.encodings import encode
from fringeflow.errors import DatasetError, ModelError
from fringeflow.files import read_json
from fringeflow.insar.deposit import CHUNK_ROWS
from fringeflow.insar.phase import rewrap
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import Prepared, open_interferogram
from fringeflow.models.quantised import restored
from fringeflow.models.torch_backbones import build_backbone
from fringeflow.pretraining import implants as implanting
from fringeflow.pretraining import pretrain as module
from fringeflow.pretraining.implants import QuietGround, implants, quiet_grounds
from fringeflow.pretraining.network import Learner
from fringeflow.pretraining.pretrain import HELD_OUT_SEED, held_out_scores
from fringeflow.pretraining.prevalence import open_pretrained, prior_shift
from fringeflow.pretraining.stream import chunk_of
from fringeflow.pretraining.tiles import Tiles
from fringeflow.training.checkpoint import Checkpoint
from fringeflow.training.predict import adjusted, load_run
from tests.unit.toy_killed import Killed
from tests.unit.toy_pretraining import COSEISMIC, QUIET, TINY, tiny_run, toy_real
from tests.unit.toy_raw import FRAME, products_of, smooth_phase, write_raw


@pytest.fixture(scope="module")
def patch():
    with pytest.MonkeyPatch.context() as context:
        yield context


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return toy_real(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def ground(real) -> QuietGround:
    return QuietGround(real.path, real.rows[QUIET], "wrapped")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, patch, ground):
    """With real quiet ground among the simulated."""
    return tiny_run(tmp_path_factory.mktemp("run") / "64", patch, quiet=[ground])


@pytest.fixture(scope="module")
def held() -> Tiles:
    return chunk_of(TINY.seed + HELD_OUT_SEED, 0, TINY.held_out, TINY.tile, TINY.tiles, TINY.input_size, TINY.label, TINY.view)


def test_a_run_says_what_it_was_made_of_and_opens_as_a_detector(trained, ground):
    about = read_json(trained / "run.json")
    assert about["trained_on"] == [ground.interferogram.key]
    assert about["made_of"]["scenes"] == 64 and about["made_of"]["code"] == "0123abcd"
    assert about["made_of"]["settings"]["seed"] == TINY.seed and "prevalence" not in about["made_of"]["settings"]
    assert sorted(path.name for path in trained.iterdir()) == [
        "backbone.safetensors", "history.parquet", "metrics.json", "model", "run.json"
    ]  # fmt: skip
    detector = open_detector(trained, Spectrogram())
    assert (detector.name, detector.source) == ("tiny/64", "wrapped")
    tiles = np.random.default_rng(0).uniform(-3, 3, (5, TINY.tile, TINY.tile)).astype("f4")
    found = detector.scores([tiles[:2], tiles[2:]], threads=1)
    assert found.shape == (5,) and ((found > 0) & (found < 1)).all()


@pytest.fixture
def kept(trained) -> Learner:
    """A learner with the weights of the files, its head as it was before it was divided by the temperature."""
    run, metrics = load_run(trained), read_json(trained / "metrics.json")
    learner = Learner(TINY, 1)
    learner.mean["body"].load_state_dict(build_backbone(run.model.encoder_spec).state_dict())
    head = run.fits[TINY.seed].head
    assert (head[0].mean == 0).all() and (head[0].scale == 1).all(), "nothing stands between features and the layer"
    learner.mean["head"].load_state_dict({name: value * metrics["divided_by"] for name, value in head[-1].state_dict().items()})
    return learner


def test_the_scores_are_those_of_the_files_that_were_written(trained, kept, held):
    """Of weights in eight bits, not of those that were trained: what is given away is what was judged."""
    metrics = read_json(trained / "metrics.json")
    assert held_out_scores(held, kept.predict(held.images)) == pytest.approx(metrics["held_out"], abs=1e-3)
    state = load_file(trained / "backbone.safetensors")
    assert any(value.dtype == np.int8 for value in state.values())
    assert all(np.isfinite(value).all() for value in restored(state).values())
    assert metrics["temperature"] == [1.0], "it is in the head already"


@pytest.mark.parametrize("prevalence", [0.05, 0.3, None])
def test_a_detector_gives_a_tile_the_calibrated_probability_at_a_prevalence(trained, kept, held, prevalence):
    """Another way to the same number: folded backbone, the head over its temperature, and Bayes' rule; None: that of training."""
    detector = open_detector(trained, Spectrogram()) if prevalence is None else open_pretrained(trained, prevalence)
    found = detector.run.predict(detector.embedder.network.encode(held.images.astype("f4")))[TINY.seed][:, 1]
    odds = np.log(kept.predict(held.images)).T
    odds = np.exp((odds[1] - odds[0]) / read_json(trained / "metrics.json")["divided_by"])
    there = float(held.targets.mean())
    here = there if prevalence is None else prevalence
    odds *= here / (1 - here) * (1 - there) / there
    np.testing.assert_allclose(np.log(found / (1 - found)), np.log(odds), atol=0.35, err_msg="but for bfloat16")
    assert np.corrcoef(np.log(found), np.log(odds / (1 + odds)))[0, 1] > 0.99


def test_its_history_tells_how_it_went(trained):
    history = pd.read_parquet(trained / "history.parquet")
    assert history["scenes"].tolist() == [16, 32, 48, 64] and (history["steps"].diff().dropna() > 0).all()
    assert np.isfinite(history[["loss", "roc_auc", "pr_auc", "prevalence"]]).all(axis=None)


@pytest.mark.parametrize("steps", [9])
def test_a_killed_training_goes_on_to_the_very_same_network(trained, patch, ground, tmp_path, monkeypatch, steps):
    """The same bytes: batches, the optimiser, the running mean and what real ground is drawn all go on where they were."""
    learn, taken = Learner.learn, []
    monkeypatch.setattr(module, "Checkpoint", lambda path, key: Checkpoint(path, key, every_s=0.0))

    def dies(self, images, targets):
        if len(taken) == steps:
            raise Killed
        taken.append(self.step)
        return learn(self, images, targets)

    folder = tmp_path / "64"
    with monkeypatch.context() as context:
        context.setattr(Learner, "learn", dies)
        with pytest.raises(Killed):
            tiny_run(folder, patch, quiet=[ground])
    assert [path.name for path in folder.iterdir()] == [".checkpoint.npz"], "nothing stands in the open"
    again = []
    monkeypatch.setattr(Learner, "learn", lambda self, *batch: (again.append(self.step), learn(self, *batch))[1])
    tiny_run(folder, patch, quiet=[ground])
    assert again[0] > 0, "it did not begin anew"
    assert not list(folder.glob(".*"))
    for name in ("backbone.safetensors", "model/seed0.safetensors", "metrics.json"):
        assert (folder / name).read_bytes() == (trained / name).read_bytes(), name
    assert len(pd.read_parquet(folder / "history.parquet")) == 4


def test_a_state_of_other_settings_is_not_gone_on_from(patch, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "Checkpoint", lambda path, key: Checkpoint(path, key, every_s=0.0))
    monkeypatch.setattr(module, "quantised", lambda state: (_ for _ in ()).throw(Killed))  # after the last step
    for settings in (TINY, TINY.model_copy(update={"learning_rate": 2e-3})):
        with pytest.raises(Killed):
            tiny_run(tmp_path, patch, settings=settings, scenes=16)
        kept = Checkpoint(tmp_path / module.CHECKPOINT, "").path
        with np.load(kept) as arrays:
            steps = bytes(arrays["about"])
        assert b'"chunks": 1' in steps
    seen = []
    monkeypatch.setattr(Learner, "resume", lambda self, arrays, step: seen.append(step))
    with pytest.raises(Killed):
        tiny_run(tmp_path, patch, settings=TINY.model_copy(update={"seed": 4}), scenes=16)
    assert seen == []


def test_a_training_that_diverges_is_a_clear_error_and_leaves_no_run(patch, tmp_path):
    wild = TINY.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(ModelError, match=r"the loss is nan after \d+ steps; lower learning_rate \(1e\+30\)"):
        tiny_run(tmp_path, patch, settings=wild, scenes=32)
    assert not (tmp_path / "run.json").exists() and not (tmp_path / "backbone.safetensors").exists()


def test_implants_are_real_ground_and_every_second_is_deformed_by_the_label_rule(ground, monkeypatch):
    windows, faults = [], []
    window, draw = QuietGround.window, implanting.draw_visible
    monkeypatch.setattr(QuietGround, "window", lambda self, size, rng: windows.append(window(self, size, rng)) or windows[-1])
    monkeypatch.setattr(
        implanting, "draw_visible", lambda rng, where, rule: faults.append((where, draw(rng, where, rule))) or faults[-1][1]
    )
    rule = LabelRule(min_fringes=0.8, min_area=0.3)
    found = implants([ground], 7, TINY.model_copy(update={"label": rule}), np.random.default_rng(0))
    assert found.targets.tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert found.kinds.tolist() == ["real", "implant"] * 3 + ["real"]
    assert len(faults) == 3 and found.images.dtype == np.float16
    expected = [phase for _, phase in windows]
    for number, (where, fault) in enumerate(faults):
        fringes = abs(where.phase(fault)) / (2 * np.pi)
        assert np.mean(fringes[where.valid] >= 0.8) >= 0.3
        place = 2 * number + 1
        assert where is windows[place][0]
        expected[place] = rewrap(expected[place].astype("f8") + where.phase(fault))
    assert np.array_equal(found.images, encode(np.stack(expected), "wrapped", "sincos", TINY.input_size).astype(np.float16))
    whole = open_interferogram(ground.path, ground.interferogram.key).read("wrapped")
    for where, phase in windows:
        row, column = (
            int(np.argmin(abs(axis - first[0]))) for axis, first in zip(ground.axes, (where.latitude, where.longitude), strict=True)
        )
        assert np.array_equal(phase, whole[row : row + 32, column : column + 32], equal_nan=True)


def test_ground_with_hardly_any_data_is_refused_by_name(real, monkeypatch):
    ground = QuietGround(real.path, real.rows[QUIET], "wrapped")
    with pytest.raises(DatasetError, match=rf"{QUIET} has 96 x 128 pixels, 100% .* expected a window of 128 x 128 .* Leave its event out"):
        ground.window(128, np.random.default_rng(0))
    read = Prepared.read
    monkeypatch.setattr(Prepared, "read", lambda self, *what: np.where(np.arange(128) < 6, read(self, *what), np.nan))
    with pytest.raises(DatasetError, match=r"5% of them with data; expected a window of 32 x 32 with data in 50% of it"):
        ground.window(32, np.random.default_rng(0))


def test_real_ground_is_read_a_window_at_a_time_and_never_held_whole(tmp_path):
    """Its memory is two bands of rows, however many interferograms there are; cached, each of some hundred frames would take 40 MB."""
    phase = smooth_phase(12 * CHUNK_ROWS, 96, 3.0)
    write_raw(tmp_path / "raw", QUIET, products_of(phase))
    row = Interferogram(event="quake", frame=FRAME, pair=QUIET, heading_deg=-13.0, incidence_deg=35.0)
    event = Event(event="quake", source="portal", time="2021-03-03T10:16:08", latitude=39.96, longitude=22.06, depth_km=4, magnitude=5.6)
    prepare_event(event, [row], tmp_path / "raw", Prepare(), tmp_path / "interferograms.zarr", threads=1)
    grounds = [QuietGround(tmp_path / "interferograms.zarr", row, view) for view in ("wrapped", "unwrapped") for _ in range(3)]
    rng, band = np.random.default_rng(0), CHUNK_ROWS * 96 * 4
    grounds[0].window(32, rng)  # what libraries set up once
    tracemalloc.start()
    windows = [ground.window(32, rng)[1] for ground in grounds for _ in range(4)]
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len({window.tobytes() for window in windows}) == len(windows) and all(window.base is None for window in windows)
    assert peak < 5 * band < phase.nbytes / 2, "two bands, compressed too, and little beside them"
    assert kept < 3 * band + sum(window.nbytes for window in windows), "latitudes and longitudes of each"


def test_only_quiet_pairs_are_trained_on_and_none_is_an_error(real):
    pairs = [real.pair(COSEISMIC), real.pair(QUIET)]
    assert [ground.interferogram.pair for ground in quiet_grounds(pairs, "wrapped")] == [QUIET]
    assert quiet_grounds([], "wrapped") == []
    with pytest.raises(DatasetError, match=r"all 2 interferograms of the events in `implant` \(quake\) may show an earthquake"):
        quiet_grounds([real.pair(COSEISMIC), real.pair(QUIET, untouched=False)], "wrapped")


def test_scores_leave_out_tiles_of_which_nobody_can_say_what_they_are():
    targets = np.array([0, 1, 0.4, 0, 1], "f4")
    held = Tiles(np.zeros((5, 3, 2, 2), "f2"), targets, np.array(["volcano", "earthquake", "earthquake", "volcano", "earthquake"]))
    score = np.array([0.6, 0.9, 0.99, 0.2, 0.7])
    found = held_out_scores(held, np.stack([1 - score, score], axis=1))
    assert found == {"roc_auc": 1.0, "pr_auc": 1.0, "prevalence": 0.5, "volcano_alarms": 0.5}


def test_a_learner_learns_and_its_mean_lies_between_what_the_weights_were_and_are():
    """Early on a plain mean of nearly all of them, so that a short training is not the network that it began with."""
    learner = Learner(TINY, 30)
    rng = np.random.default_rng(0)
    before = {name: value.clone() for name, value in learner.network["head"].state_dict().items()}
    targets = np.array([0, 1] * 8, "f4")
    images = rng.normal(size=(16, 3, 32, 32)).astype("f4") * np.where(targets, 1.0, 0.3)[:, None, None, None].astype("f4")
    losses = [learner.learn(images, targets) for _ in range(15)]
    assert losses[-1] < 0.5 * losses[0]
    moved = (learner.network["head"].weight - before["weight"]).abs().max()
    mean = (learner.mean["head"].weight - before["weight"]).abs().max()
    assert 0.1 * moved < mean < 2 * moved
    assert not any(value.requires_grad for value in learner.mean.parameters())


def test_a_soft_target_is_a_probability():
    """Of a tile that is half as deformed as the rule asks for, the best guess is a half: nothing else has a lower loss."""
    learner = Learner(TINY, 1)
    images = np.zeros((8, 3, 32, 32), "f4")
    with torch.no_grad():
        learner.network["head"].weight.zero_()
    assert learner.learn(images, np.full(8, 0.5, "f4")) == pytest.approx(np.log(2), abs=1e-5)


def test_scores_can_be_moved_to_another_prevalence():
    """Bayes' rule: a score that was certain of nothing becomes the prevalence itself."""
    for trained, expected in ((0.5, 0.05), (0.3, 0.01), (0.2, 0.2)):
        found = adjusted(np.array([[1 - trained, trained]]), prior_shift(trained, expected))
        np.testing.assert_allclose(found, [[1 - expected, expected]], rtol=1e-9)
