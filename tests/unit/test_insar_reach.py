"""How far earthquakes reach: LiCSAR's own list of frames, and what names of frames tell."""

import csv

import pytest

from fringeflow.config.tables import Event
from fringeflow.insar.reach import ACROSS_KM, latitude_of, may_reach, reach_km


@pytest.mark.parametrize(("magnitude", "listed"), [(5.5, 20), (6.0, 36), (6.5, 84), (7.0, 199), (7.5, 471), (8.0, 1115)])
def test_an_earthquake_reaches_as_far_as_licsar_looks_for_frames(magnitude, listed):
    assert reach_km(magnitude) == pytest.approx(listed, rel=0.03)


def test_a_great_earthquake_reaches_frames_that_a_small_one_does_not():
    here = Event.model_validate({"event": "area", "latitude": 40, "longitude": 22})
    for magnitude in (5.0, 6.0, 7.0, 8.0):
        for share, expected in ((0.98, True), (1.02, False)):
            away = share * (ACROSS_KM + reach_km(magnitude))
            quake = Event.model_validate(
                {
                    "event": "q",
                    "time": "2021-03-03T10:16:00",
                    "latitude": 40 + away / 111.195,
                    "longitude": 22,
                    "depth_km": 8,
                    "magnitude": magnitude,
                }
            )
            assert may_reach(quake, "102A_05000_131313", [here]) == expected


def test_the_name_of_a_frame_tells_its_latitude(root):
    """To a fraction of a frame, 250 km or 2.2 degrees: of all frames in our tables whose event's place is known."""
    seen = 0
    for name in ("", "_real"):
        with open(root / f"config/events{name}.tsv") as events, open(root / f"config/interferograms{name}.tsv") as pairs:
            place = {row["event"]: row["latitude"] for row in csv.DictReader(events, delimiter="\t")}
            for row in csv.DictReader(pairs, delimiter="\t"):
                if place[row["event"]]:
                    assert latitude_of(row["frame"]) == pytest.approx(float(place[row["event"]]), abs=1)
                    seen += 1
    assert seen > 60
