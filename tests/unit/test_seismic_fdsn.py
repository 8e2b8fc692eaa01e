"""Recordings from a data centre that works, that fails, and that says no; every server here is on the loopback interface."""

from datetime import UTC, datetime

import numpy as np
import obspy
import pytest
from obspy import UTCDateTime
from obspy.clients.fdsn import Client

from fringeflow.config.collections import Fdsn
from fringeflow.config.models import Download
from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from fringeflow.seismic.fdsn import fetch_waveforms
from fringeflow.seismic.reader import read_recording
from fringeflow.seismic.requests import read_requests
from tests.fdsn_fetching import NAMES, QUICK, ROWS, assert_true_waveforms, fetch, no_proxy, place, server, table, visible
from tests.fdsn_server import BEGIN, DataCentre, changed, refuse, text
from tests.servers import drip, length, page, reset, run, status, truncate

__all__ = ["no_proxy", "place", "server"]


def test_every_window_comes_with_its_own_samples_and_the_manifest_lists_it(server, place):
    manifest = fetch(server, place)
    assert_true_waveforms(place, NAMES)
    assert visible(place) == sorted([*NAMES, "manifest.json"])
    assert list(manifest["files"]) == sorted(NAMES)
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == sha256_file(place / name)
        assert entry["bytes"] == (place / name).stat().st_size
        assert entry["url"].startswith(f"{server.url}/fdsnws/dataselect/1/query?network=BW&station=RJOB&location=--&channel=EH")
    assert manifest["files"][NAMES[0]]["start"] == "2009-08-24T00:20:05+00:00"
    assert (manifest["url"], manifest["without_data"], manifest["inventory"]) == (server.url, [], None)


def test_what_was_fetched_is_read_as_any_recording(server, place):
    fetch(server, place, [("EH?", 1, 11)])
    recording = read_recording(place / "BW.RJOB..EH_.20090824T002004_20090824T002014.mseed")
    assert recording.names == ("BW.RJOB..EHE", "BW.RJOB..EHN", "BW.RJOB..EHZ")
    assert recording.traces.shape == (3, 1001)
    assert UTCDateTime(recording.start) == BEGIN + 1


def test_our_server_and_our_questions_are_those_of_obspys_client(server, place):
    (request,) = read_requests(table(place.parent, ROWS[:1]))
    theirs = Client(server.url).get_waveforms("BW", "RJOB", "--", "EHZ", BEGIN + 2, BEGIN + 12)
    fetch(server, place, ROWS[:1])
    assert np.array_equal(obspy.read(place / request.name)[0].data, theirs[0].data)
    obspys, ours = server.queries()
    for query in (obspys, ours):
        for name in ("starttime", "endtime"):
            query[name] = UTCDateTime(query[name])
    assert ours == obspys


def test_a_second_run_asks_for_nothing_and_gives_the_same(server, place):
    first = fetch(server, place)
    (place / "manifest.json").unlink()  # as Snakemake does with a declared output
    asked = len(server.requests)
    assert fetch(server, place) == first
    assert len(server.requests) == asked


def test_only_a_changed_row_is_asked_for_again(server, place):
    fetch(server, place)
    asked = len(server.requests)
    manifest = fetch(server, place, [ROWS[0], ("EHN", 5, 20), ROWS[2]])
    assert [query["endtime"] for query in server.queries()[asked:]] == ["2009-08-24T00:20:23"]
    assert set(manifest["files"]) == {NAMES[0], NAMES[2], "BW.RJOB..EHN.20090824T002008_20090824T002023.mseed"}


def test_another_data_centre_is_asked_for_everything(server, place):
    fetch(server, place)
    with run(DataCentre()) as other:
        other.always("dataselect EHN", status(404))
        manifest = fetch(other, place)
        assert len(other.queries()) == 3
    assert set(manifest["files"]) == {NAMES[0], NAMES[2]}
    assert_true_waveforms(place, [NAMES[0], NAMES[2]])


def test_a_file_damaged_here_is_asked_for_again(server, place):
    fetch(server, place)
    (place / NAMES[1]).write_bytes(b"rubbish")
    fetch(server, place)
    assert_true_waveforms(place, NAMES)
    assert [query["channel"] for query in server.queries()] == ["EHZ", "EHN", "EHE", "EHN"]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param([status(503), status(503)], id="busy"),
        pytest.param([status(429), status(500)], id="too many requests"),
        pytest.param([reset(700)], id="reset in the middle"),
        pytest.param([truncate(1024)], id="closed between two records"),
        pytest.param([length(512)], id="fewer bytes than declared"),
        pytest.param([changed(lambda body: body[:-100])], id="cut off, and the length declared so"),
        pytest.param([changed(lambda body: body[:512] + bytes(512) + body[1024:])], id="a record of zeros"),
        pytest.param([changed(lambda body: b"")], id="nothing"),
        pytest.param([page()], id="a page"),
        pytest.param([page(content_type=None)], id="a page that hides"),
    ],
)
def test_trouble_that_passes_leaves_no_trace(server, place, steps):
    server.script("dataselect EHN", *steps)
    manifest = fetch(server, place)
    assert set(manifest["files"]) == set(NAMES)
    assert_true_waveforms(place, NAMES)
    assert visible(place) == sorted([*NAMES, "manifest.json"])
    assert [query["channel"] for query in server.queries()].count("EHN") == 1 + len(steps)


def test_retry_after_is_waited_for(server, place):
    server.script("dataselect EHZ", status(429, {"Retry-After": "0.7"}))
    begin = datetime.now(UTC)
    fetch(server, place, ROWS[:1])
    assert (datetime.now(UTC) - begin).total_seconds() > 0.7


@pytest.mark.parametrize(
    ("step", "told"),
    [
        pytest.param(status(503), r"gave up after 3 tries: 503 Service Unavailable \(3x\)", id="busy"),
        pytest.param(page(), "an HTML page came instead of a file", id="page"),
        pytest.param(page(content_type=None), "an HTML page came instead of a file", id="page that hides"),
        pytest.param(text("Sorry, no disk"), "not miniSEED: it begins with 'Sorry, no disk'", id="words"),
        pytest.param(changed(lambda body: body[:-100]), "cut off: 412 bytes of its last record, which has 512", id="cut off"),
        pytest.param(changed(lambda body: body[:30]), "cut off: 30 bytes of a record's header", id="cut off early"),
        pytest.param(changed(lambda body: body + b"<p>timeout</p>"), "no miniSEED record at byte", id="page at the end"),
        pytest.param(changed(lambda body: body.replace(b"EHN", b"EHZ")), "BW.RJOB..EHZ came, which were not asked for", id="channel"),
        pytest.param(changed(lambda body: body.replace(b"\x07\xd9\x00\xec", b"\x07\xd9\x00\xed")), "none of them in the window", id="day"),
    ],
)
def test_trouble_that_stays_is_told_and_the_others_come(server, place, step, told):
    server.always("dataselect EHN", step)
    with pytest.raises(DownloadError, match=told) as error:
        fetch(server, place)
    assert f"1 of 3 windows could not be had from {server.url}" in str(error.value)
    assert "line 3: BW.RJOB..EHN from 2009-08-24T00:20:08 to 2009-08-24T00:20:28:" in str(error.value)
    assert "2 came and stay; only the rest is asked for again. To do: run again." in str(error.value)
    assert not (place / "manifest.json").exists()
    assert_true_waveforms(place, [NAMES[0], NAMES[2]])
    asked = len(server.queries())
    server.always("dataselect EHN", lambda answer: answer)
    fetch(server, place)
    assert [query["channel"] for query in server.queries()[asked:]] == ["EHN"]
    assert_true_waveforms(place, NAMES)


@pytest.mark.parametrize(("code", "words"), [(400, "Bad start time"), (413, "Request exceeds 5 GB"), (403, "Restricted data")])
def test_a_refusal_is_final_and_told_in_the_servers_own_words(server, place, code, words):
    server.always("dataselect EHN", refuse(code, words))
    with pytest.raises(DownloadError) as error:
        fetch(server, place)
    assert f'the server says "Error {code}: {words} More details are available"' in str(error.value)
    assert "correct or take out the rows that the server refused" in str(error.value)
    assert len(server.queries()) == 3
    assert_true_waveforms(place, [NAMES[0], NAMES[2]])


@pytest.mark.parametrize("code", [204, 404])
def test_a_window_without_data_is_left_out_with_a_warning(server, place, caplog, code):
    server.always("dataselect EHN", status(code))
    manifest = fetch(server, place)
    assert set(manifest["files"]) == {NAMES[0], NAMES[2]}
    assert [entry["channel"] for entry in manifest["without_data"]] == ["EHN"]
    assert "line 3: BW.RJOB..EHN from 2009-08-24T00:20:08 to 2009-08-24T00:20:28: nothing at the data centre" in caplog.text
    assert_true_waveforms(place, [NAMES[0], NAMES[2]])
    assert len(server.queries()) == 3


def test_no_data_at_all_is_an_error(server, place):
    with pytest.raises(DownloadError, match=r"has no data for any of 2 windows\n  line 2: .*: 204 No Content\n(.|\n)*check the codes"):
        fetch(server, place, [("EHZ", 100, 110), ("XXX", 1, 2)])
    assert visible(place) == []


def test_a_window_that_is_filled_in_part_is_told(server, place, caplog):
    fetch(server, place, [("EHZ", 20, 60), ("EHN", 0, 30)])
    assert "EHZ fills 10 of the 40 s that were asked for" in caplog.text
    assert "EHN fills" not in caplog.text


def test_a_server_that_is_down_is_not_asked_patiently_for_every_window(server, place):
    for channel, *_ in ROWS:
        server.always(f"dataselect {channel}", status(503))
    with pytest.raises(DownloadError, match="3 of 3 windows could not be had"):
        fetch(server, place)
    assert [query["channel"] for query in server.queries()] == ["EHZ"] * 3 + ["EHN", "EHE"]


def test_a_server_that_stays_silent_is_left_alone_after_a_while(server, place):
    server.always("dataselect EHZ", drip(0, pause=1.0, step=10**6))
    rows = [("EHZ", begin, begin + 1) for begin in range(25)]
    with pytest.raises(DownloadError, match=r"25 of 25 windows could not be had(.|\n)*no answer for 0.1 s"):
        fetch(server, place, rows, Download(timeout_s=0.1, attempts=1))
    assert 4 <= len(server.queries()) < 20, "it gives up after some silence, on a busy machine after fewer windows"


def test_a_server_that_is_not_there_is_told(place):
    with run(DataCentre()) as gone:
        pass
    with pytest.raises(DownloadError, match=r"3 of 3 windows could not be had(.|\n)*ConnectError"):
        fetch(gone, place)


def test_a_broken_window_is_resumed_where_the_server_can(place):
    with run(DataCentre(ranges=True)) as server:
        server.script("dataselect EHN", reset(1500), status(503), status(503))
        with pytest.raises(DownloadError, match="1 of 3 windows"):
            fetch(server, place)
        assert f"{NAMES[1]}.part" in visible(place)
        fetch(server, place)
        assert server.requests[-1].headers["Range"] == "bytes=1500-"
    assert_true_waveforms(place, NAMES)
    assert visible(place) == sorted([*NAMES, "manifest.json"])


def test_a_folder_that_cannot_be_written_is_told(server, tmp_path):
    (tmp_path / "file").write_text("")
    asked = table(tmp_path)
    collection = Fdsn(kind="fdsn", url=server.url, requests=str(asked), labels="labels.tsv", classes=["a", "b"])
    with pytest.raises(DownloadError, match="a local file cannot be read or written"):
        fetch_waveforms(collection, QUICK, tmp_path / "file" / "x", tmp_path / "file" / "x" / "manifest.json")
