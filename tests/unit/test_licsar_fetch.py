"""Fetching whole interferograms from mirrors that work, that fail, and that disagree."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from fringeflow.config.models import Download, Mirror
from fringeflow.errors import ConfigError, DownloadError
from fringeflow.files import sha256_file
from fringeflow.licsar.fetch import fetch_interferogram
from tests.licsar_files import FRAME, PAIR, ceda, jasmin, phase, write_pair, write_tif
from tests.servers import drip, page, redirect, serve, status, truncate

QUICK = Download(timeout_s=10, attempts=3, backoff_s=0.001, max_redirects=3)
NAMES = [f"{PAIR}.geo.{product}.tif" for product in ("unw", "diff_pha", "cc")]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results" / "raw" / FRAME / PAIR / "manifest.json"


def fetch(out, *mirrors, pair=PAIR, frame=FRAME):
    listed = [mirror if isinstance(mirror, Mirror) else Mirror(root=str(mirror)) for mirror in mirrors]
    return fetch_interferogram(frame, pair, listed, QUICK, out)


def files(out):
    return sorted(path.name for path in out.parent.iterdir() if not path.name.startswith("."))


def place(pair=PAIR, frame=FRAME):
    return f"/{int(frame[:3])}/{frame}/interferograms/{pair}"


def test_a_local_mirror_gives_its_products_and_the_manifest_lists_them(tmp_path, out):
    source = jasmin(tmp_path / "mirror")
    manifest = fetch(out, tmp_path / "mirror")
    assert json.loads(out.read_text()) == manifest
    assert files(out) == sorted([*NAMES, "manifest.json"])
    assert (manifest["frame"], manifest["pair"], set(manifest["products"])) == (FRAME, PAIR, {"unw", "diff_pha", "cc"})
    for product, record in manifest["products"].items():
        name = f"{PAIR}.geo.{product}.tif"
        assert record["url"] == str(source / name)
        assert record["sha256"] == sha256_file(out.with_name(name)) == sha256_file(source / name)
        assert record["bytes"] == (source / name).stat().st_size


def test_a_relative_mirror_stays_relative_in_the_manifest(tmp_path, out, monkeypatch):
    jasmin(tmp_path / "mirror")
    monkeypatch.chdir(tmp_path)
    for root in ("mirror", "./mirror", f"../{tmp_path.name}/mirror"):
        manifest = fetch(out, root)
        assert manifest["products"]["unw"]["url"] == f"{root}{place()}/{NAMES[0]}"


@pytest.mark.parametrize("products", [("unw",), ("diff_pha",), ("unw", "cc"), ("diff_pha", "cc"), ("unw", "diff_pha")])
def test_products_that_a_mirror_does_not_have_are_absent(tmp_path, out, products):
    jasmin(tmp_path / "mirror", products=products)
    with serve(tmp_path / "mirror") as server:
        manifest = fetch(out, server.url)
    assert set(manifest["products"]) == set(products)


def test_a_second_run_downloads_nothing_and_gives_the_same(tmp_path, out):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        first = fetch(out, server.url)
        before = {name: out.with_name(name).stat().st_mtime_ns for name in NAMES}
        asked = len(server.requests)
        out.unlink()  # as Snakemake does with a declared output
        assert fetch(out, server.url) == first
        assert all("If-None-Match" in request.headers for request in server.requests[asked:])
    assert {name: out.with_name(name).stat().st_mtime_ns for name in NAMES} == before


def test_a_run_without_a_network_keeps_what_was_fetched_and_is_right(tmp_path, out, caplog):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        first = fetch(out, server.url)
    out.unlink()
    assert fetch(out, server.url) == first
    assert "kept as it was fetched before" in caplog.text


def test_a_vanished_pair_keeps_what_was_fetched(tmp_path, out, caplog):
    source = jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        first = fetch(out, server.url)
        shutil.rmtree(source)
        assert fetch(out, server.url) == first
    assert "kept as it was fetched before" in caplog.text


def test_a_file_damaged_here_is_fetched_again(tmp_path, out):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        first = fetch(out, server.url)
        out.with_name(NAMES[0]).write_bytes(b"II*\0 rubbish")
        assert fetch(out, server.url) == first
    assert sha256_file(out.with_name(NAMES[0])) == first["products"]["unw"]["sha256"]


def test_files_from_a_mirror_that_is_no_longer_configured_are_not_reused(tmp_path, out):
    jasmin(tmp_path / "one")
    write_pair(jasmin(tmp_path / "two"), rows=30)
    fetch(out, tmp_path / "one")
    manifest = fetch(out, tmp_path / "two")
    assert manifest["products"]["unw"]["url"].startswith(str(tmp_path / "two"))
    assert manifest["products"]["unw"]["sha256"] == sha256_file(out.with_name(NAMES[0]))


def test_a_local_mirror_that_changed_is_copied_again_and_what_it_dropped_is_gone(tmp_path, out):
    source = jasmin(tmp_path / "mirror")
    fetch(out, tmp_path / "mirror")
    write_tif(source / NAMES[0], phase(seed=5))
    (source / NAMES[2]).unlink()
    manifest = fetch(out, tmp_path / "mirror")
    assert set(manifest["products"]) == {"unw", "diff_pha"}
    assert manifest["products"]["unw"]["sha256"] == sha256_file(source / NAMES[0])


def test_a_local_mirror_that_is_not_mounted_keeps_what_was_copied(tmp_path, out):
    jasmin(tmp_path / "mirror")
    first = fetch(out, tmp_path / "mirror")
    (tmp_path / "mirror").rename(tmp_path / "away")
    assert fetch(out, tmp_path / "mirror") == first


def test_the_next_mirror_takes_over_where_one_has_no_such_file(tmp_path, out):
    jasmin(tmp_path / "one", products=("diff_pha",))
    ceda(tmp_path / "two")
    with serve(tmp_path / "one") as one, serve(tmp_path / "two", style="ceda") as two:
        manifest = fetch(out, one.url, Mirror(layout="ceda", root=two.url))
        came_from = {product: record["url"] for product, record in manifest["products"].items()}
        assert came_from["diff_pha"].startswith(one.url)
        assert came_from["unw"] == f"{two.url}/102/{FRAME}/{PAIR}/{NAMES[0]}"
        assert came_from["cc"].startswith(two.url)


def test_the_next_mirror_takes_over_where_one_is_down_and_it_is_asked_patiently_only_once(tmp_path, out):
    jasmin(tmp_path / "two")
    with serve(tmp_path) as one, serve(tmp_path / "two") as two:
        one.always("/*", status(503))
        manifest = fetch(out, one.url, two.url)
        assert all(record["url"].startswith(two.url) for record in manifest["products"].values())
        assert [len(one.asked(f"{place()}/{name}")) for name in NAMES] == [3, 1, 1]


def test_the_next_mirror_takes_over_from_one_that_gives_pages_for_files(tmp_path, out):
    jasmin(tmp_path / "two")
    with serve(tmp_path) as one, serve(tmp_path / "two") as two:
        one.always("/*", page())
        manifest = fetch(out, one.url, two.url)
        assert all(record["url"].startswith(two.url) for record in manifest["products"].values())


def test_a_failure_is_no_absence(tmp_path, out):
    jasmin(tmp_path / "mirror", products=("unw",))
    with serve(tmp_path) as down, serve(tmp_path / "mirror") as server:
        down.always("/*", status(503))
        with pytest.raises(DownloadError) as error:
            fetch(out, down.url, server.url)
    told = str(error.value)
    assert "could not get diff_pha, cc" in told
    assert f"{down.url}{place()}/{NAMES[2]}: gave up after 1 try: 503" in told
    assert f"{server.url}{place()}/{NAMES[2]}: 404" in told
    assert not out.exists()


def test_after_a_failure_the_next_run_resumes_and_does_not_repeat(tmp_path, out):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        bad = f"{place()}/{NAMES[1]}"
        server.script(bad, truncate(4000), status(503), status(503))
        with pytest.raises(DownloadError, match=r"could not get diff_pha\n"):
            fetch(out, server.url)
        assert not out.exists()
        assert sorted(files(out)) == sorted([NAMES[0], NAMES[2], f"{NAMES[1]}.part", f"{NAMES[1]}.part.json"])
        asked = len(server.requests)
        fetch(out, server.url)
        again = {request.path: request.headers for request in server.requests[asked:]}
        assert again[bad]["Range"] == "bytes=4000-"
        assert "If-None-Match" in again[f"{place()}/{NAMES[0]}"]
    assert files(out) == sorted([*NAMES, "manifest.json"])


def test_links_with_a_query_are_used_where_plain_urls_give_pages(tmp_path, out):
    ceda(tmp_path / "mirror")
    with serve(tmp_path / "mirror", style="ceda") as server:
        folder = f"/102/{FRAME}/{PAIR}"
        for name in NAMES:
            server.script(f"{folder}/{name}", page(), page())
        manifest = fetch(out, Mirror(layout="ceda", root=server.url))
        assert manifest["products"]["unw"]["url"] == f"{server.url}{folder}/{NAMES[0]}?download=1"
        assert server.asked(f"{folder}/{NAMES[0]}")[-1].query == "download=1"
        assert len(server.asked(f"{folder}/")) == 1


def test_a_manifest_page_leads_to_files_on_another_mirror(tmp_path, out):
    write_pair(tmp_path / "two" / "neodc" / PAIR)
    with serve(tmp_path) as one, serve(tmp_path / "two") as two:
        links = "\n".join(f"<a href='{two.url}/neodc/{PAIR}/{name}'>{name}</a><br />" for name in NAMES[:2])
        one.pages[place()] = links
        one.pages[f"{place()}/"] = ""
        one.always(f"{place()}/", status(404))
        manifest = fetch(out, one.url, Mirror(layout="ceda", root=f"{two.url}/neodc/products"))
        assert {record["url"] for record in manifest["products"].values()} == {f"{two.url}/neodc/{PAIR}/{name}" for name in NAMES[:2]}
        assert len(one.asked(place())) == 1


def test_a_manifest_page_of_lines_works_too_also_on_disk(tmp_path, out):
    write_pair(tmp_path / "two" / PAIR)
    with serve(tmp_path / "two") as two:
        path = tmp_path / "one" / place().lstrip("/")
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(f"{two.url}/{PAIR}/{name}" for name in NAMES))
        manifest = fetch(out, tmp_path / "one", Mirror(root=f"{two.url}/elsewhere"))
        assert set(manifest["products"]) == {"unw", "diff_pha", "cc"}


def test_a_manifest_page_cannot_send_us_to_a_stranger(tmp_path, out):
    write_pair(tmp_path / "two" / PAIR)
    with serve(tmp_path) as one, serve(tmp_path / "two") as stranger:
        one.pages[place()] = "\n".join(f"<a href='{stranger.url}/{PAIR}/{name}'>{name}</a>" for name in NAMES)
        with pytest.raises(DownloadError, match=r"no configured mirror.*add it to `mirrors` if you trust it"):
            fetch(out, one.url)
        assert stranger.requests == []


def test_a_listing_whose_links_climb_out_is_not_followed(tmp_path, out):
    write_pair(tmp_path / "mirror" / "secret")
    with serve(tmp_path / "mirror") as server:
        server.pages[f"{place()}/"] = "".join(f"<a href='../../../../secret/{name}'>{name}</a>" for name in NAMES)
        with pytest.raises(DownloadError, match=r"\.\./secret/.* leads out of the listed folder"):
            fetch(out, server.url)
        assert not any(request.path.startswith("/secret") for request in server.requests)


def test_a_moved_pair_is_followed(tmp_path, out):
    source = jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        for name in NAMES:
            server.always(f"/old{place()}/{name}", redirect(f"{place()}/{name}", 301))
        manifest = fetch(out, f"{server.url}/old")
    assert manifest["products"]["cc"]["sha256"] == sha256_file(source / NAMES[2])


def test_a_circle_of_redirects_is_told_with_the_url(tmp_path, out):
    with serve(tmp_path) as server:
        server.always("/*", lambda answer: redirect("/again")(answer))
        with pytest.raises(DownloadError, match=rf"unw: {server.url}{place()}/{NAMES[0]}: redirects in a circle"):
            fetch(out, server.url)


def test_a_product_without_data_is_left_out_with_a_warning(tmp_path, out, caplog):
    source = jasmin(tmp_path / "mirror")
    write_tif(source / NAMES[0], np.zeros((20, 30), np.float32))
    manifest = fetch(out, tmp_path / "mirror")
    assert set(manifest["products"]) == {"diff_pha", "cc"}
    assert "not one of its pixels holds data" in caplog.text
    assert NAMES[0] not in files(out)


def test_an_interferogram_without_any_data_is_refused(tmp_path, out):
    source = jasmin(tmp_path / "mirror", products=("unw", "cc"))
    write_tif(source / NAMES[0], np.zeros((20, 30), np.float32))
    with pytest.raises(DownloadError) as error:
        fetch(out, tmp_path / "mirror")
    assert "no mirror has a phase" in str(error.value)
    assert f"{source / NAMES[0]}: not one of its pixels holds data" in str(error.value)
    assert not out.exists()


def test_a_corrupt_product_is_named_with_its_fault(tmp_path, out):
    source = jasmin(tmp_path / "mirror")
    path = source / NAMES[1]
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(DownloadError, match=rf"diff_pha: {path}: {NAMES[1]}: found rows .* cannot be read"):
        fetch(out, tmp_path / "mirror")
    assert files(out) == sorted([NAMES[0], NAMES[2]])


def test_a_wrong_pair_is_told_with_the_nearest(tmp_path, out):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server, pytest.raises(DownloadError) as error:
        fetch(out, server.url, pair="20210218_20210304")
    assert f"no mirror has a phase, unw or diff_pha\n  unw: {server.url}" in str(error.value)
    assert f"check the pair: the mirrors list 1 of {FRAME}, and the nearest pairs are {PAIR}" in str(error.value)


def test_a_wrong_frame_is_told(tmp_path, out):
    jasmin(tmp_path / "mirror")
    with pytest.raises(DownloadError, match="check the frame: no mirror lists an interferogram of 103A_05000_131313"):
        fetch(out, tmp_path / "mirror", frame="103A_05000_131313")


def test_names_that_are_none_are_refused_before_anything_is_asked(tmp_path, out):
    with serve(tmp_path) as server:
        with pytest.raises(ConfigError, match=r"frame: found '\.\./x'"):
            fetch(out, server.url, frame="../x")
        assert server.requests == []


def test_a_mirror_folder_that_is_not_there_is_told(tmp_path, out):
    with pytest.raises(DownloadError, match=r"no/where: no such folder; correct `mirrors`"):
        fetch(out, "no/where")


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    jasmin(tmp_path / "mirror")
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match="a local file cannot be read or written"):
        fetch(tmp_path / "file" / "manifest.json", tmp_path / "mirror")


def test_a_killed_fetch_run_again_gives_the_same_as_an_undisturbed_one(tmp_path, out):
    jasmin(tmp_path / "mirror", rows=100)
    with serve(tmp_path / "mirror") as server:
        slow = f"{place()}/{NAMES[1]}"
        server.script(slow, drip(9000, pause=0.05))
        program = f"""
            from pathlib import Path
            from fringeflow.config.models import Download, Mirror
            from fringeflow.licsar.fetch import fetch_interferogram
            fetch_interferogram({FRAME!r}, {PAIR!r}, [Mirror(root={server.url!r})], Download(), Path({str(out)!r}))
        """
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], env=environment)
        part = out.with_name(f"{NAMES[1]}.part")
        deadline = time.monotonic() + 60
        while not (part.is_file() and part.stat().st_size >= 8192) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not out.exists()
        assert not out.with_name(NAMES[1]).exists()
        size = part.stat().st_size
        resumed = fetch(out, server.url)
        assert server.asked(slow)[-1].headers["Range"] == f"bytes={size}-"
        undisturbed = fetch(tmp_path / "other" / "manifest.json", server.url)
    assert resumed == undisturbed
    assert files(out) == sorted([*NAMES, "manifest.json"])
