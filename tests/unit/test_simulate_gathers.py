"""Simulated gathers: files hold what was simulated, one more changes no other, and each class shows its defect."""

import numpy as np
import obspy
import pandas as pd
import pytest

from fringeflow.config.collections import STUDY_B, SimulatedGathers
from fringeflow.errors import ConfigError
from fringeflow.seismic.reader import read_recording
from fringeflow.simulate.gather_defects import DEFECTS, draw_defect
from fringeflow.simulate.gather_waves import band_noise, draw_signal, draw_spread, ricker
from fringeflow.simulate.gathers import simulate_gather, write_gathers
from tests.unit.toy_gathers import SMALL

DEFAULT = SimulatedGathers(kind="simulated")
TRIES = range(30)


def written(folder, settings=SMALL, seed=0):
    write_gathers(settings, seed, folder / "recordings", folder / "labels.tsv", folder / "files.json")
    return pd.read_csv(folder / "labels.tsv", sep="\t")


def test_files_hold_what_was_simulated(tmp_path):
    labels = written(tmp_path)
    assert labels["class"].value_counts().to_dict() == SMALL.originals
    formats = set()
    numbers = labels.groupby("class").cumcount() + 1
    for name, label, number in zip(labels["recording"], labels["class"], numbers, strict=True):
        path = tmp_path / "recordings" / name
        traces, spread = simulate_gather(SMALL, 0, label, number)
        recording = read_recording(path)
        np.testing.assert_array_equal(recording.traces, traces)
        assert recording.interval_s == pytest.approx(0.004)
        stream = obspy.read(path, format="SEGY", unpack_trace_headers=True)
        formats.add(stream.stats.binary_file_header.data_sample_format_code)
        headers = [trace.stats.segy.trace_header for trace in stream]
        offsets = [header.distance_from_center_of_the_source_point_to_the_center_of_the_receiver_group for header in headers]
        np.testing.assert_allclose(offsets, spread.offsets_m, atol=0.5)
        assert np.diff(offsets) == pytest.approx(SMALL.spacing_m, abs=1)
        assert min(offsets) < -200 < 200 < max(offsets)
        places = [header.group_coordinate_x / 100 - header.source_coordinate_x / 100 for header in headers]
        np.testing.assert_allclose(places, spread.offsets_m, atol=0.011)
    assert formats == {1, 5}
    assert len(list((tmp_path / "recordings").iterdir())) == len(labels)


def test_a_gather_depends_on_seed_class_and_number_only(tmp_path):
    few, more, other = (tmp_path / name for name in ("few", "more", "other"))
    labels = written(few)
    written(more, SMALL.model_copy(update={"originals": {name: count + 1 for name, count in SMALL.originals.items()}}))
    written(other, seed=1)
    for name in labels["recording"]:
        content = (few / "recordings" / name).read_bytes()
        assert (more / "recordings" / name).read_bytes() == content
        assert (other / "recordings" / name).read_bytes() != content
    assert len({(few / "recordings" / name).read_bytes() for name in labels["recording"]}) == len(labels)


def test_a_run_replaces_the_recordings_of_another(tmp_path):
    written(tmp_path, SMALL.model_copy(update={"originals": dict.fromkeys(SMALL.originals, 4)}))
    labels = written(tmp_path)
    assert {path.name for path in (tmp_path / "recordings").iterdir()} == set(labels["recording"])


@pytest.mark.parametrize("interval_ms", [40.0, 0.0001])
def test_an_interval_that_segy_cannot_tell_is_refused(tmp_path, interval_ms):
    with pytest.raises(ConfigError, match=r"interval_ms is .* whole microseconds from 1 to 32767"):
        written(tmp_path, SMALL.model_copy(update={"interval_ms": interval_ms}))
    assert not (tmp_path / "labels.tsv").exists()


@pytest.mark.parametrize("seed", range(6))
def test_no_wave_arrives_before_the_fastest_could(seed):
    rng = np.random.default_rng(seed)
    spread = draw_spread(rng, DEFAULT)
    signal = draw_signal(rng, spread)
    early = spread.times_s[None, :] < spread.distances_m[:, None] / 2600 - 0.08
    assert early.any()
    assert np.abs(signal[early]).max() < 3e-3 * np.abs(signal).max()
    late = np.abs(signal[:, spread.times_s > 0.3])
    assert (late.max(axis=1) > 0).all()


def test_a_wavelet_has_its_pitch():
    times = (np.arange(1000) - 500) * 0.001
    power = np.abs(np.fft.rfft(ricker(times, 30.0)))
    assert np.fft.rfftfreq(1000, 0.001)[power.argmax()] == pytest.approx(30, abs=1)


def test_a_plane_wave_of_noise_crosses_the_spread_at_its_speed():
    rng = np.random.default_rng(0)
    spread = draw_spread(rng, DEFAULT)
    noise = band_noise(rng, spread, (5.0, 12.0), slowness_s_m=1 / 500)
    assert noise.std(axis=1) == pytest.approx(1, abs=1e-3)
    lags = [np.correlate(noise[place + 4], noise[place], "full").argmax() - (spread.shape[1] - 1) for place in (10, 40, 70)]
    assert np.array(lags) * spread.interval_s == pytest.approx(4 * DEFAULT.spacing_m / 500, abs=0.005)


def longest_run(dead: np.ndarray) -> int:
    return max(len(run) for run in "".join("x" if one else " " for one in dead).split(" "))


def added(label: str, number: int):
    """Return what a defect adds to a gather of faint noise, and the spread; the geophone that is off in any gather aside."""
    rng = np.random.default_rng(number)
    spread = draw_spread(rng, DEFAULT)
    sound = band_noise(rng, spread, (5.0, 50.0))
    gather = draw_defect(rng, label, sound, spread)
    rest = gather[:, : spread.shape[1] // 20].std(axis=1) > 0.2
    return (gather - sound)[rest], rest, spread


def test_an_empty_zone_is_a_block_and_failed_stations_are_few_and_apart():
    empty, failed = [], []
    for number in TRIES:
        empty.append(longest_run((simulate_gather(DEFAULT, 7, "brak_Empty zone", number)[0] == 0).mean(axis=1) > 0.3))
        dead = (simulate_gather(DEFAULT, 7, "brak_Station", number)[0] == 0).all(axis=1)
        failed.append((longest_run(dead), dead.sum()))
    # A fifth of the zones keep a little noise and are not exactly 0.
    assert np.mean(np.array(empty) >= 0.14 * DEFAULT.traces) > 0.6
    assert len(set(empty)) > 8
    assert max(run for run, _ in failed) < 0.1 * DEFAULT.traces
    assert len({count for _, count in failed}) > 3


def test_one_noise_was_there_before_the_shot_and_the_other_begins_after_it():
    for number in TRIES:
        for label, before in (("noise_DNS", True), ("noise_Tip-off", False)):
            noise, rest, spread = added(label, number)
            loud = noise[np.abs(noise).max(axis=1) > 0.3 * np.abs(noise).max()]
            first = loud[:, : int(0.04 * spread.shape[1])]
            assert (np.abs(first).max() > 0) == before, (label, number)
            assert 0.1 < len(loud) / spread.shape[0] < 0.95
            assert rest.mean() > 0.9


def test_every_class_of_the_study_has_its_defect_and_they_vary():
    assert set(DEFECTS) == set(STUDY_B)
    for label in DEFECTS:
        gathers = [simulate_gather(SMALL, 0, label, number)[0] for number in range(8)]
        for number, gather in enumerate(gathers):
            assert gather.shape == (24, 128)
            assert np.array_equal(gather, np.rint(gather))
            assert 1000 < np.abs(gather).max() <= 2**20
            likeness = [abs(np.corrcoef(gather.ravel(), other.ravel())[0, 1]) for other in gathers[:number]]
            assert max(likeness, default=0) < 0.9


def test_defects_leave_the_sound_gather_alone():
    rng = np.random.default_rng(0)
    spread = draw_spread(rng, DEFAULT)
    sound = band_noise(rng, spread, (5.0, 50.0))
    before = sound.copy()
    for label in DEFECTS:
        assert not np.array_equal(draw_defect(rng, label, sound, spread), sound)
        np.testing.assert_array_equal(sound, before)
