"""Instruments' responses that come with recordings from a data centre, or do not."""

from pathlib import Path

import numpy as np
import obspy
import pytest

from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from fringeflow.seismic.reader import read_recording
from tests.fdsn_fetching import NAMES, ROWS, fetch, no_proxy, place, server, visible
from tests.fdsn_server import BEGIN, changed, refuse, stations, text
from tests.servers import page, status

__all__ = ["no_proxy", "place", "server"]


def test_responses_come_from_the_data_centre_once_for_each_channel(server, place):
    rows = [*ROWS, ("EHZ", 15, 25)]
    manifest = fetch(server, place, rows, response="VEL")
    asked = server.queries("station")
    assert [(query["channel"], query["level"]) for query in asked] == [("EHZ", "response"), ("EHN", "response"), ("EHE", "response")]
    assert (asked[0]["starttime"], asked[0]["endtime"]) == ("2009-08-24T00:20:05", "2009-08-24T00:20:28")
    inventory = obspy.read_inventory(place / "inventory.xml")
    for channel, *_ in ROWS:
        there, here = (known.get_response(f"BW.RJOB..{channel}", BEGIN) for known in (stations(), inventory))
        assert there.instrument_sensitivity.value == here.instrument_sensitivity.value
    moved = read_recording(place / NAMES[0], response="VEL", inventory=place / "inventory.xml")
    assert np.nanmax(np.abs(moved.traces)) < 1e-3  # m/s, not counts
    assert manifest["inventory"]["sha256"] == sha256_file(place / "inventory.xml")
    total = len(server.requests)
    assert fetch(server, place, rows, response="VEL") == manifest
    assert len(server.requests) == total


def test_a_given_inventory_is_taken_instead(server, place):
    manifest = fetch(server, place, response="VEL", inventory="mine.xml")
    assert server.queries("station") == []
    assert manifest["inventory"] is None


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param(status(204), r"1 of 3 instrument responses are not to be had(.|\n)*set `response` to none", id="nothing"),
        pytest.param(page(), r"1 of 3 instrument responses could not be had(.|\n)*HTML page", id="page"),
        pytest.param(text("<!DOCTYPE html><p>no</p>"), "an HTML page came instead", id="page that hides"),
        pytest.param(text("no stations"), "not StationXML: it begins with 'no stations'", id="words"),
        pytest.param(changed(lambda body: body[:-2000]), "not StationXML that can be read", id="cut off"),
        pytest.param(status(503), r"gave up after 3 tries: 503(.|\n)*run again", id="busy"),
        pytest.param(refuse(400, "bad level"), 'the server says "Error 400: bad level', id="refused"),
    ],
)
def test_a_response_that_does_not_come_is_told(server, place, step, told):
    server.always("station EHN", step)
    with pytest.raises(DownloadError, match=told):
        fetch(server, place, response="ACC")
    assert not (place / "manifest.json").exists()
    assert not (place / "inventory.xml").exists()
    assert len([name for name in visible(place / "stations") if name.endswith(".xml")]) == 2


def test_stationxml_without_responses_is_told(server, place):
    bare = (Path(obspy.__file__).parent / "io/stationxml/tests/data/minimal_station.xml").read_text()
    server.always("station EHZ", text(bare))
    with pytest.raises(DownloadError, match="StationXML without a response came"):
        fetch(server, place, ROWS[:1], response="VEL")
