"""Study A's presets: the earthquakes are those of the LiCSAR era, and the settings are the study's."""

import csv
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
import yaml
from snakemake.utils import update_config

from fringeflow.config.tables import read_tables
from fringeflow.errors import ConfigError
from fringeflow.evaluation.published import ROWS
from fringeflow.plan import Plan

STYLES = {
    "normal": ["us7000df40", "us10006g7d", "us1000731j", "us20009ynd", "us7000c7y0"],
    "thrust": ["us20002926", "us70006d0m", "us60007anp", "us6000m0xl"],
    "left-lateral": ["us60007ewc", "us7000e54r", "nn00725272", "us1000h3p4", "us7000g9zq", "us6000jllz", "us2000a5x1", "us7000i59t"],
    "right-lateral": ["ci38457511", "us6000d3zh", "us20005iis", "us10003ywp"],
}
"""How faults slipped, as every study of these earthquakes reports it."""
RAKES = {"normal": -90, "thrust": 90, "left-lateral": 0, "right-lateral": 180}


def plan(root, preset: str, monkeypatch) -> Plan:
    monkeypatch.chdir(root)
    files = [root / "config/config.yaml", root / f"config/{preset}.yaml"]
    raw = yaml.safe_load(files[0].read_text())
    update_config(raw, yaml.safe_load(files[1].read_text()))
    return Plan.load(raw, files)


@pytest.fixture(scope="module")
def events(root):
    found, problems = read_tables([root / "config/events_silva.tsv"], [root / "config/interferograms_silva.tsv"])
    assert not problems
    return found.events


def test_twenty_nine_earthquakes_of_the_licsar_era(events):
    assert len(events) == 29
    for event in events.values():
        assert event.source == "portal"
        assert datetime(2014, 10, 3, tzinfo=UTC) < event.time < datetime(2025, 1, 1, tzinfo=UTC), "Sentinel-1A has products since then"
        assert event.time.microsecond == 0
        assert 5.5 <= event.magnitude <= 7.8
        assert 0 < event.depth_km <= 25, "deeper ones of this size leave no fringes"
        assert event.place


def test_every_earthquake_has_a_mechanism_within_its_conventions(events):
    for event in events.values():
        assert 0 <= event.strike_deg < 360, event
        assert 0 < event.dip_deg <= 90, event
        assert -180 <= event.rake_deg <= 180, event


def test_faults_slipped_the_way_that_is_known_of_them(events):
    for style, names in STYLES.items():
        for name in names:
            away = abs((events[name].rake_deg - RAKES[style] + 180) % 360 - 180)
            assert away < 30, f"{name} ({events[name].place}) is known as {style}, found a rake of {events[name].rake_deg}"


def test_earthquakes_lie_where_their_places_are(events):
    """Hemispheres and signs, the usual slip of such tables."""
    south = {event.place for event in events.values() if event.latitude < 0}
    west = {event.place for event in events.values() if event.longitude < 0}
    assert south == {"Kaikoura, New Zealand", "Palu, Indonesia"}
    assert {place.split(", ")[-1] for place in west} == {"California", "Nevada", "Morocco", "Ecuador", "Haiti"}


def test_an_earthquake_is_the_same_in_every_table(root, events):
    with open(root / "config/events_real.tsv") as handle:
        other = {row["event"]: row for row in csv.DictReader(handle, delimiter="\t")}
    assert events["us7000df40"].strike_deg == float(other["us7000df40"]["strike_deg"])
    assert events["us7000df40"].time.isoformat() == other["us7000df40"]["time"] + "+00:00"


def test_the_preset_trains_as_the_study_does(root, monkeypatch):
    silva = plan(root, "silva", monkeypatch)
    cuts = {"inception_v3": "mixed9", "vgg19": "block5_conv1", "resnet50_v2": "conv5_block1_preact_bn"}
    for name, cut in cuts.items():
        for view in ("wrapped", "unwrapped", "spectrogram"):
            spec = silva.model(name, view)
            assert (spec.mode, spec.head, spec.encoder_spec.cut) == ("partial", "silva", cut)
            assert (spec.encoder_spec.input_size, spec.encoder_spec.weights) == (256, "imagenet")
    focal = silva.strategy("focal")
    assert (focal.loss, focal.gamma, focal.alpha) == ("focal", 2, {"deformation": 0.25, "no_deformation": 0.25})
    assert focal.weights == "none"
    training = silva.config.training
    assert (training.learning_rate, training.batch, training.epochs, training.watch) == (1e-5, 20, 150, "loss")
    assert silva.config.tilings["silva"].size == 256
    assert silva.config.tilings["silva"].stride < 256


def test_focal_against_augmentation_is_one_run_for_every_model_that_may_be_the_best(root, monkeypatch):
    silva = plan(root, "silva", monkeypatch)
    found = {(run.view, run.model, run.strategy) for run in silva.study_runs("fringes")}
    assert len(found) == 3 * 3 * 2
    assert ("wrapped", "resnet50_v2", "augmentation") in found


def test_before_the_catalogue_the_next_command_is_told(root, monkeypatch):
    silva = plan(root, "silva", monkeypatch)
    if not silva.tables.gaps:
        pytest.skip("config/interferograms_silva.tsv is filled")
    with pytest.raises(ConfigError) as caught:
        silva.targets()
    told = str(caught.value)
    assert "1 problem" in told
    assert "29 events have no interferogram yet" in told
    assert "`snakemake --cores 1 catalogue` with the same --configfile" in told
    assert "config/interferograms_silva.tsv" in told


def test_the_small_study_asks_for_every_strategy_and_the_studys_table(root, monkeypatch):
    small = plan(root, "silva_small", monkeypatch)
    assert "results/comparison/fringes_study.tsv" in small.targets()
    assert {run.strategy for run in small.runs if run.model == "efficientnet_lite0"} >= {
        *("none", "class_weights", "focal", "weighted_focal", "augmentation", "oversample", "undersample", "smote"),
        *("effective_number", "logit_adjustment", "ldam_drw", "implant", "focal+augmentation", "curate"),
    }
    assert small.study_models("fringes")["vgg19"] == "vgg19"
    told = json.loads(small.study_json(SimpleNamespace(dataset="fringes")))["trained"]
    assert told == {name: ["none" if name in ROWS else "packaged", "frozen"] for name in (*ROWS, "efficientnet_lite0")}
    assert {event.source for event in small.tables.events.values()} == {"simulated"}


@pytest.mark.parametrize(
    ("study", "words"),
    [
        ({"datasets": ["fringe"]}, ["study.datasets", "did you mean 'fringes'"]),
        ({"datasets": ["fringes"], "models": ["vgg91"]}, ["study.models", "Valid: efficientnet_lite0, hog_svm"]),
        ({"datasets": ["fringes"], "against": "augmentation"}, ["study.against", "'augmentation'"]),
        ({"datasets": ["fringes"], "against": "none"}, ["no run of inception_v3, vgg19 or resnet50_v2 under 'focal'"]),
    ],
)
def test_a_study_of_what_is_not_there_is_refused(root, monkeypatch, study, words):
    monkeypatch.chdir(root)
    raw = yaml.safe_load((root / "config/config.yaml").read_text()) | {"study": study}
    with pytest.raises(ConfigError) as caught:
        Plan.load(raw)
    assert all(word in str(caught.value) for word in words), caught.value
