"""Which interferograms count as quiet: only those of which somebody knows it, and none that an earthquake may have touched."""

import json
from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from fringeflow.errors import ConfigError
from fringeflow.plan import Plan

EVENTS = """event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude
quake\tportal\t2021-03-03T10:16:00\t39.8\t22.2\t8\t6.3
area\tportal\t\t\t\t\t
"""
FRAME, OTHER = "102A_05000_131313", "106A_09048_000909"
NOWHERE = "\t"
"""Latitude and longitude of a row that has none."""
PAIRS = {
    "quake": ["20210218_20210303", "20210218_20210309", "20210101_20210113", "20210309_20210321"],
    "area": ["20240106_20240118"],
}


@pytest.fixture
def plan(root, tmp_path, monkeypatch):
    """Give a function that plans the scan of a folder with two further pairs, one of which spans the earthquake."""
    monkeypatch.chdir(root)
    rows = [f"{event}\t{FRAME if event == 'quake' else OTHER}\t{pair}" for event, pairs in PAIRS.items() for pair in pairs]
    (tmp_path / "events.tsv").write_text(EVENTS)
    (tmp_path / "pairs.tsv").write_text("event\tframe\tpair\n" + "\n".join(rows) + "\n")
    for frame, pair in ((FRAME, "20210224_20210308"), (OTHER, "20240301_20240313")):
        (tmp_path / "folder" / frame[:3] / frame / "interferograms" / pair).mkdir(parents=True)
    catalogue = {
        "events": ["config/events.tsv", str(tmp_path / "events.tsv")],
        "interferograms": ["config/interferograms.tsv", str(tmp_path / "pairs.tsv")],
    }

    def make(**detect) -> Plan:
        wanted = {"events": ["quake", "area"], "folder": str(tmp_path / "folder"), **detect}
        return Plan.load({"catalogue": catalogue, "datasets": {"fringes": {"events": "simulated"}}, "detect": wanted})

    return make


def quiet(plan: Plan) -> set[str]:
    return {key for key in plan.scanned if plan.is_quiet(key)}


def test_pairs_that_an_earthquake_of_their_frame_may_have_touched_are_not_quiet(plan):
    """A pair that ends on its day may lie on either side of it, and of pairs in the folder alone nobody knows."""
    found = plan()
    assert set(found.scanned) == {f"{FRAME}/{pair}" for pair in [*PAIRS["quake"], "20210224_20210308"]} | {
        f"{OTHER}/20240106_20240118",
        f"{OTHER}/20240301_20240313",
    }
    assert quiet(found) == {f"{FRAME}/20210101_20210113", f"{FRAME}/20210309_20210321", f"{OTHER}/20240106_20240118"}


@pytest.mark.parametrize(
    ("place", "magnitude", "area", "untouched"),
    [
        ((39.75, 22.1), 6.5, NOWHERE, {"20210101_20210113", "20240106_20240118"}),
        ((36.0, 27.0), 6.5, NOWHERE, {"20210101_20210113", "20210309_20210321", "20240106_20240118"}),
        ((36.0, 27.0), 7.5, NOWHERE, {"20210101_20210113", "20240106_20240118"}),
        ((0.5, 120.0), 6.5, NOWHERE, {"20210101_20210113", "20210309_20210321"}),
        ((0.5, 120.0), 6.5, "-0.5\t-91.2", {"20210101_20210113", "20210309_20210321", "20240106_20240118"}),
        ((0.5, -90.0), 6.5, "-0.5\t-91.2", {"20210101_20210113", "20210309_20210321"}),
    ],
    ids=["here", "far", "far and great", "at the latitude of an area without a place", "far from the area's place", "near it"],
)
def test_an_earthquake_that_is_listed_with_another_frame_touches_what_it_may_reach(plan, tmp_path, place, magnitude, area, untouched):
    """It took place whether or not somebody looked for its interferograms in this frame too."""
    (tmp_path / "events.tsv").write_text(EVENTS.replace("area\tportal\t\t\t", f"area\tportal\t\t{area}"))
    where = "\t".join(map(str, place))
    with open(tmp_path / "events.tsv", "a") as events, open(tmp_path / "pairs.tsv", "a") as pairs:
        for name, day in (("second", "2021-03-15"), ("third", "2024-01-10")):
            events.write(f"{name}\tportal\t{day}T18:38:00\t{where}\t8\t{magnitude}\n")
        pairs.write("second\t080D_05000_131313\t20210310_20210328\nthird\t080D_05000_131313\t20240103_20240120\n")
    assert {key.split("/")[1] for key in quiet(plan())} == untouched


def test_a_user_may_say_that_a_frame_or_a_pair_of_the_folder_is_quiet(plan):
    assert f"{OTHER}/20240301_20240313" in quiet(plan(quiet=[OTHER]))
    assert f"{OTHER}/20240301_20240313" in quiet(plan(quiet=[f"{OTHER}/20240301_20240313"]))


def test_simulated_interferograms_are_no_measure_of_quiet(plan):
    found = plan(events=["area", "sim001_evia"])
    assert any(event.source == "simulated" for event, _ in found.scanned.values())
    assert all(found.scanned[key][0].source == "portal" for key in quiet(found))


def test_an_outline_is_told_of_earthquakes_of_its_frame_and_of_about_its_time_alone(plan, tmp_path):
    """An earthquake that is added elsewhere, at another time, then draws no outline again; all that may be named are told."""
    elsewhere = {"far": "2023-06-01", "before": "2021-01-19", "too_early": "2021-01-18", "after": "2021-04-02", "too_late": "2021-04-03"}
    row = f"{FRAME}/20210218_20210303"
    frame, pair = row.split("/")
    told = json.loads(plan().detection_events_json(SimpleNamespace(frame=frame, pair=pair)))
    assert [event["event"] for event in told] == ["quake"]
    with open(tmp_path / "events.tsv", "a") as events, open(tmp_path / "pairs.tsv", "a") as pairs:
        for number, (name, day) in enumerate(elsewhere.items()):
            events.write(f"{name}\tportal\t{day}T10:00:00\t10\t20\t8\t6.3\n")
            first, second = (f"{date.fromisoformat(day) + timedelta(days=by):%Y%m%d}" for by in (-6, 6))
            pairs.write(f"{name}\t001A_0000{number}_131313\t{first}_{second}\n")
    told = json.loads(plan().detection_events_json(SimpleNamespace(frame=frame, pair=pair)))
    assert [event["event"] for event in told] == ["after", "before", "quake"]


def test_a_simulated_interferogram_is_told_of_its_own_earthquake(plan):
    """It was told of none, so that no detection in the embedded archive was ever near one."""
    found = plan(events=["area", "sim001_evia"])
    for key, (event, _) in found.scanned.items():
        frame, pair = key.split("/")
        told = json.loads(found.detection_events_json(SimpleNamespace(frame=frame, pair=pair)))
        if event.source == "simulated":
            assert [row["event"] for row in told] == ["sim001_evia"]
            assert told[0]["magnitude"] == event.magnitude


def test_a_frame_that_is_called_quiet_does_not_make_its_earthquake_quiet(plan):
    """Only a person who names the very pair has looked at it."""
    spanning = f"{FRAME}/20210218_20210309"
    assert spanning not in quiet(plan(quiet=[FRAME]))
    assert f"{FRAME}/20210224_20210308" not in quiet(plan(quiet=[FRAME]))
    assert spanning in quiet(plan(quiet=[spanning]))


def test_one_job_scans_an_event_and_the_table_of_quiet_ones_waits_for_events_that_have_any(plan):
    """A pair that stands in the folder alone belongs to its frame."""
    found = plan(events=["quake"])
    assert found.scan_keys(SimpleNamespace(event="quake")) == sorted(f"{FRAME}/{pair}" for pair in PAIRS["quake"])
    assert found.scan_keys(SimpleNamespace(event=FRAME)) == [f"{FRAME}/20210224_20210308"]
    scans = {name: f"results/detections/scans/{name}.json" for name in ("quake", FRAME, OTHER)}
    assert sorted(found.scans) == sorted(scans.values())
    assert found.scan_of(SimpleNamespace(frame=FRAME, pair="20210224_20210308")) == scans[FRAME]
    assert found.quiet_scans(None) == [scans["quake"]] and set(found.quiet_keys(None)) == quiet(found)
    assert found.quiet_table(None) == ["results/detections/quiet.parquet"]
    none = plan(events=[])
    assert (none.quiet_scans(None), none.quiet_table(None)) == ([], [])
    with pytest.raises(ConfigError, match=r"no interferogram of the event area is to be scanned; .*detect\.events"):
        found.scan_keys(SimpleNamespace(event="area"))


def test_what_is_called_quiet_and_not_scanned_is_refused_with_the_nearest(plan):
    with pytest.raises(
        ConfigError, match=r"detect\.quiet: '102A_05000_131314' is no interferogram or frame that is scanned; .*102A_05000_131313"
    ):
        plan(quiet=["102A_05000_131314"])
