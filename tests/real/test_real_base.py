"""The packaged model on real interferograms that it has never seen: the bars that it was made for."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from fringeflow.config.interferograms import LabelRule, Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.detection.detector import open_detector
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.operating_point import operating_point
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import read_windows
from fringeflow.insar.prepared import open_interferogram
from fringeflow.models.base import FOLDER, QUIET
from fringeflow.pretraining.pairs import RealPair
from fringeflow.pretraining.real import score_pair
from fringeflow.pretraining.transfer import real_scores

STRIDE = 64


@pytest.fixture(scope="module")
def pairs(prepared, tables) -> list[RealPair]:
    """All real interferograms."""
    events = {event.event: event for event in tables[0]}
    return [RealPair(prepared / f"{pair.event}.zarr", events[pair.event], pair) for pair in tables[1]]


@pytest.fixture(scope="module")
def scored(pairs):
    """Their tiles with scores, by key."""
    detector = open_detector(FOLDER, Spectrogram())
    return {pair.interferogram.key: score_pair(detector, pair, stride=STRIDE, rule=LabelRule()) for pair in pairs}


@pytest.fixture(scope="module")
def maps(pairs, tmp_path_factory) -> Path:
    """What `detect` makes of them up to the thresholds, with nothing but the packaged model and its quiet windows."""
    root = tmp_path_factory.mktemp("maps")
    for pair in pairs:
        key = pair.interferogram.key
        out = root / key
        scan_interferogram(
            pair.path,
            key,
            FOLDER,
            Detect(stride=STRIDE),
            size=256,
            spectrogram=Spectrogram(),
            out=out / "probability.tif",
            windows=out / "windows.parquet",
        )
        operating_point(key, [FOLDER / QUIET], 0.01, FOLDER, out / "point.json")
    return root


def deformed(pair: RealPair) -> np.ndarray:
    """Where the unwrapped phase itself says that the ground moved: two fringes and more off the median, in one piece."""
    data = open_interferogram(pair.path, pair.interferogram.key)
    phase = data.read("unwrapped")
    patches, _ = ndimage.label(np.abs(phase - np.nanmedian(phase)) > 4 * np.pi)
    return patches == 1 + int(np.argmax(np.bincount(patches.ravel())[1:]))


def observed_truth(pair: RealPair, table) -> np.ndarray:
    """1 for tiles with half of what deformed, 0 with a tenth at most, NaN between: from the observation, not from a model."""
    where = deformed(pair)
    shares = np.array(
        [where[row : row + 256, column : column + 256].sum() for row, column in zip(table["row"], table["column"], strict=True)]
    )
    shares = shares / where.sum()
    return np.select([shares >= 0.5, shares <= 0.1], [1.0, 0.0], np.nan)


@pytest.mark.parametrize("truth_from", ["model", "observation"])
def test_deformation_is_ranked_above_everything_else(scored, pairs, truth_from):
    truth, score = [], []
    for pair in pairs:
        table = scored[pair.interferogram.key]
        observed = truth_from == "observation" and pair.event.magnitude is not None
        own = observed_truth(pair, table) if observed else table["truth"].to_numpy()
        truth.append(own[np.isfinite(own)])
        score.append(table["p"].to_numpy()[np.isfinite(own)])
    found = real_scores(np.concatenate(truth), np.concatenate(score))
    assert found["real_deformation"] >= 10 and found["real_quiet"] >= 100
    assert found["real_roc_auc"] >= 0.995


def test_at_the_operating_threshold_quiet_tiles_are_quiet_and_deformation_is_seen(scored, pairs, maps):
    for pair in pairs:
        key = pair.interferogram.key
        point = json.loads((maps / key / "point.json").read_text())
        assert key not in point["rests_on"]
        assert (point["threshold"], point["attained"]) == (0.5, False), "one frame keeps no rate of 1 %"
        alarms = scored[key]["p"].to_numpy() >= point["window_threshold"]
        if pair.event.magnitude is None:
            assert alarms.mean() <= 0.05
        else:
            assert alarms[observed_truth(pair, scored[key]) == 1].mean() >= 0.9


def test_thessaly_ranks_first_and_the_peak_of_its_map_lies_on_the_deformation(pairs, maps):
    highest = {pair.event.event: read_windows(maps / pair.interferogram.key / "windows.parquet")[0]["p"].max() for pair in pairs}
    assert highest["us7000df40"] > highest["galapagos"]
    pair = next(pair for pair in pairs if pair.event.event == "us7000df40")
    values, _, _ = read_probability(maps / pair.interferogram.key / "probability.tif")
    peak = np.unravel_index(int(np.nanargmax(values)), values.shape)
    assert ndimage.binary_dilation(deformed(pair), iterations=20)[peak], "within 2 km of what deformed"
