"""How a download goes on where it stopped, and what it does with a file that is here already."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from email.utils import formatdate

import pytest

from fringeflow.files import sha256_file
from fringeflow.transfer.parts import kept_record
from fringeflow.transfer.transport import GaveUpError
from tests.licsar_download import archive, assert_whole, fetch, leftovers, no_proxy, out, server
from tests.licsar_files import phase, write_tif
from tests.servers import body, drip, page, reset, status, truncate, without

__all__ = ["archive", "no_proxy", "out", "server"]


@pytest.mark.parametrize("cut", [truncate(7000), reset(7000)])
def test_a_body_cut_off_is_resumed_where_it_stopped(server, archive, out, cut):
    server.script("/a.tif", cut)
    fetch(server, out)
    first, second = server.asked("/a.tif")
    assert "Range" not in first.headers
    assert second.headers["Range"] == "bytes=7000-"
    assert second.headers["If-Range"].startswith('"')
    assert_whole(out, archive)


def test_a_body_cut_off_again_and_again_comes_together(server, archive, out):
    server.script("/a.tif", truncate(5000), reset(3000), truncate(4000))
    fetch(server, out)
    assert [request.headers.get("Range") for request in server.asked("/a.tif")] == [None, "bytes=5000-", "bytes=8000-", "bytes=12000-"]
    assert_whole(out, archive)


def test_a_later_run_resumes_what_an_earlier_one_had_to_leave(server, archive, out):
    server.script("/a.tif", truncate(6000), status(503), status(503), status(503))
    with pytest.raises(GaveUpError, match=r"503.*\(3x\)"):
        fetch(server, out)
    assert leftovers(out) == ["a.tif.part", "a.tif.part.json"]
    fetch(server, out)
    assert server.requests[-1].headers["Range"] == "bytes=6000-"
    assert_whole(out, archive)


def test_what_was_killed_in_the_middle_is_resumed(server, archive, out):
    server.script("/a.tif", drip(9000, pause=0.05))
    program = f"""
        from pathlib import Path
        from fringeflow.config.models import Download
        from fringeflow.transfer.content import Content
        from fringeflow.transfer.download import Downloader
        with Downloader(Download(timeout_s=30)) as downloader:
            downloader.file({server.url + "/a.tif"!r}, Path({str(out)!r}), Content(print, print))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    part = out.with_name("a.tif.part")
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size >= 8192) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()
    size = part.stat().st_size
    assert size >= 8192
    fetch(server, out)
    assert server.requests[-1].headers["Range"] == f"bytes={size}-"
    assert_whole(out, archive)


def test_a_whole_part_whose_run_was_killed_before_its_check_needs_no_request(server, archive, out):
    fetch(server, out)
    record = kept_record(out)
    out.rename(out.with_name("a.tif.part"))
    note = f'{{"url": "{server.url}/a.tif", "total": {record.bytes}, "etag": "{record.etag[1:-1]}", "last_modified": null}}'
    out.with_name("a.tif.part.json").write_text(note)
    asked = len(server.requests)
    fetch(server, out)
    assert len(server.requests) == asked
    assert_whole(out, archive)


def test_a_file_that_changed_between_tries_starts_again_from_its_beginning(server, archive, out):
    new = write_tif(archive / "new.tif", phase(seed=9), compress=None).read_bytes()
    old = (archive / "a.tif").read_bytes()
    server.script("/a.tif", truncate(7000))
    server.script("/a.tif", lambda answer: (archive / "a.tif").write_bytes(new) and body(new)(answer))
    fetch(server, out)
    assert server.requests[-1].headers["Range"] == "bytes=7000-"
    assert out.read_bytes() == new != old
    assert_whole(out, archive)


def test_a_server_that_ignores_if_range_and_gives_the_rest_of_another_version_is_found_out(server, archive, out):
    other = write_tif(archive / "other.tif", phase(seed=9), compress=None).read_bytes()

    def rest_of_other(answer):
        answer.body, answer.headers["ETag"] = other[7000:], '"other"'
        return answer

    server.script("/a.tif", truncate(7000), rest_of_other)
    fetch(server, out)
    assert "Range" not in server.requests[-1].headers
    assert_whole(out, archive)


def test_without_etag_the_date_guards_a_resumption(server, archive, out):
    server.script("/a.tif", lambda answer: truncate(7000)(without("ETag")(answer)))
    fetch(server, out)
    modified = formatdate(int((archive / "a.tif").stat().st_mtime), usegmt=True)
    assert server.requests[-1].headers["If-Range"] == modified
    assert_whole(out, archive)


def test_a_part_without_etag_and_date_cannot_be_trusted(server, archive, out):
    server.script("/a.tif", lambda answer: truncate(7000)(without("ETag", "Last-Modified")(answer)))
    fetch(server, out)
    assert "Range" not in server.requests[-1].headers
    assert_whole(out, archive)


def test_a_weak_etag_is_no_guard(server, archive, out):
    def weak(answer):
        answer.headers["ETag"] = 'W/"1"'
        return truncate(7000)(without("Last-Modified")(answer))

    server.script("/a.tif", weak)
    fetch(server, out)
    assert "Range" not in server.requests[-1].headers
    assert_whole(out, archive)


def test_a_part_of_another_url_is_not_continued(server, archive, out):
    server.script("/a.tif", truncate(7000), status(403))
    with pytest.raises(GaveUpError):
        fetch(server, out)
    (archive / "b.tif").write_bytes((archive / "a.tif").read_bytes())
    fetch(server, out, path="/b.tif")
    assert "Range" not in server.requests[-1].headers
    assert_whole(out, archive)


def test_a_server_that_cannot_resume_is_asked_from_the_beginning(server, archive, out):
    server.script("/a.tif", truncate(7000), status(416))
    fetch(server, out)
    assert "Range" not in server.requests[-1].headers
    assert_whole(out, archive)


def test_a_server_without_ranges_gives_the_whole_again(server, archive, out):
    server.script("/a.tif", truncate(7000), body((archive / "a.tif").read_bytes()))
    fetch(server, out)
    assert_whole(out, archive)


def test_a_passing_error_page_does_not_cost_what_was_downloaded(server, archive, out):
    server.script("/a.tif", truncate(7000), page())
    fetch(server, out)
    assert server.requests[-1].headers["Range"] == "bytes=7000-"
    assert_whole(out, archive)


def test_a_broken_note_of_a_part_does_not_count(server, archive, out):
    out.parent.mkdir()
    out.with_name("a.tif.part").write_bytes(b"junk")
    for note in ("", "[1]", "{}", '{"url": null}'):
        out.with_name("a.tif.part.json").write_text(note)
        out.unlink(missing_ok=True)
        fetch(server, out)
        assert "Range" not in server.requests[-1].headers
        assert_whole(out, archive)


def test_an_unchanged_file_is_kept_without_a_body(server, archive, out):
    known = fetch(server, out)
    inode = out.stat().st_ino
    assert fetch(server, out, known=known) == known
    assert out.stat().st_ino == inode
    assert server.requests[-1].headers["If-None-Match"] == known.etag
    assert server.requests[-1].headers["If-Modified-Since"] == known.last_modified


def test_a_changed_file_replaces_the_kept_one(server, archive, out):
    known = fetch(server, out)
    write_tif(archive / "a.tif", phase(seed=9), compress=None)
    record = fetch(server, out, known=known)
    assert record.sha256 != known.sha256
    assert sha256_file(out) == record.sha256
    assert_whole(out, archive)


def test_a_changed_file_that_cannot_be_had_leaves_the_kept_one(server, archive, out):
    known = fetch(server, out)
    before = out.read_bytes()
    write_tif(archive / "a.tif", phase(seed=9), compress=None)
    server.always("/a.tif", truncate(100))
    with pytest.raises(GaveUpError):
        fetch(server, out, known=known)
    assert out.read_bytes() == before
    assert kept_record(out) == known


def test_a_server_that_ignores_conditions_is_recognised_by_what_it_offers(server, archive, out):
    known = fetch(server, out)
    content = (archive / "a.tif").read_bytes()
    headers = {"ETag": known.etag, "Last-Modified": known.last_modified}
    server.script("/a.tif", lambda answer: body(content, **headers)(answer))
    assert fetch(server, out, known=known) == known


def test_a_record_of_a_file_that_was_altered_here_does_not_count(server, out):
    fetch(server, out)
    content = bytearray(out.read_bytes())
    content[-1] ^= 1
    out.write_bytes(content)
    assert kept_record(out) is None


@pytest.mark.parametrize("value", ["", "[]", "{}", '{"url": 3, "bytes": 1, "sha256": "x"}', "null"])
def test_a_broken_record_does_not_count(server, out, value):
    fetch(server, out)
    out.with_name(".a.tif.json").write_text(value)
    assert kept_record(out) is None
