"""What a download does when a server misbehaves, in detail; the faults one by one are in test_faults_fetch.py."""

import hashlib
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from fringeflow.files import sha256_file
from fringeflow.licsar.products import EmptyProductError
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.parts import Record, kept_record
from fringeflow.transfer.transport import GaveUpError, MissingError, WrongContentError, _retry_after_s
from tests.licsar_download import IMPATIENT, PRODUCT, QUICK, archive, assert_whole, fetch, leftovers, no_proxy, out, server
from tests.licsar_files import phase, write_tif
from tests.servers import body, drip, length, page, redirect, reset, serve, status, truncate, without

__all__ = ["archive", "no_proxy", "out", "server"]


def test_a_file_comes_whole_with_its_record(server, archive, out):
    record = fetch(server, out)
    assert_whole(out, archive)
    content = (archive / "a.tif").read_bytes()
    assert record.bytes == len(content)
    assert record.sha256 == hashlib.sha256(content).hexdigest()
    assert record.url == f"{server.url}/a.tif"
    assert record.etag
    assert record.last_modified
    assert kept_record(out) == record
    assert server.asked("/a.tif")[0].headers["Accept-Encoding"] == "identity"


def test_passing_trouble_is_waited_out(server, archive, out):
    server.script("/a.tif", status(503), status(500), reset(0))
    fetch(server, out)
    assert len(server.requests) == 4
    assert_whole(out, archive)


def test_retry_after_may_be_a_date():
    assert 50 < _retry_after_s(formatdate(time.time() + 60, usegmt=True)) <= 60


def test_the_last_failure_lists_every_reason(server, out):
    server.script("/a.tif", status(503), status(502), status(503), status(504))
    with pytest.raises(GaveUpError, match=r"gave up after 4 tries: 503 .*\(2x\); 502 .*\(1x\); 504 .*\(1x\)"):
        fetch(server, out)
    assert not out.exists()


@pytest.mark.parametrize("code", [404, 410])
def test_absence_is_final(server, out, code):
    server.script("/a.tif", status(code))
    with pytest.raises(MissingError, match=str(code)):
        fetch(server, out)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [401, 403, 400])
def test_a_refusal_is_final_and_no_absence(server, out, code):
    server.script("/a.tif", status(code))
    with pytest.raises(GaveUpError, match=str(code)):
        fetch(server, out)
    assert len(server.requests) == 1


def test_a_silent_server_times_out(server, out):
    server.always("/a.tif", drip(5000, pause=60))
    with pytest.raises(GaveUpError, match=r"no answer for 0\.4 s"):
        fetch(server, out, IMPATIENT)


def test_a_server_that_only_drips_times_out_and_is_resumed(server, archive, out):
    server.script("/a.tif", drip(5000, pause=0.05))
    fetch(server, out, IMPATIENT)
    assert int(server.requests[-1].headers["Range"].removeprefix("bytes=").removesuffix("-")) > 5000
    assert_whole(out, archive)


def test_a_slow_file_that_keeps_coming_is_waited_for(server, archive, out):
    server.script("/a.tif", drip(4000, pause=0.2, step=2000))
    fetch(server, out, QUICK.model_copy(update={"timeout_s": 1.0}))
    assert len(server.requests) == 1
    assert_whole(out, archive)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (page(), "an HTML page"),
        (page(content_type=None), "an HTML page"),
        (page(content_type="image/tiff"), "an HTML page"),
        (page("\n  <html>", content_type="application/octet-stream"), "an HTML page"),
        (page("Internal error", content_type="text/plain"), "not a TIFF"),
        (body(b""), "0 bytes"),
        (body(b"II*\0" + bytes(5000)), "cannot be opened"),
    ],
)
def test_what_is_no_product_never_gets_its_name(server, out, wrong, told):
    server.always("/a.tif", wrong)
    with pytest.raises(WrongContentError, match=told):
        fetch(server, out)
    assert leftovers(out) == []
    assert len(server.requests) == 2


def test_a_truncated_tiff_with_a_matching_length_is_refused(server, archive, out):
    server.always("/a.tif", body((archive / "a.tif").read_bytes()[:-500]))
    with pytest.raises(WrongContentError, match=r"a\.tif: found rows .* cannot be read"):
        fetch(server, out)
    assert leftovers(out) == []


def test_a_raster_without_data_is_told_apart(server, archive, out):
    write_tif(archive / "a.tif", 0 * phase())
    with pytest.raises(EmptyProductError):
        fetch(server, out)
    assert leftovers(out) == []


def test_a_declared_length_that_is_too_long_is_not_believed(server, out):
    server.always("/a.tif", length(100))
    with pytest.raises(GaveUpError, match="gave up after 4 tries"):
        fetch(server, out)
    assert not out.exists()


def test_a_declared_length_that_is_too_short_is_not_believed(server, out):
    server.always("/a.tif", length(-100))
    with pytest.raises(GaveUpError):
        fetch(server, out)
    assert not out.exists()


def test_a_body_encoded_against_our_wish_is_refused(server, out):
    def squeezed(answer):
        answer.headers["Content-Encoding"] = "gzip"
        return answer

    server.always("/a.tif", squeezed)
    with pytest.raises(GaveUpError, match="encoded as gzip"):
        fetch(server, out)


def test_redirects_are_followed_with_the_range(server, archive, out):
    server.script("/old.tif", redirect("/moved.tif"), redirect("/moved.tif"))
    server.script("/moved.tif", redirect("a.tif", 307), redirect("a.tif", 308))
    server.script("/a.tif", truncate(7000))
    record = fetch(server, out, path="/old.tif")
    assert record.url == f"{server.url}/old.tif"
    assert server.requests[-1].headers["Range"] == "bytes=7000-"
    assert_whole(out, archive)


def test_a_circle_of_redirects_is_told(server, out):
    server.always("/a.tif", redirect("/b.tif"))
    server.always("/b.tif", redirect("/a.tif"))
    with pytest.raises(GaveUpError, match=r"in a circle: .*/a\.tif -> .*/b\.tif -> .*/a\.tif"):
        fetch(server, out)
    assert len(server.requests) == 2


def test_redirects_are_bounded(server, out):
    for number in range(10):
        server.always(f"/{number}", redirect(f"/{number + 1}"))
    with pytest.raises(GaveUpError, match="more than 3 redirects"):
        fetch(server, out, path="/0")
    assert len(server.requests) == 4


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a.tif", "file:///etc/passwd", "data:image/tiff,x"])
def test_a_redirect_to_another_scheme_is_refused(server, out, target):
    server.script("/a.tif", redirect(target))
    with pytest.raises(GaveUpError, match=r"not followed|cannot be used"):
        fetch(server, out)


def test_a_redirect_to_nowhere_is_no_crash(server, out):
    server.always("/a.tif", redirect("http://[bad/a.tif"))
    with pytest.raises(GaveUpError):
        fetch(server, out)


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_beyond_the_limit_is_refused(server, out, announced):
    if not announced:
        server.always("/a.tif", lambda answer: without("Content-Length")(truncate(30000)(answer)))
    with pytest.raises(GaveUpError, match="max_bytes"):
        fetch(server, out, QUICK.model_copy(update={"max_bytes": 5000}))
    assert not out.exists()
    assert sum((out.parent / name).stat().st_size for name in leftovers(out) if name.endswith(".part")) == 0


def test_a_server_that_is_not_there_is_tried_again(out):
    with serve(Path(".")) as gone:
        url = gone.url
    with Downloader(QUICK) as downloader, pytest.raises(GaveUpError, match=r"after 4 tries: ConnectError.*\(4x\)"):
        downloader.file(f"{url}/a.tif", out, PRODUCT)


def test_fewer_tries_can_be_asked_for(server, out):
    server.always("/a.tif", status(503))
    with pytest.raises(GaveUpError, match="after 1 try: 503"):
        fetch(server, out, attempts=1)
    assert len(server.requests) == 1


def test_a_local_file_is_copied_and_is_no_link(archive, out):
    with Downloader(QUICK) as downloader:
        record = downloader.file(str(archive / "a.tif"), out, PRODUCT)
    assert record == Record(str(archive / "a.tif"), out.stat().st_size, sha256_file(out))
    assert out.stat().st_nlink == 1
    assert not out.is_symlink()
    assert_whole(out, archive)


def test_a_local_file_is_judged_like_any_other(archive, out):
    (archive / "page.tif").write_text("<html>")
    (archive / "empty.tif").write_bytes(b"")
    with Downloader(QUICK) as downloader:
        with pytest.raises(MissingError):
            downloader.file(str(archive / "gone.tif"), out, PRODUCT)
        with pytest.raises(WrongContentError, match="HTML"):
            downloader.file(str(archive / "page.tif"), out, PRODUCT)
        with pytest.raises(WrongContentError, match="0 bytes"):
            downloader.file(str(archive / "empty.tif"), out, PRODUCT)
    assert leftovers(out) == []


def test_pages_are_read_with_the_same_patience(server):
    server.pages["/x/"] = "<a href='y'>y</a>"
    server.script("/x/", status(503), truncate(3))
    server.always("/old", redirect("/x/"))
    with Downloader(QUICK) as downloader:
        assert downloader.page(f"{server.url}/old") == ("<a href='y'>y</a>", f"{server.url}/x/")
