"""A wrong configuration is refused at once, and every problem is told with its place and remedy."""

from pathlib import Path

import pytest
import yaml

from fringeflow.config import docs
from fringeflow.config.load import parse_config
from fringeflow.config.tables import Event, Interferogram, read_tables
from fringeflow.errors import ConfigError
from fringeflow.plan import Plan

EVENTS = "event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude\tstrike_deg\tdip_deg\trake_deg\n"


def default(root: Path) -> dict:
    raw = yaml.safe_load((root / "config/config.yaml").read_text())
    for kind in ("events", "interferograms"):
        raw["catalogue"][kind] = [str(root / path) for path in raw["catalogue"][kind]]
    return raw


def refused(root: Path, files=(), **change) -> str:
    """Return the message that a changed default is refused with."""
    raw = default(root)
    for path, value in change.items():
        *parents, last = path.split("__")
        section = raw
        for part in parents:
            section = section.setdefault(part, {})
        section[last] = value
    with pytest.raises(ConfigError) as caught:
        Plan.load(raw, files)
    return str(caught.value)


def test_generated_files_are_up_to_date(root):
    for name, text in docs.generated().items():
        assert (root / "config" / name).read_text() == text, f"config/{name} is out of date: run `make docs`"


def test_the_default_and_every_preset_are_sound(root, monkeypatch):
    from snakemake.utils import update_config

    monkeypatch.chdir(root)
    presets = [path for path in (root / "config").glob("*.yaml") if path.name != "config.yaml"]
    assert presets
    for preset in [None, *presets]:
        raw = default(root)
        if preset:
            update_config(raw, yaml.safe_load(preset.read_text()))
        plan = Plan.load(raw)
        assert plan.runs
        assert plan.tables.gaps or plan.targets(), "a preset for the portal waits for `snakemake catalogue`"


def test_all_problems_are_told_at_once_with_file_and_line(root, tmp_path):
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("sed: 3\ntilings:\n  standard:\n    sizee: 1\nprepare: {unwrapper: wirlwind}\n")
    raw = default(root) | yaml.safe_load(overlay.read_text())
    config, problems = parse_config(raw, [root / "config/config.yaml", overlay])
    assert config is None
    assert len(problems) == 3
    told = "\n".join(problems)
    assert "mine.yaml:1: sed: unknown key; did you mean 'seed'?" in told
    assert "mine.yaml:4: tilings.standard.sizee: unknown key; did you mean 'size'?" in told
    assert "mine.yaml:5: prepare.unwrapper: found 'wirlwind'" in told
    assert "did you mean 'whirlwind'" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datasets__fringes__tiling": "standrd"}, ["datasets.fringes.tiling", "did you mean 'standard'"]),
        ({"datasets__fringes__views": ["wraped"]}, ["datasets.fringes.views", "did you mean 'wrapped'"]),
        ({"datasets__fringes__models": ["hog_svn"]}, ["datasets.fringes.models", "did you mean 'hog_svm'"]),
        ({"datasets__fringes__strategies": ["focl"]}, ["datasets.fringes.strategies", "did you mean 'focal'"]),
        ({"datasets__fringes__events": ["nowhere"]}, ["datasets.fringes.events", "unknown event 'nowhere'"]),
        ({"datasets__fringes__models": ["hog_svm", "efficientnet_lite0", "hog_svm"]}, ["datasets.fringes.models", "'hog_svm' twice"]),
        ({"datasets__fringes__strategies": ["none", "none"]}, ["datasets.fringes.strategies", "'none' twice"]),
        ({"datasets__fringes__views": ["wrapped", "wrapped"]}, ["datasets.fringes.views", "'wrapped' twice"]),
        ({"study__models": ["hog_svm", "hog_svm"]}, ["study.models", "'hog_svm' twice", "leave one out"]),
        ({"study__datasets": ["fringes", "fringes"]}, ["study.datasets", "'fringes' twice"]),
        ({"training__seeds": [0, 1, 0]}, ["training.seeds", "0 twice"]),
        ({"training__seeds": [1, -1]}, ["training.seeds", "-1"]),
        ({"training__seeds": [1_000_000_000]}, ["training.seeds", "1000000000"]),
        ({"models__hog_svm__training": {"seeds": [0]}}, ["models.hog_svm.training.seeds: unknown key"]),
        ({"datasets__fringes_events": {}}, ["datasets.fringes_events", "a file of the dataset 'fringes'", "rename"]),
        ({"models__hog_svm": {}}, ["hog_svm x focal", "class_weights"]),
        ({"models__mine": {"architecture": "resnet81"}}, ["models.mine", "did you mean 'resnet18'"]),
        ({"models__hog_svm": {"encodings": {"spectrogram": "sincos"}, "strategies": ["none"]}}, ["sincos", "spectrogram", "gray"]),
        ({"models__efficientnet_lite0": {"head": "lineer"}}, ["lineer", "linear", "silva"]),
        ({"strategies__focal": {"gamma": 2, "ratio": 0.5}}, ["strategies.focal", "ratio"]),
        ({"strategies__focal": {"alpha": 0.25}}, ["strategies.focal.alpha", "by name", "{deformation: 0.25, no_deformation: 0.25}"]),
        ({"strategies__mix": {"kind": "augmentation+implant"}}, ["augmentation and implant both set the extra samples"]),
        (
            {"study__datasets": ["fringes"], "study__strategy": "nothing", "strategies__focal": {"kind": "focl"}},
            ["study.strategy", "unknown strategy", "strategies.focal", "did you mean 'focal'"],
        ),
        ({"strategies__focal": {"alpha": {"deformaton": 0.75}}}, ["strategies.focal.alpha", "did you mean 'deformation'"]),
        ({"strategies__focal": {"alpha": {"deformation": 0.75}}}, ["strategies.focal.alpha", "no weight for no_deformation"]),
        ({"score__events": ["nowhere"]}, ["score.events", "nowhere"]),
        ({"score__runs": ["fringes/wrapped/hog_svm/nome"]}, ["score.runs", "did you mean 'fringes/wrapped/hog_svm/none'"]),
        ({"mirrors": [{"root": "ftp://example.org"}]}, ["mirrors[0].root", "ftp://"]),
    ],
)
def test_a_wrong_name_or_combination_is_refused_with_the_valid_ones(root, change, words):
    told = refused(root, **change)
    assert all(word in told for word in words), told


def test_a_given_split_must_place_every_event_once(root):
    split = {"method": "given", "train": ["a"], "validation": ["b"], "test": ["b"]}
    raw = default(root)
    names = sorted(read_tables(raw["catalogue"]["events"], raw["catalogue"]["interferograms"])[0].events)
    split["train"], split["validation"], split["test"] = names[:2], names[2:3], names[2:4]
    told = refused(root, datasets__fringes__split=split)
    assert f"event '{names[2]}' also stands in validation" in told
    assert f"no part is given for {names[4]}" in told


def event(**change) -> Event:
    row = {"event": "e", "time": "2021-03-03T10:16:08", "latitude": 39.7, "longitude": 22.1, "depth_km": 8, "magnitude": 6.3}
    return Event.model_validate(row | change)


@pytest.mark.parametrize(
    ("pair", "acquisition", "coseismic"),
    [
        ("20210218_20210302", None, False),
        ("20210218_20210304", None, True),
        ("20210304_20210316", None, False),
        ("20210218_20210303", "16:30:00", True),
        ("20210218_20210303", "04:30:00", False),
        ("20210303_20210315", "04:30:00", True),
        ("20210303_20210315", "16:30:00", False),
        ("20210218_20210303", None, False),
    ],
)
def test_a_pair_is_coseismic_when_it_spans_the_origin_time(pair, acquisition, coseismic):
    row = Interferogram(event="e", frame="102A_05000_131313", pair=pair, acquisition_utc=acquisition)
    assert row.is_coseismic(event()) is coseismic


def tables(tmp_path, events: str, interferograms: str):
    (tmp_path / "events.tsv").write_text(EVENTS + events)
    (tmp_path / "interferograms.tsv").write_text("event\tframe\tpair\n" + interferograms)
    return read_tables([tmp_path / "events.tsv"], [tmp_path / "interferograms.tsv"])


GOOD = "e1\tportal\t2021-03-03T10:16:08\t39.7\t22.1\t8\t6.3\t\t\t\n"


@pytest.mark.parametrize(
    ("events", "interferograms", "words"),
    [
        (GOOD, "e1\t102X_05000_131313\t20210218_20210304\n", ["line 2", "frame", "102X_05000_131313"]),
        (GOOD, "e1\t102A_05000_131313\t20210304_20210218\n", ["pair", "must come before"]),
        (GOOD, "e1\t102A_05000_131313\t20211332_20220101\n", ["pair", "20211332_20220101"]),
        (GOOD, "e1x\t102A_05000_131313\t20210218_20210304\n", ["unknown event 'e1x'", "did you mean 'e1'"]),
        (GOOD + GOOD, "e1\t102A_05000_131313\t20210218_20210304\n", ["'e1' stands twice"]),
        (GOOD.replace("39.7", "139.7"), "e1\t102A_05000_131313\t20210218_20210304\n", ["latitude", "139.7"]),
        (GOOD.replace("8\t6.3", "\t6.3"), "e1\t102A_05000_131313\t20210218_20210304\n", ["needs depth_km"]),
    ],
)
def test_a_wrong_table_names_its_line_and_column(tmp_path, events, interferograms, words):
    _, problems = tables(tmp_path, events, interferograms)
    assert all(word in "\n".join(problems) for word in words), problems


def test_an_event_without_a_coseismic_pair_is_a_gap_that_names_its_pairs(tmp_path):
    found, problems = tables(tmp_path, GOOD, "e1\t102A_05000_131313\t20200101_20200113\n")
    assert not problems
    assert "no coseismic pair among 102A_05000_131313/20200101_20200113" in found.gaps[0]


def test_tables_separated_by_commas_are_recognised(tmp_path):
    (tmp_path / "events.tsv").write_text("event,source\na,portal\n")
    found, problems = read_tables([tmp_path / "events.tsv"], [tmp_path / "none.tsv"])
    assert "not separated by tabs" in problems[0]
    assert "none.tsv: there is no such table; `snakemake catalogue` makes it" in found.gaps[0]
