"""Fetching whole interferograms: what is kept, what is fetched again, and what is refused."""

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

from fringeflow.errors import ConfigError, DownloadError
from fringeflow.files import sha256_file
from tests.licsar_fetching import NAMES, fetch, files, no_proxy, out, place
from tests.licsar_files import FRAME, PAIR, jasmin, phase, write_pair, write_tif
from tests.servers import drip, serve, status, truncate

__all__ = ["no_proxy", "out"]


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


def test_names_that_are_none_are_refused_before_anything_is_asked(tmp_path, out):
    with serve(tmp_path) as server:
        with pytest.raises(ConfigError, match=r"frame: found '\.\./x'"):
            fetch(out, server.url, frame="../x")
        assert server.requests == []


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
            from tests.licsar_fetching import fetch_alone
            fetch_alone({FRAME!r}, {PAIR!r}, [Mirror(root={server.url!r})], Download(), Path({str(out)!r}))
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
