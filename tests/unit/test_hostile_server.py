"""Servers that mean harm: nobody waits for them for ever, no answer of theirs costs much memory, no header of theirs is a traceback."""

import gzip
import resource
import threading
import time

import pytest

from fringeflow.config.models import Download
from fringeflow.transfer.content import Content
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.parts import Part
from fringeflow.transfer.transport import GaveUpError, RefusedError
from tests.licsar_download import no_proxy, out
from tests.servers import raw

__all__ = ["no_proxy", "out"]
HURRIED = Download(timeout_s=0.5, attempts=1, backoff_s=0)
BOUND_S = 20
"""Far above the time-out, for a machine with much else to do; without a bound each of these lasts for days."""
ANYTHING = Content(lambda start: None, lambda path: None)


def answering(*lines, body=b""):
    """Return a script that sends a head and a body, and then waits a little for the client to close."""

    def script(connection):
        connection.sendall(b"HTTP/1.1 " + b"\r\n".join(lines) + b"\r\n\r\n" + body)
        connection.settimeout(5)
        connection.recv(1)

    return script


def again_and_again(first, chunk, pause=0.0):
    """Return a script that sends something and then something else for as long as anybody listens."""

    def script(connection):
        connection.sendall(first)
        while True:
            connection.sendall(chunk)
            time.sleep(pause)

    return script


def ask(script, out, *, page=False, settings=HURRIED):
    """Ask for a file, or a page, of a server; return what was said of it. A thread that is waited for too long is left behind."""
    told = []

    def one_try():
        with Downloader(settings) as downloader:
            try:
                downloader.page(url) if page else downloader.file(url, out, ANYTHING)
            except GaveUpError as error:
                told.append(str(error))

    with raw(script) as url:
        thread = threading.Thread(target=one_try, daemon=True)
        thread.start()
        thread.join(BOUND_S)
        assert not thread.is_alive(), f"no end after {BOUND_S} s"
    assert not out.exists()
    assert told, "anything was taken"
    return told[0]


@pytest.mark.parametrize("page", [False, True], ids=["file", "page"])
@pytest.mark.parametrize(
    "script",
    [
        again_and_again(b"HTTP/1.1 200 OK\r\n", b"X", pause=0.05),
        again_and_again(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        again_and_again(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x", pause=0.05),
        again_and_again(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"x" * 2000 + b"\r\nI\r\n", pause=0.02),
        again_and_again(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"I", pause=0.05),
    ],
    ids=["a head in drops", "100 Continue for ever", "a chunk that never begins", "drops in large wrappings", "a body in drops"],
)
def test_no_server_holds_a_job_for_ever(out, script, page):
    told = ask(script, out, page=page)
    assert "no answer for 0.5 s" in told or "fewer than 1024 bytes a second for 0.5 s" in told


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (b"9" * 18, "more than download.max_bytes"),
        (b"9" * 30, "RemoteProtocolError"),
        (b"9" * 5000, "RemoteProtocolError"),
        (b"-5", "Remote"),
    ],
    ids=["an exabyte", "too long a number", "longer than Python reads", "negative"],
)
def test_a_giant_declared_size_is_refused_unread(out, length, told):
    assert told in ask(answering(b"200 OK", b"Content-Length: " + length, body=b"II*\0"), out)
    assert Part(out).size == 0


@pytest.mark.parametrize("span", [b"bytes 4-9/" + b"9" * 5000, b"bytes " + b"9" * 5000 + b"-9/10", "bytes ٤-٩/١٠".encode(), b"bytes"])
def test_a_range_in_numbers_that_are_none_is_another_part(out, span):
    out.parent.mkdir(parents=True)
    with raw(answering(b"206 Partial Content", b"Content-Range: " + span, b"Content-Length: 4", body=b"abcd")) as url:
        out.with_name("a.tif.part").write_bytes(b"II*\0")
        out.with_name("a.tif.part.json").write_text(f'{{"url": "{url}", "total": 10, "etag": "x", "last_modified": null}}')
        with Downloader(HURRIED) as downloader, pytest.raises(GaveUpError, match="another part than the one asked for"):
            downloader.file(url, out, ANYTHING)


@pytest.mark.parametrize(
    "target",
    [
        b"http://xn--/a.tif",
        b"http://" + b"a" * 300 + b".org/a.tif",
        b"http://a..b/a.tif",
        "http://\u2488.com/a.tif".encode(),
        b"http://[::1",
        b"http://a.org:99999999/",
        b"\xff\xfe",
        b"/" + b"a" * 70000,
        b"file:///etc/passwd",
        b"//\\@:/",
        b"",
    ],
)
def test_a_redirect_to_what_is_no_url_is_an_error_that_says_so(out, target):
    assert ask(answering(b"302 Found", b"Location: " + target, b"Content-Length: 0"), out)


@pytest.mark.parametrize("etag", ["\u00e9", "a\tb", 'W/"1"', "x" * 60000], ids=["not ascii", "a tab", "weak", "long"])
def test_an_etag_that_cannot_be_sent_back_stops_no_resumption(out, etag):
    """Two tries: the second must not stumble over what the first was told."""
    script = answering(b"200 OK", b"ETag: " + etag.encode("latin-1"), b"Content-Length: 9", body=b"II*\0")
    told = ask(script, out, settings=HURRIED.model_copy(update={"attempts": 2}))
    assert "gave up after 2 tries" in told


def test_what_is_packed_several_times_is_not_unpacked(out):
    """300 bytes that would become 100 MB, and might as well become a hundred times that."""
    bomb = gzip.compress(gzip.compress(bytes(100_000_000)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    script = answering(b"200 OK", b"Content-Encoding: gzip, gzip", b"Content-Length: %d" % len(bomb), body=bomb)
    assert "encoded as gzip, gzip" in ask(script, out, page=True)
    assert "encoded as gzip, gzip" in ask(script, out)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_a_page_that_unpacks_to_too_much_is_given_up(out):
    bomb = gzip.compress(bytes(60_000_000))
    script = answering(b"200 OK", b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb), body=bomb)
    assert "a page of more than 32,000,000 bytes" in ask(script, out, page=True, settings=Download(timeout_s=20, attempts=1))


def test_a_page_packed_as_pages_are_is_read():
    body = gzip.compress(b"<a href='y'>y</a>")
    script = answering(b"200 OK", b"Content-Encoding: gzip", b"Content-Length: %d" % len(body), body=body)
    with raw(script) as url, Downloader(Download(timeout_s=20)) as downloader:
        assert downloader.page(url)[0] == "<a href='y'>y</a>"


def test_the_words_of_a_refusal_are_not_unpacked(out):
    bomb = gzip.compress(bytes(50_000_000))
    lines = (b"403 Forbidden", b"Content-Type: text/plain", b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb))
    with raw(answering(*lines, body=bomb)) as url, Downloader(HURRIED) as downloader, pytest.raises(RefusedError, match=r"^403 Forbidden$"):
        downloader.file(url, out, ANYTHING)


def test_a_page_on_disk_has_a_limit_too(tmp_path):
    with open(tmp_path / "page", "wb") as handle:
        handle.truncate(40_000_000_000)
    with Downloader(HURRIED) as downloader, pytest.raises(GaveUpError, match="a page of more than 32,000,000 bytes"):
        downloader.page(str(tmp_path / "page"))
