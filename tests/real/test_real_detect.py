"""Real interferograms scanned with a model that only ever saw made-up ones: Thessaly first, and its peak on the deformation."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import Spectrogram
from fringeflow.config.models import Model
from fringeflow.config.studies import Detect
from fringeflow.detection.detections import Scanned, summary
from fringeflow.detection.geotiff import read_probability
from fringeflow.detection.operating_point import operating_point
from fringeflow.detection.outline import outline
from fringeflow.detection.quicklook import draw_quicklook
from fringeflow.detection.scan import scan_interferogram
from fringeflow.insar.reach import distance_km
from fringeflow.models.registry import resolve_model
from fringeflow.training.train import train_run
from tests.unit import toy_learning
from tests.unit.toy_learning import QUICK, strategy, toy_dataset

SETTINGS = Detect(stride=96, min_valid=0.5, min_area_km2=4, near_km=50)
TILE = 256
BRIEF = QUICK.model_copy(update={"epochs": 5, "learning_rate": 1e-3})
"""More would be certain of everything: made-up tiles are easy to tell apart."""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A linear head on a small backbone with the weights that a package carries, trained on bowls of fringes and quiet tiles."""
    root = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy_learning, "SIZE", TILE)
        toy = toy_dataset(root, quiet=24, deformed=24, views=("wrapped",))
        spec = resolve_model("efficientnet_lite0", Model(input_size=128, weights="packaged"), "wrapped")
        folder = root / "runs/toy/wrapped/efficientnet_lite0/none"
        inputs = toy.samples, toy.dataset, toy.embeddings(spec, "wrapped")
        train_run(*inputs, folder, view="wrapped", model=spec, strategy=strategy("none"), settings=BRIEF)
    return folder


@pytest.fixture(scope="module")
def made(prepared, tables, run, tmp_path_factory) -> Path:
    """Everything that `snakemake detect` makes, a folder an interferogram."""
    root = tmp_path_factory.mktemp("detect")
    events, pairs = tables
    for event in events:
        own = [pair for pair in pairs if pair.event == event.event]
        for pair in own:
            out = root / pair.key
            scan_interferogram(
                prepared / f"{event.event}.zarr",
                pair.key,
                run,
                SETTINGS,
                size=TILE,
                spectrogram=Spectrogram(),
                out=out / "probability.tif",
                windows=out / "windows.parquet",
            )
    quiet = [root / pair.key / "windows.parquet" for pair in pairs if pair.event == "galapagos"]
    for pair in pairs:
        out = root / pair.key
        operating_point(pair.key, quiet, 0.01, run, out / "point.json")
        outline(out / "probability.tif", out / "point.json", events, SETTINGS, out / "detections.geojson")
        store = prepared / f"{pair.event}.zarr"
        draw_quicklook(store, out / "probability.tif", out / "detections.geojson", events, out / "quicklook.png")
    summary([Scanned(pair.event, root / pair.key) for pair in pairs], root / "summary.tsv")
    return root


def test_thessaly_ranks_first_and_its_peak_lies_on_the_deformation(made, tables):
    table = pd.read_csv(made / "summary.tsv", sep="\t")
    first = table.iloc[0]
    assert (first["event"], first["earthquake"], first["days"]) == ("us7000df40", "us7000df40", 0)
    epicentre = next((event.latitude, event.longitude) for event in tables[0] if event.event == "us7000df40")
    assert distance_km((first["peak_latitude"], first["peak_longitude"]), epicentre) < 20
    assert set(table["event"][1:]) == {"galapagos"}
    assert table["earthquake"][1:].isna().all()


def test_two_quiet_interferograms_promise_little_and_it_is_said(made, tables):
    for pair in tables[1]:
        point = json.loads((made / pair.key / "point.json").read_text())
        assert not point["attained"]
        assert pair.key not in point["rests_on"]
        count = 1 if pair.event == "us7000df40" else 0
        assert (point["interferograms"], point["units"]) == (2 * count, count), "both Galapagos pairs are of one frame"
        assert point["threshold"] >= 0.5, "not below even odds, and above what this model is falsely certain of"
        assert point["rate_promised"] == 1 / (count + 1)


def test_maps_know_nothing_where_the_archive_has_no_data(made, tables, real_archive):
    import rasterio

    for pair in tables[1]:
        values, _, tags = read_probability(made / pair.key / "probability.tif")
        source = real_archive / str(int(pair.frame[:3])) / pair.frame / "interferograms" / pair.pair / f"{pair.pair}.geo.diff_pha.tif"
        with rasterio.open(source) as original, rasterio.open(made / pair.key / "probability.tif") as written:
            phase = original.read(1)
            assert written.bounds == pytest.approx(original.bounds, abs=1e-6)
            if original.transform.e > 0:
                phase = phase[::-1]
        assert np.isnan(values[(phase == 0) | np.isnan(phase)]).all()
        assert np.isfinite(values).mean() > 0.4
        assert tags["pair"] == pair.pair
        assert (made / pair.key / "quicklook.png").stat().st_size > 50_000
