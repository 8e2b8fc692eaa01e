"""Making the catalogue without a network: a host out of reach is asked for one page, and the message says so."""

import logging
import socket
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from fringeflow.config.models import Catalogue, Download, Mirror
from fringeflow.config.tables import Event
from fringeflow.errors import DownloadError
from fringeflow.licsar.catalogue import resolve, write_catalogue
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.transport import GaveUpError, UnreachableError
from tests.servers import page, redirect, reset, serve, status

QUICK = Download(timeout_s=10, attempts=3, backoff_s=0.001)
FRAME = "102A_05000_131313"
PAIRS = ("20210212_20210224", "20210218_20210303", "20210308_20210320")
METADATA = "center_time=16:31:22.1\nheading=-13.7\navg_incidence_angle=39.1\n"


def earthquake(name: str) -> Event:
    return Event(event=name, time="2021-03-03T10:16:08", latitude=39.755, longitude=22.176, depth_km=8, magnitude=6.3)


EVENTS = [earthquake(f"us{number:04d}") for number in range(29)]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def closed() -> Iterator[str]:
    """A loopback port that refuses: bound, so that nobody else gets it, and not listening."""
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


@pytest.fixture
def connections(monkeypatch) -> list[tuple[str, int]]:
    """Every address that a connection was tried to."""
    tried = []
    connect = socket.create_connection

    def counted(address, *args, **kwargs):
        tried.append(address)
        return connect(address, *args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", counted)
    return tried


@pytest.fixture
def mirror(tmp_path):
    """A mirror with an earthquake catalogue that knows the event us0003 and its frame."""
    root = tmp_path / "mirror"
    for pair in PAIRS:
        (root / "102" / FRAME / "interferograms" / pair).mkdir(parents=True)
    (root / "102" / FRAME / "metadata").mkdir()
    (root / "102" / FRAME / "metadata" / "metadata.txt").write_text(METADATA)
    (root / "EQ").mkdir()
    (root / "EQ" / "us0003.html").write_text(f"<a href='x'>{FRAME}: {PAIRS[1]}</a>")
    (root / "EQ" / "eqframes.csv").write_text("")
    return root


def table(tmp_path, event: str = "us0003"):
    out = tmp_path / "interferograms.tsv"
    out.write_text(f"event\tframe\tpair\n{event}\t{FRAME}\t20201120_20210331\n")
    return out


@pytest.mark.parametrize("known", [False, True], ids=["no frame known", "a frame known"])
def test_a_host_that_refuses_is_asked_for_one_page_and_named_once(closed, connections, tmp_path, known):
    out = table(tmp_path, "us0003" if known else "another")
    before = out.read_bytes(), out.stat().st_mtime_ns
    with pytest.raises(DownloadError) as caught:
        write_catalogue(EVENTS, [Mirror(root=closed)], QUICK, out)
    told = str(caught.value)
    assert len(connections) == QUICK.attempts
    assert told.count(closed) == 1
    assert "\n" not in told
    assert "Connection refused" in told
    assert "29 events could not be looked up: us0000, " in told
    assert "To do: check the network" in told
    assert "no frame is known" not in told
    assert "no coseismic pair" not in told
    assert (out.read_bytes(), out.stat().st_mtime_ns) == before


def test_no_table_is_made(closed, tmp_path):
    with pytest.raises(DownloadError):
        write_catalogue(EVENTS[:1], [Mirror(root=closed)], QUICK, tmp_path / "new.tsv")
    assert not (tmp_path / "new.tsv").exists()


def test_a_name_that_does_not_resolve(monkeypatch):
    asked = []

    def nobody(host, *_args, **_kwargs):
        asked.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(DownloadError, match=r"cannot reach http://portal\.example \(.*Name or service not known \(3x\)\); 29 events"):
        resolve(EVENTS, [Mirror(root="http://portal.example/data")], QUICK)
    assert len(asked) == QUICK.attempts


def test_a_host_that_never_takes_the_connection(monkeypatch):
    tried = []

    def silent(*_args, **_kwargs):
        tried.append(1)
        raise TimeoutError("timed out")

    monkeypatch.setattr(socket, "create_connection", silent)
    with pytest.raises(DownloadError, match=r"cannot reach http://10\.0\.0\.1:81 \(.*no answer for 10 s \(ConnectTimeout\) \(3x\)\)"):
        resolve(EVENTS, [Mirror(root="http://10.0.0.1:81")], QUICK)
    assert len(tried) == QUICK.attempts


def test_events_that_are_no_earthquakes_need_no_host(closed, connections):
    assert len(resolve([Event(event="galapagos")], [Mirror(root=closed)], QUICK).unresolved) == 1
    assert connections == []
    with pytest.raises(DownloadError, match="1 event could not be looked up: us0000"):
        resolve([Event(event="galapagos"), EVENTS[0]], [Mirror(root=closed)], QUICK)


def test_a_portal_that_answers_and_does_not_know_an_event_is_a_warning_as_ever(mirror, tmp_path, caplog):
    out = tmp_path / "interferograms.tsv"
    with serve(mirror) as server, caplog.at_level(logging.WARNING):
        told = write_catalogue(EVENTS, [Mirror(root=server.url)], QUICK, out, Catalogue())
    assert len(told) == 28
    assert all("no frame is known for it" in line and "404" in line for line in told)
    assert PAIRS[1] in out.read_text()


def test_a_portal_that_knows_none_of_the_events_is_no_error(mirror):
    with serve(mirror) as server:
        result = resolve(EVENTS[:2], [Mirror(root=server.url)], QUICK)
    assert [line.split(" (")[0] for line in result.unresolved] == [
        f"event '{event.event}': no frame is known for it" for event in EVENTS[:2]
    ]


def test_another_mirror_goes_on_and_the_one_out_of_reach_is_told_once(mirror, closed, connections):
    with serve(mirror) as server:
        result = resolve(EVENTS, [Mirror(root=closed), Mirror(root=server.url)], QUICK)
    assert PAIRS[1] in {row.pair for row in result.rows}
    assert sum(closed.endswith(f":{port}") for _, port in connections) == QUICK.attempts
    assert result.unresolved[0].startswith(f"cannot reach {closed} (")
    assert "the other mirrors were asked" in result.unresolved[0]
    assert not any("no frame is known" in line for line in result.unresolved)  # the one out of reach might know it


def test_known_frames_are_looked_up_where_only_the_portal_is_out_of_reach(mirror, closed):
    result = resolve(EVENTS, [Mirror(root=closed), Mirror(root=str(mirror))], QUICK, known=[("us0005", FRAME)])
    assert {row.event for row in result.rows} == {"us0003", "us0005"}


def test_pairs_of_a_mirror_out_of_reach_are_not_said_to_be_none(mirror, closed):
    for pair in PAIRS:
        (mirror / "102" / FRAME / "interferograms" / pair).rmdir()
    (mirror / "102" / FRAME / "interferograms").rmdir()
    (mirror / "EQ" / "us0003.html").write_text(f"<a href='x'>{FRAME}: {PAIRS[0]}</a>")
    mirrors = [Mirror(root=str(mirror)), Mirror(layout="ceda", root=closed)]
    result = resolve([EVENTS[3], EVENTS[4]], mirrors, QUICK)
    assert "1 event could not be looked up: us0003" in result.unresolved[0]
    assert not any("no coseismic pair" in line for line in result.unresolved)
    assert "event 'us0004': no frame is known for it" in result.unresolved[1]


@pytest.mark.parametrize("trouble", [status(503), lambda answer: reset(5)(page()(answer))], ids=["503", "reset"])
def test_a_host_that_answers_badly_is_tried_again_for_each_event(mirror, trouble):
    with serve(mirror) as server:
        server.always("/EQ/*", trouble)
        result = resolve(EVENTS[:3], [Mirror(root=server.url)], QUICK)
        for event in EVENTS[:3]:
            assert len(server.asked(f"/EQ/{event.event}.html")) == QUICK.attempts
    assert len(result.unresolved) == 3
    assert all("its frames could not be looked up" in line and "gave up after 3 tries" in line for line in result.unresolved)


def test_a_host_that_recovers_within_its_tries_is_not_forsaken(mirror):
    with serve(mirror) as server:
        server.script("/EQ/us0003.html", reset(5), status(503))
        result = resolve([EVENTS[3]], [Mirror(root=server.url)], QUICK)
    assert result.unresolved == []


def test_a_portal_that_moved_to_a_host_out_of_reach(mirror, closed, connections):
    with serve(mirror) as server:
        server.always("/EQ/*", redirect(f"{closed}/EQ"))
        with pytest.raises(DownloadError, match=f"cannot reach {closed} "):
            resolve(EVENTS, [Mirror(root=server.url)], QUICK)
    assert sum(closed.endswith(f":{port}") for _, port in connections) == QUICK.attempts


def test_only_who_asks_for_it_forsakes_a_host(closed, connections):
    with Downloader(QUICK) as downloader:
        for _ in range(2):
            with pytest.raises(UnreachableError) as caught:
                downloader.page(f"{closed}/x")
    assert caught.value.host == closed
    assert len(connections) == 2 * QUICK.attempts


def test_a_host_that_once_let_a_try_through_is_not_unreachable(monkeypatch):
    failures = iter([httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.ConnectError("refused")])

    def send(_client, request, **_):
        error = next(failures)
        error.request = request
        raise error

    monkeypatch.setattr(httpx.Client, "send", send)
    with Downloader(QUICK, forsake=True) as downloader, pytest.raises(GaveUpError) as caught:
        downloader.page("http://a.example/x")
    assert not isinstance(caught.value, UnreachableError)
    assert downloader.unreachable == {}
