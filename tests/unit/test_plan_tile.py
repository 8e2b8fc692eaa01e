"""What tiling is told of other earthquakes: those that may show in an event's interferograms, and no more."""

import json
from types import SimpleNamespace

import pytest

from fringeflow.files import write_json
from fringeflow.plan import Plan

FRAME, OTHER = "102A_05000_131313", "106A_09048_000909"
QUAKES = {"quake": "2021-03-03T10:16:00", "later": "2021-06-03T10:16:00", "elsewhere": "2021-06-03T10:16:00"}
PAIRS = {
    "quake": [(FRAME, "20210101_20210113"), (FRAME, "20210218_20210315"), (FRAME, "20210520_20210613"), (FRAME, "20210603_20210615")],
    "later": [(FRAME, "20210520_20210613"), (FRAME, "20210201_20210320")],
    "elsewhere": [(OTHER, "20210520_20210613")],
    "area": [(FRAME, "20210302_20210601")],
}


@pytest.fixture
def plan(root, tmp_path, monkeypatch):
    """Give a function that plans with some of these events beside the simulated ones."""
    monkeypatch.chdir(root)
    write_json(tmp_path / "later.geojson", {"type": "FeatureCollection", "features": []})

    def make(*names: str, source: str = "portal") -> Plan:
        places = {name: "-0.5\t-91.2" if name == "elsewhere" else "39.8\t22.2" for name in names}
        events = [f"{name}\t{source}\t{QUAKES[name]}\t{places[name]}\t8\t6.3\t314\t36\t-88" for name in names if name != "area"]
        events += ["area\tportal" + "\t" * 8] if "area" in names else []
        columns = "event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude\tstrike_deg\tdip_deg\trake_deg"
        (tmp_path / "events.tsv").write_text("\n".join([columns, *events]) + "\n")
        rows = [f"{name}\t{frame}\t{pair}" for name in names for frame, pair in PAIRS[name]]
        (tmp_path / "pairs.tsv").write_text("\n".join(["event\tframe\tpair", *rows]) + "\n")
        catalogue = {
            "events": ["config/events.tsv", str(tmp_path / "events.tsv")],
            "interferograms": ["config/interferograms.tsv", str(tmp_path / "pairs.tsv")],
            "polygons": str(tmp_path),
        }
        return Plan.load({"catalogue": catalogue})

    return make


def told(plan: Plan, event: str) -> dict[str, list[str]]:
    found = json.loads(plan.others_json(SimpleNamespace(event=event)))
    return {key.split("/")[1]: [row["event"] for row in rows] for key, rows in found.items()}


def test_other_earthquakes_of_the_frame_are_told_by_the_pair_into_whose_days_they_fall(plan):
    """The first and the last day included: labels then go by the time of day."""
    found = plan(*PAIRS)
    assert told(found, "quake") == {"20210520_20210613": ["later"], "20210603_20210615": ["later"]}
    assert told(found, "later") == {"20210201_20210320": ["quake"]}
    assert told(found, "area") == {"20210302_20210601": ["quake"]}
    assert told(found, "elsewhere") == {}


def test_their_polygons_are_inputs_too(plan, tmp_path):
    found = plan(*PAIRS)
    drawn = [str(tmp_path / "later.geojson")]
    assert [found.polygons_of(SimpleNamespace(event=event)) for event in ("quake", "later", "area")] == [drawn, drawn, []]


def test_an_earthquake_that_is_added_tiles_again_only_what_it_may_show_in(plan):
    before, after = plan("quake", "area"), plan("quake", "area", "later")
    changed = [name for name in ("quake", "area") if told(before, name) != told(after, name)]
    assert changed == ["quake"]


def test_simulated_interferograms_show_no_other_earthquake(plan):
    found = plan("quake", "later", source="simulated")
    assert told(found, "quake") == told(found, "later") == {}
