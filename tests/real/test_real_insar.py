"""Real interferograms: Thessaly's earthquake is labelled where its fringes are, Galapagos is unwrapped and quiet.

Thessaly, 3 March 2021, Mw 6.3 (us7000df40), wrapped and unwrapped, without coherence; two windows of
Galapagos volcanoes, wrapped with coherence, without unwrapped phase. The mechanism is the USGS one.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fringeflow.config.interferograms import Prepare, Spectrogram, Tiling
from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.model import modelled_phase
from fringeflow.insar.phase import TWO_PI, wrap
from fringeflow.insar.prepare import prepare_event
from fringeflow.insar.prepared import open_dataset
from fringeflow.insar.spectrum import spectrogram_event
from fringeflow.insar.tiles import tile_event
from fringeflow.store import open_samples

THESSALY = Event(
    event="us7000df40",
    time="2021-03-03T10:16:08",
    latitude=39.755,
    longitude=22.176,
    depth_km=8,
    magnitude=6.3,
    strike_deg=314,
    dip_deg=36,
    rake_deg=-88,
)
COSEISMIC = Interferogram(event="us7000df40", frame="102A_05000_131313", pair="20210218_20210303", acquisition_utc="16:30:00")
GALAPAGOS = Event(event="galapagos")
QUIET = [Interferogram(event="galapagos", frame="106A_09048_000909", pair=pair) for pair in ("20240106_20240118", "20240106_20240130")]


@pytest.fixture(scope="module")
def made(real_archive, tmp_path_factory) -> Path:
    """Both events, prepared and tiled."""
    root = tmp_path_factory.mktemp("real")
    for folder in real_archive.glob("*/*/interferograms/*"):
        target = root / "raw" / folder.parts[-3] / folder.name
        target.mkdir(parents=True)
        listed = {}
        for path in folder.glob("*.tif"):
            (target / path.name).symlink_to(path)
            listed[path.name.split(".")[2]] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        (target / "manifest.json").write_text(json.dumps({"frame": folder.parts[-3], "pair": folder.name, "products": listed}))
    for event, pairs in ((THESSALY, [COSEISMIC]), (GALAPAGOS, QUIET)):
        out = root / event.event
        prepare_event(event, pairs, root / "raw", Prepare(), out / "interferograms.zarr")
        paths = {"index": out / "tiles.parquet", "wrapped": out / "wrapped.zarr", "unwrapped": out / "unwrapped.zarr"}
        tile_event(event, pairs, out / "interferograms.zarr", Tiling(), None, **paths)
    return root


def test_given_products_are_kept_and_agree_with_each_other(made):
    data = open_dataset(made / "us7000df40/interferograms.zarr", COSEISMIC.key)
    assert (data.attrs["wrapped_from"], data.attrs["unwrapped_from"]) == ("diff_pha", "unw")
    assert "coherence" not in data
    assert data.rio.crs.to_epsg() == 4326
    assert 0.94 < float(data.valid.mean()) < 0.96
    # The archive filtered and corrected them apart, so they agree in phase, not to the last digit.
    assert np.abs(np.nanmean(np.exp(1j * (data.unwrapped.values - data.wrapped.values)))) > 0.6


def test_missing_unwrapped_phase_is_made_congruent_where_it_is_trusted(made):
    for pair in QUIET:
        data = open_dataset(made / "galapagos/interferograms.zarr", pair.key)
        assert data.attrs["unwrapped_from"].startswith("whirlwind-insar ")
        wrapped, unwrapped, coherence = (data[name].values for name in ("wrapped", "unwrapped", "coherence"))
        known = np.isfinite(unwrapped)
        assert not known[np.isnan(wrapped)].any()
        assert known[coherence > 0.5].mean() > 0.99
        assert np.abs(wrap(unwrapped - wrapped))[known].max() < 1e-3
        assert abs(np.median(unwrapped[known])) <= np.pi
        # Where the ground is coherent, neighbours rarely differ by half a cycle: the unwrapping has few tears.
        jumps = np.abs(np.diff(unwrapped, axis=1))[(coherence[:, 1:] > 0.5) & (coherence[:, :-1] > 0.5)]
        assert (jumps > np.pi).mean() < 0.005


def test_modelled_fringes_lie_on_the_observed_ones(made):
    data = open_dataset(made / "us7000df40/interferograms.zarr", COSEISMIC.key)
    observed = data.unwrapped.values
    model = modelled_phase(THESSALY, COSEISMIC, data.y.values, data.x.values)
    known = np.isfinite(observed)
    observed = observed - np.median(observed[known & (np.abs(model) < 0.5)])
    strong_model, strong = np.abs(model) > TWO_PI, np.abs(observed) > TWO_PI
    assert np.corrcoef(observed[known], model[known])[0, 1] > 0.7
    assert (strong & strong_model)[known].sum() / strong_model[known].sum() > 0.65
    assert np.median(observed[known & (model > 3 * TWO_PI)]) > 3 * TWO_PI


def test_tiles_over_the_fringes_are_deformation_and_no_other(made):
    index = pd.read_parquet(made / "us7000df40/tiles.parquet")
    assert index.coseismic.all()
    assert {"deformation", "no_deformation", "ambiguous"} == set(index.label)
    unwrapped = open_samples(made / "us7000df40/unwrapped.zarr").read(slice(None))
    fringes = (np.nanpercentile(unwrapped, 99.5, axis=(1, 2)) - np.nanpercentile(unwrapped, 0.5, axis=(1, 2))) / TWO_PI
    positive, quiet = index.label == "deformation", index.label == "no_deformation"
    assert fringes[positive].min() > 2
    assert fringes[quiet].max() < 1.5
    inside = (index.west < 22.176) & (index.east > 22.176) & (index.south < 39.755) & (index.north > 39.755)
    assert positive[inside].all()


def test_quiet_volcanoes_are_never_positive(made):
    index = pd.read_parquet(made / "galapagos/tiles.parquet")
    assert set(index.label) == {"no_deformation"}
    assert set(index.why) == {"no earthquake belongs to this event"}
    assert index.mean_coherence.between(0, 1).all()


def test_spectra_of_dense_fringes_lie_away_from_zero_wavenumber(made):
    index = pd.read_parquet(made / "us7000df40/tiles.parquet")
    settings = Spectrogram(window=64, hop=64, bins=64, max_wavenumber=0.5)
    spectrogram_event(made / "us7000df40/wrapped.zarr", settings, made / "us7000df40/spectrogram.zarr")
    mosaics = open_samples(made / "us7000df40/spectrogram.zarr").read(slice(None))
    assert np.isfinite(mosaics).all()
    windows = mosaics.reshape(len(mosaics), 4, 64, 4, 64).swapaxes(2, 3).reshape(len(mosaics), 16, 64, 64)
    wavenumber = np.hypot(*np.meshgrid(np.arange(-32, 32), np.arange(-32, 32)))
    away = wavenumber.ravel()[windows.reshape(*windows.shape[:2], -1).argmax(axis=2)].max(axis=1)
    assert np.median(away[index.label == "deformation"]) > np.median(away[index.label == "no_deformation"]) + 1
