"""Fetching whole interferograms from several mirrors: which of them is asked, and whose links are followed."""

import pytest

from fringeflow.config.models import Mirror
from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from tests.licsar_fetching import NAMES, fetch, no_proxy, out, place
from tests.licsar_files import FRAME, PAIR, ceda, jasmin, write_pair
from tests.servers import page, redirect, serve, status

__all__ = ["no_proxy", "out"]


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


def test_a_listing_that_is_redirected_to_a_stranger_is_not_believed(tmp_path, out):
    """The links of the page it led to counted as the mirror's own."""
    jasmin(tmp_path / "strange")
    with serve(tmp_path / "mirror") as server, serve(tmp_path / "strange") as stranger:
        for page in (place(), f"{place()}/"):
            server.always(page, redirect(f"{stranger.url}{place()}/"))
        with pytest.raises(DownloadError, match=rf"its listing is redirected to {stranger.url[7:]}, which is no configured mirror"):
            fetch(out, server.url)
        assert not any(request.path.endswith(".tif") for request in stranger.requests)


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


def test_a_mirror_folder_that_is_not_there_is_told(tmp_path, out):
    with pytest.raises(DownloadError, match=r"no/where: no such folder; correct `mirrors`"):
        fetch(out, "no/where")
