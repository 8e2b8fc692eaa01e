"""Fetching an event in one job: every interferogram is still resumed, kept and told of by itself."""

import json
import socket

import pytest

from fringeflow.config.models import Mirror
from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from fringeflow.licsar.fetch_event import fetch_event
from tests.licsar_fetching import QUICK, no_proxy, place
from tests.licsar_files import FRAME, PAIR, coherence, jasmin, write_tif
from tests.servers import serve, status, without

__all__ = ["no_proxy"]
SECOND, THIRD = "20210303_20210315", "20210315_20210327"


def fetch(tmp_path, roots, *pairs):
    mirrors = [Mirror(root=str(root)) for root in (roots if isinstance(roots, tuple) else (roots,))]
    return fetch_event(
        "quake",
        [(FRAME, pair) for pair in pairs],
        lambda frame, pair: mirrors,
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
        assert (entry["rows"], entry["columns"]) == (60, 80)
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


def test_a_mirror_that_is_down_is_waited_for_once_and_not_for_every_interferogram(tmp_path):
    """With Retry-After it may ask for minutes each time: an event of many pairs outlived its job, though the second mirror has them all."""
    pairs = (PAIR, SECOND, THIRD)
    for pair in pairs:
        jasmin(tmp_path / "good", pair=pair)
    with serve(tmp_path / "good") as ill, serve(tmp_path / "good") as well:
        for pair in pairs:
            for product in ("unw", "diff_pha", "cc"):
                ill.always(f"{place(pair)}/{pair}.geo.{product}.tif", status(503))
        fetch(tmp_path, (ill.url, well.url), *pairs)
        asked = [request.path for request in ill.requests]
    assert len(asked) == QUICK.attempts - 1 + 3 * len(pairs)


def test_a_mirror_that_has_come_back_is_asked_patiently_again(tmp_path):
    for pair in (PAIR, SECOND):
        jasmin(tmp_path / "good", pair=pair)
    names = {pair: [f"{place(pair)}/{pair}.geo.{product}.tif" for product in ("unw", "diff_pha", "cc")] for pair in (PAIR, SECOND)}
    with serve(tmp_path / "good") as first, serve(tmp_path / "good") as second:
        first.script(names[PAIR][0], *[status(503)] * QUICK.attempts)
        first.script(names[SECOND][1], *[status(503)] * (QUICK.attempts - 1))
        fetch(tmp_path, (first.url, second.url), PAIR, SECOND)
        assert [request.path for request in second.requests] == [names[PAIR][0]]


def test_a_mirror_out_of_reach_is_asked_once_an_interferogram(tmp_path, monkeypatch):
    pairs = (PAIR, SECOND, THIRD)
    for pair in pairs:
        jasmin(tmp_path / "good", pair=pair)
    with serve(tmp_path / "good") as gone:
        url = gone.url
    tried, connect = [], socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda address, *rest, **more: tried.append(address) or connect(address, *rest, **more)
    )
    fetch(tmp_path, (url, tmp_path / "good"), *pairs)
    assert len(tried) == QUICK.attempts + len(pairs) - 1


def test_a_changed_file_of_the_same_length_is_had_again_from_a_server_that_names_no_versions(tmp_path):
    """An uncompressed raster keeps its length whatever it holds."""
    folder = jasmin(tmp_path / "mirror")
    name = f"{PAIR}.geo.cc.tif"
    with serve(tmp_path / "mirror") as server:
        server.always(f"{place()}/{name}", without("ETag", "Last-Modified"))
        fetch(tmp_path, server.url, PAIR)
        before = (folder / name).read_bytes()
        write_tif(folder / name, coherence(seed=5))
        assert (folder / name).stat().st_size == len(before) and (folder / name).read_bytes() != before
        fetch(tmp_path, server.url, PAIR)
    assert manifest(tmp_path, PAIR).with_name(name).read_bytes() == (folder / name).read_bytes()
