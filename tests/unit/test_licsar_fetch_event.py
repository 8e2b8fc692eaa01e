"""Fetching an event in one job: every interferogram is still resumed, kept and told of by itself."""

import json

import pytest

from fringeflow.config.models import Mirror
from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from fringeflow.licsar.fetch_event import fetch_event
from tests.licsar_fetching import QUICK, no_proxy, place
from tests.licsar_files import FRAME, PAIR, jasmin
from tests.servers import serve

__all__ = ["no_proxy"]
SECOND, THIRD = "20210303_20210315", "20210315_20210327"


def fetch(tmp_path, root, *pairs):
    return fetch_event(
        "quake",
        [(FRAME, pair) for pair in pairs],
        lambda frame, pair: [Mirror(root=str(root))],
        QUICK,
        tmp_path / "raw",
        tmp_path / "raw/quake.json",
    )


def manifest(tmp_path, pair):
    return tmp_path / "raw" / FRAME / pair / "manifest.json"


def test_the_list_tells_what_each_interferogram_holds_and_not_where_it_came_from(tmp_path):
    jasmin(tmp_path / "mirror")
    jasmin(tmp_path / "mirror", pair=SECOND)
    files = fetch(tmp_path, tmp_path / "mirror", SECOND, PAIR)
    listed = json.loads((tmp_path / "raw/quake.json").read_text())
    assert [(entry["frame"], entry["pair"]) for entry in listed["interferograms"]] == sorted([(FRAME, PAIR), (FRAME, SECOND)])
    for entry in listed["interferograms"]:
        assert set(entry["products"]) == {"unw", "diff_pha", "cc"}
        for name, about in entry["products"].items():
            path = manifest(tmp_path, entry["pair"]).with_name(f"{entry['pair']}.geo.{name}.tif")
            assert about == {"bytes": path.stat().st_size, "sha256": sha256_file(path)}
    assert set(files) == {path for path in (tmp_path / "raw" / FRAME).rglob("[!.]*") if path.is_file()}
    first = (tmp_path / "raw/quake.json").read_bytes()
    with serve(tmp_path / "mirror") as server:
        fetch(tmp_path, server.url, PAIR, SECOND)
    assert (tmp_path / "raw/quake.json").read_bytes() == first


def test_one_that_fails_does_not_keep_the_others_back_and_a_later_run_brings_only_what_is_missing(tmp_path):
    for pair in (PAIR, THIRD):
        jasmin(tmp_path / "mirror", pair=pair)
    with serve(tmp_path / "mirror") as server:
        with pytest.raises(DownloadError, match=f"{FRAME}/{SECOND}: "):
            fetch(tmp_path, server.url, PAIR, SECOND, THIRD)
        assert not (tmp_path / "raw/quake.json").exists()
        kept = {path: path.stat().st_mtime_ns for pair in (PAIR, THIRD) for path in manifest(tmp_path, pair).parent.glob("*.tif")}
        assert len(kept) == 6
        jasmin(tmp_path / "mirror", pair=SECOND)
        fetch(tmp_path, server.url, PAIR, SECOND, THIRD)
        assert {path: path.stat().st_mtime_ns for path in kept} == kept
        assert manifest(tmp_path, SECOND).exists()


def test_an_added_interferogram_is_had_although_the_mirror_no_longer_has_the_others(tmp_path):
    jasmin(tmp_path / "mirror")
    with serve(tmp_path / "mirror") as server:
        fetch(tmp_path, server.url, PAIR)
        for path in (tmp_path / "mirror" / place()[1:]).iterdir():
            path.unlink()
        jasmin(tmp_path / "mirror", pair=SECOND)
        fetch(tmp_path, server.url, PAIR, SECOND)
    listed = json.loads((tmp_path / "raw/quake.json").read_text())
    assert [set(entry["products"]) for entry in listed["interferograms"]] == [{"unw", "diff_pha", "cc"}] * 2
