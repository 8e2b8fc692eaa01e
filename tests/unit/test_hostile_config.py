"""A configuration that means harm: what becomes a path, a wildcard or a word of a command line is refused when it is read."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError

from fringeflow.config.load import parse_config
from fringeflow.config.models import Config, Download
from fringeflow.config.tables import Event, Interferogram, Tables, read_tables
from fringeflow.errors import ConfigError
from fringeflow.licsar.folder import find_interferograms, with_folder
from fringeflow.licsar.names import check_names
from fringeflow.plan import Plan
from tests.unit.test_config import default

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+.-]{0,63}")
FRAME, PAIR = "102A_05000_131313", "20210218_20210303"
EVIL = [
    "../../etc", "..", ".", "/etc/passwd", "a/b", "a\\b", "~root", "-rf", "$(touch evil)", "`touch evil`", "a;touch evil", "a|b", "a&b", "a b",
    "a\nb", "a\n", "a\0b", "'a'", '"a"', "{event}", "a*", "a?", "[a]", "%2e%2e", "", "ä", "\u202ea", "x" * 65,
]  # fmt: skip
PLACES = {
    "tilings": lambda raw, name: raw["tilings"].update({name: {"size": 64}}),
    "datasets": lambda raw, name: raw["datasets"].update({name: dict(raw["datasets"]["fringes"])}),
    "models": lambda raw, name: raw["models"].update({name: {"architecture": "hog_svm"}}),
    "strategies": lambda raw, name: raw["strategies"].update({name: {"kind": "none"}}),
    "collections": lambda raw, name: raw.update(collections={name: {"kind": "simulated"}}),
    "datasets.fringes.tiling": lambda raw, name: raw["datasets"]["fringes"].update(tiling=name),
    "datasets.fringes.views": lambda raw, name: raw["datasets"]["fringes"].update(views=[name]),
    "datasets.fringes.models": lambda raw, name: raw["datasets"]["fringes"].update(models=[name]),
    "datasets.fringes.strategies": lambda raw, name: raw["datasets"]["fringes"].update(strategies=[name]),
    "datasets.fringes.events": lambda raw, name: raw["datasets"]["fringes"].update(events=[name]),
    "score.events": lambda raw, name: raw.update(score={"events": [name]}),
    "score.runs": lambda raw, name: raw.update(score={"runs": [name]}),
    "detect.events": lambda raw, name: raw.update(detect={"events": [name]}),
    "mirrors": lambda raw, name: raw.update(mirrors=[{"root": "x", "layout": name}]),
    "models.hog_svm.architecture": lambda raw, name: raw["models"]["hog_svm"].update(architecture=name),
    "models.efficientnet_lite0.head": lambda raw, name: raw["models"]["efficientnet_lite0"].update(head=name),
    "models.efficientnet_lite0.mode": lambda raw, name: raw["models"]["efficientnet_lite0"].update(mode=name),
    "models.efficientnet_lite0.from_layer": lambda raw, name: raw["models"].update(
        efficientnet_lite0={"architecture": "vgg19", "mode": "partial", "from_layer": name}
    ),
    "strategies.focal.kind": lambda raw, name: raw["strategies"]["focal"].update(kind=name),
}
MEANS_DEFAULT = {
    "models.hog_svm.architecture", "models.efficientnet_lite0.mode", "models.efficientnet_lite0.from_layer", "strategies.focal.kind",
}  # fmt: skip
"""Where nothing is as good as null."""


@pytest.mark.parametrize("place", PLACES)
def test_names_that_are_paths_or_commands_are_refused_wherever_they_stand(root, place):
    for name in EVIL:
        if not name and place in MEANS_DEFAULT:
            continue
        raw = default(root)
        PLACES[place](raw, name)
        with pytest.raises(ConfigError) as error:
            Plan.load(raw)
        assert place.split(".")[0] in str(error.value), (name, str(error.value))


@pytest.mark.parametrize("name", EVIL)
def test_events_frames_and_pairs_that_are_paths_or_commands_are_refused(tmp_path, name):
    with pytest.raises(ValueError):
        Event(event=name)
    for values in ({"event": name}, {"frame": name}, {"pair": name}, {"frame": FRAME + name}, {"pair": PAIR + name}):
        if values in ({"frame": FRAME}, {"pair": PAIR}):
            continue  # nothing was added
        with pytest.raises(ValueError):
            Interferogram(**{"event": "e", "frame": FRAME, "pair": PAIR, **values})
        with pytest.raises(ConfigError):
            check_names(values.get("frame", FRAME), values.get("pair", "x"))


@pytest.mark.parametrize("frame", ["１０２A_05000_131313", "102A_05000_131313\n", "102a_05000_131313", "١٠٢A_05000_131313"])
def test_digits_of_other_scripts_are_no_digits(frame):
    """Python takes them for digits, and for a track's number; a mirror does not."""
    with pytest.raises(ConfigError, match="frame: found"):
        check_names(frame, PAIR)
    with pytest.raises(ValueError):
        Interferogram(event="e", frame=frame, pair=PAIR)


def test_every_wildcard_of_a_run_is_a_plain_word(root, tmp_path, monkeypatch):
    """On a cluster, wildcards become words of sbatch's command line."""
    monkeypatch.chdir(root)
    raw = default(root)
    weights = tmp_path / "$(touch evil);`x` |&'\"\n"
    weights.write_text("weights")
    raw["models"]["odd"] = {"architecture": "vgg19", "weights": str(weights)}
    raw["datasets"]["fringes"]["models"] = ["efficientnet_lite0", "odd"]
    plan = Plan.load(raw)
    for run in plan.runs:
        assert all(SAFE.fullmatch(part) for part in (run.dataset, run.view, run.model, run.strategy))
    keys = {Path(plan.embeddings_of(run)).stem for run in plan.runs}
    assert len(keys) > 1
    assert all(re.fullmatch(r"[\w.-]+", key, re.ASCII) for key in keys), keys


@pytest.mark.parametrize(
    "tag",
    [
        '!!python/object/apply:os.system ["touch evil"]',
        '!!python/object/new:os.system ["touch evil"]',
        "!!python/name:os.system",
        "!!python/module:os",
        '!!python/object/apply:builtins.open ["evil", "w"]',
        "!evil x",
    ],
)
def test_tags_of_yaml_run_nothing(tmp_path, monkeypatch, tag):
    """Snakemake reads --configfile itself, and lets a tag name a function (it does not call it): no key takes one."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text(f"seed: {tag}\n")
    try:
        raw = load_configfile("mine.yaml")
    except WorkflowError:
        raw = {"seed": "x"}
    config, problems = parse_config(raw, ["mine.yaml"])
    assert config is None
    assert "seed: found" in problems[0]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_a_few_lines_of_yaml_that_stand_for_a_billion_values_are_told_shortly(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    path = tmp_path / "mine.yaml"
    path.write_text("\n".join([*lines, "seed: *a9", "mirrors: *a9", "training: {seeds: *a9}"]))
    config, problems = parse_config(yaml.safe_load(path.read_text()), [path])
    assert config is None
    assert sum(map(len, problems)) < 50_000


def test_values_within_themselves_are_told(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("seed: &a [*a]\nmirrors: &b {root: *b}\n")
    config, problems = parse_config(yaml.safe_load(path.read_text()), [path])
    assert config is None
    assert problems


@pytest.mark.parametrize("key", ["timeout_s", "longest_min", "backoff_s"])
@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_numbers_are_finite(key, value):
    with pytest.raises(ValueError, match="finite number"):
        Download(**{key: value})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"event\tplace\ne\t" + b"x" * 200_000, "cannot be read"),
        (b"event\tplace\n\xff\tx\n", "cannot be read"),
        (b"event\tevent\ne\tf\n", "the column 'event' stands 2 times"),
        (b"event\tplace\n../x\tx\n", "found '../x'"),
        (b"event\ttime\nx\t0001-01-01T00:00:00+14:00\n", "outside the years 1 to 9999"),
        (b"", "no column 'event'"),
    ],
)
def test_tables_that_are_none_are_told(tmp_path, content, told):
    (tmp_path / "events.tsv").write_bytes(content)
    (tmp_path / "pairs.tsv").write_text("event\tframe\tpair\n")
    _, problems = read_tables([tmp_path / "events.tsv"], [tmp_path / "pairs.tsv"])
    assert told in "\n".join(problems)


@pytest.mark.parametrize("path", ["\0", "x" * 300, "/dev/full/x", "."])
def test_paths_of_tables_that_are_none_are_told(path):
    _, problems = read_tables([path], [])
    assert problems


def test_folders_that_are_no_interferograms_are_passed_over(tmp_path):
    home = tmp_path / "102" / FRAME / "interferograms"
    for name in (PAIR, "99999999_99999999", "20210303_20210218", f"{PAIR}\n", "..evil", "２0210218_20210303"):
        (home / name).mkdir(parents=True)
    (tmp_path / "1" / "..x" / "interferograms" / PAIR).mkdir(parents=True)
    assert find_interferograms(tmp_path) == [(FRAME, PAIR)]
    assert list(with_folder(Tables(), tmp_path).events) == [FRAME]


KEYS = st.sampled_from([*Config.model_fields, "size", "kind", "method", "root", "models", "a/b", "../x", ""]) | st.text(max_size=5)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(EVIL)
VALUES = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*Config.model_fields, "x"]), VALUES, max_size=4))
def test_whatever_a_configuration_holds_it_is_read_or_told(raw):
    config, problems = parse_config(raw)
    assert (config is None) == bool(problems)
    if config is not None:
        names = [*config.tilings, *config.datasets, *config.models, *config.strategies, *config.collections]
        assert all(SAFE.fullmatch(name) for name in names)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20) | st.from_regex(r"[0-9]{3}[AD]_[0-9]{5}_[0-9]{6}\s?", fullmatch=True), st.text(max_size=20) | st.just(PAIR))
def test_names_that_are_taken_lead_nowhere_else(frame, pair):
    try:
        check_names(frame, pair)
    except ConfigError:
        return
    assert Path("raw", frame, pair).resolve() == Path("raw").resolve() / frame / pair
    assert re.fullmatch(r"[0-9AD_]+", frame + pair, re.ASCII)


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["e1", "portal", "2021-03-03T10:16:08", "nan", "1e999", "-0", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", *EVIL[:6]]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.lists(CELLS, min_size=1, max_size=6).map("\t".join), max_size=4).map("\n".join) | st.binary(max_size=60),
    st.sampled_from(["", "event\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude\n", "event\tsource\n"]),
)
def test_whatever_a_table_holds_it_is_read_or_told(tmp_path, content, header):
    path = tmp_path / "events.tsv"
    path.write_bytes(header.encode() + (content if isinstance(content, bytes) else content.encode()))
    tables, problems = read_tables([path], [path])
    assert problems or tables.events or tables.gaps or header
    assert all(SAFE.fullmatch(name) for name in tables.events)
