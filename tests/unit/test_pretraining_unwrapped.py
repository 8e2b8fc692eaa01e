"""Pretraining on unwrapped phase: the run says so, and its quiet ground, real tiles and packaged model are of that phase."""

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.studies import Detect
from fringeflow.detection.detector import open_detector
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.scan import scan_interferogram
from fringeflow.detection.windows import read_windows
from fringeflow.files import read_json
from fringeflow.insar.prepared import open_interferogram
from fringeflow.pretraining import implants as implanting
from fringeflow.pretraining.implants import QuietGround, implanted
from fringeflow.pretraining.package import package_model
from fringeflow.pretraining.real import score_pair
from fringeflow.pretraining.transfer import compare_transfer
from tests.unit.toy_pretraining import COSEISMIC, QUIET, TINY, ToyReal, tiny_run, toy_real

SETTINGS = TINY.model_copy(update={"view": "unwrapped"})


@pytest.fixture(scope="module")
def toy(tmp_path_factory) -> ToyReal:
    return toy_real(tmp_path_factory.mktemp("real"))


@pytest.fixture(scope="module")
def ground(toy) -> QuietGround:
    return QuietGround(toy.path, toy.rows[QUIET], "unwrapped")


@pytest.fixture(scope="module")
def trained(tmp_path_factory, ground):
    with pytest.MonkeyPatch.context() as patch:
        return tiny_run(tmp_path_factory.mktemp("run") / "64", patch, settings=SETTINGS, quiet=[ground])


@pytest.fixture(scope="module")
def packaged(trained, toy, tmp_path_factory):
    root = tmp_path_factory.mktemp("package")
    pairs = [toy.pair(COSEISMIC), toy.pair(QUIET)]
    table = root / "transfer.tsv"
    compare_transfer({64: trained}, pairs, SETTINGS, table=table, tiles=root / "tiles.parquet", picture=root / "transfer.png")
    package_model({64: trained}, pairs, SETTINGS, table, name="tiny", folder=root / "package")
    return root / "package"


def test_a_run_says_its_view_and_how_it_is_encoded(trained):
    about = read_json(trained / "run.json")
    assert (about["view"], about["model"]["encoder"]["encoding"]) == ("unwrapped", "sincos")
    assert about["made_of"]["settings"]["view"] == "unwrapped"
    detector = open_detector(trained, Spectrogram())
    assert detector.source == "unwrapped"
    assert np.isfinite(pd.read_parquet(trained / "history.parquet")[["loss", "roc_auc"]]).all(axis=None)


def test_real_tiles_are_of_the_unwrapped_phase(trained, toy):
    detector, phase = open_detector(trained, Spectrogram()), open_interferogram(toy.path, toy.rows[COSEISMIC].key).read("unwrapped")
    assert np.nanmax(phase) - np.nanmin(phase) > 2 * np.pi
    table = score_pair(detector, toy.pair(COSEISMIC), stride=16, rule=SETTINGS.label)
    windows = np.stack([phase[row : row + 32, column : column + 32] for row, column in zip(table["row"], table["column"], strict=True)])
    expected = detector.scores([windows], threads=1)
    np.testing.assert_allclose(table["p"], expected, atol=2e-3, err_msg="but for batches of another size")


def test_what_is_implanted_is_not_wrapped(ground, monkeypatch):
    windows, phases = [], []
    window, draw = QuietGround.window, implanting.draw_visible
    monkeypatch.setattr(QuietGround, "window", lambda self, size, rng: windows.append(window(self, size, rng)) or windows[-1])
    monkeypatch.setattr(
        implanting, "draw_visible", lambda rng, where, rule: phases.append(where.phase(fault := draw(rng, where, rule))) or fault
    )
    rule = SETTINGS.label.model_copy(update={"min_fringes": 2.0})
    found, truth = implanted([ground], 6, 32, rule, np.random.default_rng(0))
    assert truth.tolist() == [0, 1] * 3
    for number, (_, phase) in enumerate(windows):
        added = phases[number // 2] if number % 2 else 0.0
        np.testing.assert_allclose(found[number], phase + added, atol=1e-4)
    assert np.nanmax(abs(found[1::2])) > 2 * np.pi


def test_the_package_scans_the_unwrapped_phase(packaged, toy, tmp_path):
    key = toy.rows[COSEISMIC].key
    settings, out = Detect(stride=16), {"out": tmp_path / "probability.tif", "windows": tmp_path / "windows.parquet"}
    scan_interferogram(toy.path, key, packaged, settings, size=32, spectrogram=Spectrogram(), **out)
    assert read_windows(out["windows"])[1]["view"] == "unwrapped"
    phase = open_interferogram(toy.path, key).read("unwrapped")
    assert np.array_equal(np.isfinite(read_probability(out["out"])[0]), np.isfinite(phase))


def test_the_card_and_the_quiet_windows_are_of_the_unwrapped_phase(packaged):
    assert read_windows(packaged / "quiet.parquet")[1]["view"] == "unwrapped"
    text = " ".join((packaged / "card.md").read_text().split())
    for said in (
        "tells tiles of unwrapped LiCSAR interferograms",
        "degree of unwrapped phase, (sin, cos, level about the median) averaged",
        "edges of swaths; patches, islands and far sides of rivers that are whole fringes off, and no data",
        "Wrapped phase, other sensors or pixel sizes: never tried",
    ):
        assert said in text, said
