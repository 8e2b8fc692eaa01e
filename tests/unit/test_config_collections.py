"""Collections, cascades and tuning in the configuration: impossible ones are refused by name before any job starts."""

import pytest
import yaml

from fringeflow.config.load import parse_config
from fringeflow.errors import ConfigError
from fringeflow.plan import Plan

STAGES = [{"name": "kinds", "merge": {"noise": ["noise_DNS", "noise_Tip-off"]}}, {"name": "noise", "split": "noise"}]


def raw(**change) -> dict:
    """Return a small configuration of simulated gathers with some keys changed; `a__b` is b in a."""
    base = {
        "catalogue": {"events": [], "interferograms": []},
        "collections": {"shots": {"kind": "simulated"}},
        "datasets": {"gathers": {"collection": "shots", "models": ["hog_svm"]}},
        "models": {"hog_svm": {}},
        "strategies": {"none": {}},
    }
    del base["catalogue"]
    for path, value in change.items():
        *parents, last = path.split("__")
        section = base
        for part in parents:
            section = section.setdefault(part, {})
        section[last] = value
    return base


@pytest.fixture(autouse=True)
def in_the_checkout(root, monkeypatch):
    monkeypatch.chdir(root)


def test_a_dataset_has_the_views_and_classes_of_its_collection():
    plan = Plan.load(raw())
    assert sorted({run.view for run in plan.runs}) == ["gather", "spectrogram"]
    assert plan.config.classes_of("gathers") == (["brak_Empty zone", "brak_Station", "noise_DNS", "noise_Tip-off"], None)


def test_null_takes_out_what_an_earlier_file_named():
    config, problems = parse_config(raw(datasets__fringes=None, models__other=None))
    assert not problems and list(config.datasets) == ["gathers"] and list(config.models) == ["hog_svm"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"datasets__gathers__collection": "shot"}, ["unknown collection 'shot'", "did you mean 'shots'"]),
        ({"datasets__gathers__views": ["wrapped"]}, ["unknown view of recordings 'wrapped'", "gather, spectrogram"]),
        ({"datasets__gathers__events": "all"}, ["'events' is for interferograms"]),
        ({"datasets__gathers__strategies": ["implant"], "strategies__implant": {}}, ["implants modelled deformation"]),
        ({"datasets__gathers__strategies": ["curate"], "strategies__curate": {}}, ["compares overlapping tiles"]),
        (
            {"collections__shots": {"kind": "pictures", "folder": "x", "classes": ["a", "b"], "crop": [9, 0, 3, 4]}},
            ["collections.shots.crop", "left < right"],
        ),
        ({"collections__shots": {"kind": "pictures", "folder": "x", "classes": ["a", "b"], "source": "abc"}}, ["has no group"]),
        ({"collections__shots": {"kind": "recordings", "folder": "x", "labels": "y", "classes": ["a", "a"]}}, ["'a' stands twice"]),
        (
            {"collections__shots": {"kind": "recordings", "folder": "x", "labels": "y", "classes": ["a", "b"], "response": "VEL"}},
            ["inventory"],
        ),
        (
            {"collections__shots": {"kind": "fdsn", "url": "ftp://x", "requests": "r", "labels": "y", "classes": ["a", "b"]}},
            ["http(s) URL"],
        ),
        ({"collections__shots__originals": {"brak_Statio": 3}}, ["'brak_Statio' cannot be simulated"]),
        (
            {"models__hog_svm__stages": [{"name": "kinds", "merge": {"noise": ["noise_DNS", "noise_Tipoff"]}}]},
            ["did you mean 'noise_Tip-off'"],
        ),
        ({"models__hog_svm__stages": STAGES[:1]}, ["noise"]),
        ({"models__hog_svm__tune": {"space": {"cc": {"low": 1, "high": 2}}}}, ["cc"]),
        ({"models__hog_svm__tune": {"space": {"c": {"low": 3, "high": 2}}}}, ["low (3.0) must lie below high (2.0)"]),
        ({"models__hog_svm__training": {"epoch": 3}}, ["did you mean 'epochs'"]),
        ({"models__deit_small_vpt": {"input_size": 100}, "datasets__gathers__models": ["deit_small_vpt"]}, ["multiple of 16"]),
        (
            {"models__deit_small_vpt": {"options": {"depth": "deeper"}}, "datasets__gathers__models": ["deit_small_vpt"]},
            ["'shallow' or 'deep'"],
        ),
        ({"study__datasets": ["gathers"]}, ["study A's table is of interferograms"]),
    ],
)
def test_what_cannot_be_is_refused_by_name(change, told):
    with pytest.raises(ConfigError) as caught:
        Plan.load(raw(**change))
    assert all(text in str(caught.value) for text in told), str(caught.value)


def test_a_sound_cascade_with_a_model_s_own_training_is_accepted():
    plan = Plan.load(raw(models__hog_svm__stages=STAGES, models__hog_svm__training={"batch": 16}))
    assert [stage.name for stage in plan.model("hog_svm", "gather").stages] == ["kinds", "noise"]
    wildcards = type("Wildcards", (), {"model": "hog_svm"})
    assert yaml.safe_load(plan.training_json(wildcards))["batch"] == 16
