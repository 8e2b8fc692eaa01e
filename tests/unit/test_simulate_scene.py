"""Simulated interferograms: the truth in them is known by construction."""

import numpy as np
import pytest

from fringeflow.config.models import Simulation
from fringeflow.config.tables import Event, Interferogram
from fringeflow.deformation.model import modelled_phase
from fringeflow.deformation.source import fault_from_event
from fringeflow.errors import ConfigError
from fringeflow.simulate.scene import Scene
from fringeflow.simulate.terrain import terrain
from fringeflow.simulate.truth import true_fault

FRAME = "102A_05000_131313"
SMALL = Simulation(rows=160, columns=192, pixel_deg=0.004)
PLAIN = SMALL.model_copy(update={"turbulence_rad": 0.0, "stratified_rad_per_km": 0.0, "ramp_rad": 0.0, "water": 0.0, "coherence": 1.0})
QUAKE = Event(
    event="quake",
    source="simulated",
    time="2021-03-03T10:16:08",
    latitude=39.755,
    longitude=22.176,
    depth_km=8.0,
    magnitude=6.3,
    strike_deg=314.0,
    dip_deg=36.0,
    rake_deg=-88.0,
)
QUIET, COSEISMIC, AFTER = (
    Interferogram(event="quake", frame=FRAME, pair=pair) for pair in ("20210206_20210218", "20210218_20210314", "20210314_20210326")
)


def wrap(phase):
    return np.angle(np.exp(1j * phase))


def test_only_the_coseismic_pair_holds_the_modelled_phase():
    scene = Scene(QUAKE, FRAME, SMALL, 7)
    still = np.zeros((160, 192), np.float32)
    source = modelled_phase(QUAKE, COSEISMIC, scene.latitude, scene.longitude, true_fault(QUAKE, SMALL, 7))
    assert np.abs(source).max() > 2 * np.pi
    with_it, without = scene.interferogram(COSEISMIC), scene.interferogram(COSEISMIC, deformation=still)
    np.testing.assert_allclose(with_it.signal - without.signal, source, atol=1e-3)
    for pair in (QUIET, AFTER):
        np.testing.assert_array_equal(scene.interferogram(pair).signal, scene.interferogram(pair, deformation=still).signal)
        assert not scene.deformation(pair).any()


def test_without_atmosphere_and_noise_the_interferogram_is_the_deformation():
    scene = Scene(QUAKE, FRAME, PLAIN.model_copy(update={"jitter_km": 0.0}), 7)
    product = scene.interferogram(COSEISMIC)
    source = modelled_phase(QUAKE, COSEISMIC, scene.latitude, scene.longitude)
    seen = (product.wrapped != 0) & (np.hypot(*np.gradient(source)) < 0.05)  # steep phase decorrelates
    assert np.abs(wrap(product.wrapped - source))[seen].max() < 0.02
    quiet = scene.interferogram(QUIET)
    assert np.abs(quiet.wrapped).max() < 0.02


@pytest.mark.parametrize("pair", [QUIET, COSEISMIC])
@pytest.mark.parametrize("seed", range(6))
def test_unwrapped_and_wrapped_differ_by_whole_fringes(pair, seed):
    product = Scene(QUAKE, FRAME, SMALL.model_copy(update={"water": 1.0}), seed).interferogram(pair)
    seen = np.isfinite(product.unwrapped)
    assert seen.mean() > 0.2
    assert (product.wrapped[seen] != 0).all()
    assert np.abs(wrap(product.unwrapped - product.wrapped))[seen].max() < 1e-4
    assert np.abs(product.wrapped).max() <= np.float32(np.pi)
    np.testing.assert_array_equal(product.coherence == 0, product.wrapped == 0)


def test_most_of_what_is_unwrapped_is_right():
    for seed in range(6):
        product = Scene(QUAKE, FRAME, SMALL, seed).interferogram(COSEISMIC)
        fringes = np.round((product.unwrapped - product.signal)[np.isfinite(product.unwrapped)] / (2 * np.pi))
        assert np.mean(fringes == np.median(fringes)) > 0.8


def test_pairs_that_share_an_acquisition_share_its_delay():
    """Three acquisitions close: (1, 2) + (2, 3) - (1, 3) is zero, as no earthquake lies between."""
    event = QUAKE.model_copy(update={"time": None, "magnitude": None})
    scene = Scene(event, FRAME, SMALL, 3)
    first, second, long = (
        scene.interferogram(Interferogram(event="quake", frame=FRAME, pair=pair)).signal
        for pair in ("20200101_20200113", "20200113_20200125", "20200101_20200125")
    )
    assert long.std() > 0.3
    np.testing.assert_allclose(first + second, long, atol=1e-4)


def test_delays_have_the_strength_asked_for():
    """Over many acquisitions: turbulence and ramps in radians, stratification in radians per km of height."""
    turbulent, per_km, across = [], [], []
    settings = SMALL.model_copy(update={"rows": 64, "columns": 64})
    scene = Scene(QUAKE, FRAME, settings, 5)
    height = scene.terrain.height_km
    high = height > 0.05
    for day in range(400):
        delay = scene.delay(f"day {day}")
        turbulent.append(delay.turbulent.std())
        per_km.append(np.median(delay.stratified[high] / height[high]))
        np.testing.assert_allclose(delay.stratified, per_km[-1] * height, atol=1e-4)
        across.append(np.hypot(delay.ramp[-1, 0] - delay.ramp[0, 0], delay.ramp[0, -1] - delay.ramp[0, 0]))
    pair = np.sqrt(2)
    assert pair * np.sqrt(np.mean(np.square(turbulent))) == pytest.approx(settings.turbulence_rad, rel=0.1)
    assert pair * np.std(per_km) == pytest.approx(settings.stratified_rad_per_km, rel=0.15)
    assert pair * np.sqrt(np.mean(np.square(across))) == pytest.approx(settings.ramp_rad, rel=0.15)


def test_sea_lies_low_away_from_the_epicentre_and_has_no_coherence():
    shape = (500, 500)
    wet = [terrain(seed, "quake", shape, (0.2, 0.2), water=1.0) for seed in range(12)]
    assert all(0.02 < ground.water.mean() < 0.7 for ground in wet)
    for ground in wet:
        assert not ground.water[250, 250]
        assert (ground.height_km[ground.water] == 0).all() and ground.height_km.min() >= 0
        assert 0.2 < ground.height_km.max() < 8
    assert not any(terrain(seed, "quake", shape, (0.2, 0.2), water=0.0).water.any() for seed in range(5))


def test_sea_is_no_data_in_some_archives_and_noise_in_others():
    fractions = []
    for seed in range(12):
        scene = Scene(QUAKE, FRAME, SMALL.model_copy(update={"water": 1.0}), seed)
        water = scene.terrain.water
        if water.mean() > 0.02:
            product = scene.interferogram(QUIET)
            fractions.append(np.mean(product.wrapped[water] != 0))
            assert not np.isfinite(product.unwrapped[water]).any()
            assert product.wrapped[~water].any()
    assert min(fractions) == 0.0 and max(fractions) > 0.2


def test_swaths_are_slanted():
    """Somewhere an edge crosses the grid: rows begin, or end, at different columns."""
    slants = []
    for seed in range(10):
        scene = Scene(QUAKE, FRAME, SMALL.model_copy(update={"water": 0.0}), seed)
        data = scene.interferogram(QUIET).wrapped != 0
        slants.append(len(set(np.argmax(data, axis=1).tolist())) + len(set(np.argmax(data[:, ::-1], axis=1).tolist())))
    assert max(slants) > 20 and min(slants) < 20


def test_the_epicentre_wanders_within_the_scene():
    places = []
    for seed in range(30):
        scene = Scene(QUAKE, FRAME, SMALL, seed)
        assert scene.latitude[0] > QUAKE.latitude > scene.latitude[-1]
        assert scene.longitude[0] < QUAKE.longitude < scene.longitude[-1]
        places.append(
            (np.argmin(np.abs(scene.latitude - QUAKE.latitude)) / 160, np.argmin(np.abs(scene.longitude - QUAKE.longitude)) / 192)
        )
    assert np.ptp(places, axis=0).min() > 0.4


def test_frames_of_one_event_see_the_same_ground():
    one, other = (Scene(QUAKE, frame, SMALL, 7) for frame in (FRAME, "080D_05000_131313"))
    row = {round(value, 6): index for index, value in enumerate(other.latitude)}
    column = {round(value, 6): index for index, value in enumerate(other.longitude)}
    rows = [(i, row[round(v, 6)]) for i, v in enumerate(one.latitude) if round(v, 6) in row]
    columns = [(i, column[round(v, 6)]) for i, v in enumerate(one.longitude) if round(v, 6) in column]
    assert len(rows) > 20 and len(columns) > 20 and one.latitude[0] != other.latitude[0]
    here, there = (np.ix_([r[k] for r in rows], [c[k] for c in columns]) for k in (0, 1))
    np.testing.assert_array_equal(one.terrain.height_km[here], other.terrain.height_km[there])


def test_the_true_source_is_near_the_catalogues_but_not_on_it():
    catalogue = fault_from_event(QUAKE)
    assert true_fault(QUAKE, SMALL.model_copy(update={"jitter_km": 0.0}), 1) == catalogue
    faults = [true_fault(QUAKE, SMALL, seed) for seed in range(200)]
    north_km = [(fault.latitude - catalogue.latitude) * 111.2 for fault in faults]
    assert np.std(north_km) == pytest.approx(SMALL.jitter_km, rel=0.15)
    assert np.std([fault.magnitude for fault in faults]) < 0.1
    assert true_fault(QUAKE, SMALL, 1) == faults[1]


def test_an_area_without_earthquake_is_quiet_and_one_without_place_is_refused():
    area = Event(event="area", source="simulated", latitude=40.0, longitude=22.0)
    assert not Scene(area, FRAME, SMALL, 1).deformation(COSEISMIC).any()
    with pytest.raises(ConfigError, match="'nowhere' cannot be simulated"):
        Scene(Event(event="nowhere"), FRAME, SMALL, 1)
