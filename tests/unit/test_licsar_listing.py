from urllib.parse import quote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.config.models import Mirror
from fringeflow.errors import ConfigError
from fringeflow.licsar.listing import SAFE_NAME, listing_links, manifest_links, parse_links
from fringeflow.licsar.mirrors import (
    LAYOUTS,
    events_folder,
    frame_folder,
    metadata_location,
    origin,
    pairs_folder,
    product_location,
    trusted_origins,
)
from fringeflow.licsar.names import HEADING_DEG, check_names, heading_deg, product_file, track_number

JASMIN = Mirror(layout="jasmin", root="https://gws-access.jasmin.ac.uk/public/nceo_geohazards/LiCSAR_products/")
CEDA = Mirror(layout="ceda", root="https://dap.ceda.ac.uk/neodc/comet/data/licsar_products")
FRAME, PAIR = "006D_05509_131313", "20210218_20210303"
FOLDER = "https://a.org/products/6/F/interferograms/P/"


def test_jasmin_does_not_pad_tracks_and_keeps_pairs_in_a_folder():
    expected = f"https://gws-access.jasmin.ac.uk/public/nceo_geohazards/LiCSAR_products/6/{FRAME}/interferograms/{PAIR}/{PAIR}.geo.unw.tif"
    assert product_location(JASMIN, FRAME, PAIR, "unw") == expected


def test_ceda_pads_tracks_to_two_digits_and_keeps_pairs_under_the_frame():
    assert product_location(CEDA, FRAME, PAIR, "cc") == f"{CEDA.root}/06/{FRAME}/{PAIR}/{PAIR}.geo.cc.tif"
    assert frame_folder(CEDA, "102A_05000_131313") == f"{CEDA.root}/102/102A_05000_131313"
    assert metadata_location(CEDA, FRAME) == f"{CEDA.root}/06/{FRAME}/metadata/metadata.txt"
    assert events_folder(CEDA) is None
    assert events_folder(JASMIN) == f"{JASMIN.root}/EQ"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_every_place_a_location_below_its_root(layout):
    mirror = Mirror(layout=layout, root="somewhere/products")
    places = [frame_folder(mirror, FRAME), pairs_folder(mirror, FRAME), product_location(mirror, FRAME, PAIR, "unw")]
    for place in [*places, metadata_location(mirror, FRAME)]:
        assert place.startswith("somewhere/products/")
        assert "//" not in place
        assert FRAME in place


def test_an_unknown_layout_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match=r"unknown layout 'jasmine': did you mean 'jasmin'"):
        frame_folder(Mirror(layout="jasmine", root="x"), FRAME)


def test_names():
    assert product_file(PAIR, "diff_pha") == f"{PAIR}.geo.diff_pha.tif"
    assert track_number(FRAME) == 6
    assert heading_deg(FRAME) == HEADING_DEG["D"] == 193
    assert heading_deg("102A_05000_131313") % 360 == 347
    check_names(FRAME, PAIR)
    with pytest.raises(ConfigError) as error:
        check_names("../6D_05509_131313", "20210218-20210303")
    assert len(error.value.problems) == 2


def test_a_jasmin_listing():
    page = (
        '<html><head><title>Index of /x</title></head><table><tr><th><a href="?C=N;O=D">Name</a></th></tr>'
        '<tr><td><a href="/products/6/F/interferograms/">Parent Directory</a></td></tr>'
        f"<tr><td><a href='{PAIR}.geo.unw.tif'>{PAIR}.geo.unw.tif</a></td></tr>"
        f'<tr><td><A HREF="{PAIR}.geo.cc.tif">{PAIR}.geo&hellip;</A></td></tr></table></html>'
    )
    assert listing_links(page, FOLDER).urls == {
        f"{PAIR}.geo.unw.tif": f"{FOLDER}{PAIR}.geo.unw.tif",
        f"{PAIR}.geo.cc.tif": f"{FOLDER}{PAIR}.geo.cc.tif",
    }


def test_a_ceda_listing_links_absolutely_with_a_query_also_from_its_browsing_host():
    page = (
        '<a href="https://dap.ceda.ac.uk/p/a.tif?download=1">a.tif</a><a href="/p/b.tif?download=1">b</a>'
        '<a href="https://data.ceda.ac.uk/p/c.tif">c</a><a href="https://help.ceda.ac.uk/p/d.tif">d</a>'
    )
    links = listing_links(page, "https://dap.ceda.ac.uk/p/", trusted_origins([CEDA]))
    assert links.urls == {
        "a.tif": "https://dap.ceda.ac.uk/p/a.tif?download=1",
        "b.tif": "https://dap.ceda.ac.uk/p/b.tif?download=1",
        "c.tif": "https://data.ceda.ac.uk/p/c.tif",
    }
    assert "another host" in links.refused["d.tif"]


@pytest.mark.parametrize(
    "href",
    [
        "../Q/a.tif",
        "../../../../../../etc/a.tif",
        "/a.tif",
        "/products/6/F/interferograms/P/sub/a.tif",
        "/products/6/F/interferograms/Px/a.tif",
        "%2e%2e/a.tif",
        "%2E%2E%2Fa.tif",
        "..%2fa.tif",
        "x/..%2f..%2fa.tif",
        "..\\a.tif",
        "..%5ca.tif",
        "http://a.org/products/6/F/interferograms/P/a.tif",
        "https://a.org:8443/products/6/F/interferograms/P/a.tif",
        "https://evil.org/products/6/F/interferograms/P/a.tif",
        "https://a.org@evil.org/products/6/F/interferograms/P/a.tif",
        "https://user:pw@a.org/products/6/F/interferograms/P/a.tif",
        "//evil.org/products/6/F/interferograms/P/a.tif",
        "ftp://a.org/products/6/F/interferograms/P/a.tif",
        "file:///products/6/F/interferograms/P/a.tif",
        "javascript:a.tif",
        "data:image/tiff,a.tif",
        "https://a.org\\@evil.org/a.tif",
        "https://a.org:99999999/a.tif",
        "https://[a.org/a.tif",
    ],
)
def test_a_listing_cannot_send_us_out_of_its_folder(href):
    links = listing_links(f'<a href="{href}">a.tif</a>', FOLDER)
    assert links.urls == {}


def test_a_refused_link_says_why():
    links = listing_links("<a href='https://evil.org/a.tif'>a</a><a href='../b.tif'>b</a><a href='ftp://a.org/c.tif'>c</a>", FOLDER)
    assert "another host" in links.refused["a.tif"]
    assert "out of the listed folder" in links.refused["b.tif"]
    assert "scheme ftp" in links.refused["c.tif"]


def test_a_manifest_page_links_elsewhere_but_only_to_configured_hosts():
    page = (
        f"<a href='https://data.ceda.ac.uk/neodc/x/{PAIR}.geo.unw.tif'>{PAIR}.geo.unw.tif</a><br />\n"
        f"<a href='https://gws-access.jasmin.ac.uk/public/y/{PAIR}.geo.cc.tif'>{PAIR}.geo.cc.tif</a><br />\n"
        f"https://dap.ceda.ac.uk/neodc/x/{PAIR}.geo.diff_pha.tif\n"
        "<a href='https://evil.org/x/other.tif'>other.tif</a><br />\n"
    )
    links = manifest_links(page, f"{JASMIN.root}/6/{FRAME}/interferograms/{PAIR}", trusted_origins([JASMIN, CEDA]))
    assert links.urls == {
        f"{PAIR}.geo.unw.tif": f"https://data.ceda.ac.uk/neodc/x/{PAIR}.geo.unw.tif",
        f"{PAIR}.geo.cc.tif": f"https://gws-access.jasmin.ac.uk/public/y/{PAIR}.geo.cc.tif",
        f"{PAIR}.geo.diff_pha.tif": f"https://dap.ceda.ac.uk/neodc/x/{PAIR}.geo.diff_pha.tif",
    }
    assert "evil.org" in links.refused["other.tif"]
    assert "no configured mirror" in links.refused["other.tif"]
    assert "dap.ceda.ac.uk" in links.refused["other.tif"]


def test_only_jasmin_configured_does_not_trust_ceda():
    page = "<a href='https://dap.ceda.ac.uk/x/a.tif'>a.tif</a>"
    assert manifest_links(page, "https://gws-access.jasmin.ac.uk/p", trusted_origins([JASMIN])).urls == {}


def test_folders_on_disk_are_no_hosts():
    assert trusted_origins([Mirror(root="data/products")]) == frozenset()


def test_malformed_markup_does_not_stop_the_parser():
    page = "<![if IE]><a href='a.tif'>a<a href=b.tif>b</a><![endif]><!x[><a href=\"c.tif\"><"
    assert {"a.tif", "b.tif", "c.tif"} <= set(listing_links(page, FOLDER).urls)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_text_at_all_can_be_parsed(text):
    parse_links(text)
    listing_links(text, FOLDER)
    manifest_links(text, FOLDER, trusted_origins([JASMIN]))


MARKUP = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "<a ",
                "href=",
                '"',
                "'",
                ">",
                "</a>",
                "<",
                "&",
                "&#x2e;",
                "%2e",
                "..",
                "/",
                "//",
                ":",
                "@",
                "?",
                "#",
                "\\",
                "\n",
                "<!--",
                "<![",
                "]]>",
            ]
        ),
        st.sampled_from(["a.tif", "http", "https", "https://a.org/products/6/F/interferograms/P/", "evil.org", "javascript"]),
        st.text(max_size=3),
    ),
    max_size=40,
).map("".join)


@settings(max_examples=500, deadline=None)
@given(MARKUP)
def test_whatever_a_listing_says_each_link_taken_is_a_safe_child_of_its_folder(text):
    for name, url in listing_links(text, FOLDER).urls.items():
        parts = urlsplit(url)
        assert SAFE_NAME.fullmatch(name)
        assert (parts.scheme, parts.netloc) in {("https", "a.org"), ("https", "a.org:443"), ("https", "A.org")}
        assert parts.path.startswith("/products/6/F/interferograms/P/")
        assert ".." not in parts.path.split("/")
        assert parts.path.removeprefix("/products/6/F/interferograms/P/").rstrip("/").count("/") == 0


@settings(max_examples=300, deadline=None)
@given(MARKUP)
def test_whatever_a_manifest_says_each_link_taken_lies_on_a_trusted_host(text):
    trusted = trusted_origins([Mirror(root="https://a.org/products")])
    for name, url in manifest_links(text, FOLDER.rstrip("/"), trusted).urls.items():
        assert SAFE_NAME.fullmatch(name)
        assert origin(url) == ("a.org", 443)
        assert url.startswith("https:")


@given(st.lists(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,20}", fullmatch=True), unique=True, max_size=20), st.booleans())
def test_every_name_in_a_well_formed_listing_is_found(names, quoted):
    page = "".join(f'<li><a href="{quote(name) if quoted else name}">{name}</a></li>' for name in names)
    assert set(listing_links(page, FOLDER).urls) == set(names)
