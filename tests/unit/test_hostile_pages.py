"""What mirrors and portals write, and what lies beside downloads: any text at all is read or passed over, soon, and leads nowhere else."""

import json
import math
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fringeflow.config.models import Download, Mirror
from fringeflow.config.strict import in_utc
from fringeflow.errors import ConfigError, DatasetError, DownloadError
from fringeflow.files import sha256_file
from fringeflow.insar.labels import read_outlines
from fringeflow.licsar.listing import parse_links
from fringeflow.licsar.portal import parse_event_frames, parse_event_page, parse_events, parse_metadata
from fringeflow.licsar.table import read_rows
from fringeflow.seismic.labels import read_labels
from fringeflow.seismic.requests import read_requests
from fringeflow.transfer.parts import Part, Record, kept_record, read_record, record_path
from fringeflow.transfer.transport import _retry_after_s
from tests.licsar_fetching import NAMES, fetch_alone, no_proxy, out
from tests.licsar_files import FRAME, PAIR, jasmin, write_tif
from tests.licsar_files import phase as some_phase
from tests.servers import serve

__all__ = ["no_proxy", "out"]
QUICK = Download(timeout_s=10, attempts=2, backoff_s=0.001)
IN_FOLDER = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


# --- Pages


@pytest.mark.parametrize(
    "unit", ["<a ", "<a href='x", "<!--", "<a a=", '<a "', "</a", "<a href=x>", "<table><a href=x>", "&#", "<![", "<?", "<"]
)
def test_the_time_to_read_a_page_grows_with_its_length_only(unit):
    """`html.parser` takes a minute for 16,000 of some of these, and a quarter of an hour for 64,000."""
    begin = time.monotonic()
    parse_links(unit * 64_000)
    assert time.monotonic() - begin < 60


def test_a_url_in_a_long_text_is_not_torn():
    text = "\n".join(f"https://a.org/{number:06d}/{'x' * 90}.tif?a=1&amp;b={number}" for number in range(5000))
    links = parse_links(f"<pre>{text}</pre>")
    assert [link.href for link in links] == text.replace("&amp;", "&").split("\n")


@settings(max_examples=100, deadline=None)
@given(
    TEXT
    | st.lists(st.sampled_from(["USGS_ID;magnitude;depth;time;lat;lon;link;location", "\n", ";", "us1", "6.3", "nan", "1e999"])).map(
        "".join
    )
)
@example("USGS_ID;magnitude;depth;time;lat;lon\nus1;6.3;8;0001-01-01T00:00:00+14:00;39;22\n")
@example("center_time=23:59:60\nheading=1e999\n")
@example("center_time=١٢:٠٠:٠٠\n")
def test_whatever_a_portal_says_it_is_read_or_passed_over(text):
    events, problems = parse_events(text)
    assert all(event.event and (event.magnitude is None or math.isfinite(event.magnitude)) for event in events)
    assert all(isinstance(problem, str) for problem in problems)
    parse_event_page(text)
    parse_event_frames(text, "us1")
    found = parse_metadata(text)
    assert found.heading_deg is None or -360 <= found.heading_deg <= 360


@given(
    TEXT | st.from_regex(r"[A-Za-z]{3}, [0-9]{1,3} [A-Za-z]{3} [0-9]{1,6} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-]?[A-Z0-9]{0,5}", fullmatch=True)
)
@example("9" * 5000)
@example("nan")
@example("inf")
@example(format_datetime(datetime.max.replace(tzinfo=UTC)))
@example("Mon, 01 Jan 0001 00:00:00 -0000")
@example("Mon, 01 Jan 0001 00:00:00 +9999")
def test_whatever_a_server_asks_to_wait_is_a_time(value):
    assert _retry_after_s(value) >= 0


@given(st.datetimes(timezones=st.none() | st.timezones()))
def test_a_time_is_brought_to_utc_or_refused(moment):
    try:
        assert in_utc(moment).utcoffset().total_seconds() == 0
    except ValueError:
        assert moment.year in (1, 9999)


# --- What lies beside downloads


@IN_FOLDER
@given(JSON | st.dictionaries(st.sampled_from(["url", "bytes", "sha256", "etag", "last_modified", "total"]), JSON))
def test_whatever_a_record_or_a_note_holds_it_is_read_or_passed_over(tmp_path, value):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    for other in (record_path(path), tmp_path / "a.tif.part.json"):
        other.write_text(json.dumps(value))
    (tmp_path / "a.tif.part").write_bytes(b"II")
    record = read_record(value)
    assert record is None or (isinstance(record.url, str) and all(isinstance(header, str) for header in record.conditions.values()))
    assert kept_record(path, value) is None
    part = Part(path)
    assert part.total is None or type(part.total) is int
    assert part.validator is None or part.validator.isascii()
    part.resumable("https://a.org/a.tif")


@pytest.mark.parametrize("content", ["[" * 100_000, "{" * 100_000, '{"a":' * 100_000, "\x00", "9" * 10_000, "nul"])
def test_a_note_that_is_no_json_is_passed_over(tmp_path, content):
    path = tmp_path / "a.tif"
    path.write_bytes(b"II*\0")
    for other in (record_path(path), tmp_path / "a.tif.part.json"):
        other.write_text(content)
    assert kept_record(path) is None
    assert Part(path).state == {}


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "null", "[]", '{"products": 5}', '{"products": [1]}', '{"products": {"unw": {"url": 5}}}', '{"products": null}'],
)
def test_a_manifest_that_is_none_costs_a_fetch_and_no_more(tmp_path, out, content):
    jasmin(tmp_path / "mirror")
    out.parent.mkdir(parents=True)
    out.write_text(content)
    manifest = fetch_alone(FRAME, PAIR, [Mirror(root=str(tmp_path / "mirror"))], QUICK, out)
    assert set(manifest["products"]) == {"unw", "diff_pha", "cc"}


def test_a_record_that_climbs_out_of_a_mirror_is_not_followed(tmp_path, out):
    """Only records that fit the file beside them count; this one does, and says that the file came from somewhere else."""
    source = jasmin(tmp_path / "mirror") / NAMES[0]
    secret = write_tif(tmp_path / "secret.tif", some_phase(seed=7))
    out.parent.mkdir(parents=True)
    here = out.with_name(NAMES[0])
    here.write_bytes(secret.read_bytes())
    record = Record(f"{tmp_path}/mirror/../secret.tif", here.stat().st_size, sha256_file(here))
    record_path(here).write_text(json.dumps(record.as_dict()))
    manifest = fetch_alone(FRAME, PAIR, [Mirror(root=str(tmp_path / "mirror"))], QUICK, out)
    assert manifest["products"]["unw"]["url"] == str(source)
    assert sha256_file(here) == sha256_file(source)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "href", ["../../../../../secret/{}", "/secret/{}", "file:///secret/{}", "https://evil.example/{}", "//evil.example/{}"]
)
def test_nothing_is_taken_from_where_a_listing_has_no_business(tmp_path, out, href, name):
    """Whatever a listing says: requests stay in the interferogram's folder, and files in that of the results."""
    mirror = tmp_path / "mirror"
    source = jasmin(mirror)
    (mirror / "secret").mkdir()
    (source / name).rename(mirror / "secret" / name)
    place = f"/{source.relative_to(mirror)}"
    with serve(mirror) as server:
        server.pages[f"{place}/"] = f"<a href='{href.format(name)}'>{name}</a>"
        with pytest.raises(DownloadError, match=f"{name}: 404|its link"):
            fetch_alone(FRAME, PAIR, [Mirror(root=server.url)], QUICK, out)
        assert all(request.path.startswith(place) for request in server.requests)
    written = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert written == {"mirror", "results"}


# --- Tables and outlines


TABLES = {
    "requests": (read_requests, "network\tstation\tlocation\tchannel\tstart\tend", ConfigError),
    "labels": (
        lambda path: read_labels(path, ["a", "b"]),
        "recording\tclass\tstart\tend\tfirst_trace\tlast_trace\tgroup\tsplit",
        DatasetError,
    ),
    "interferograms": (read_rows, "event\tframe\tpair", ConfigError),
}
CELL = TEXT | st.sampled_from(
    ["a", "IU", "2010-01-01", "0001-01-01T00:00:00+14:00", "-1", "1e999", "nan", "../x", "1" * 400, "x" * 200_000]
)


@pytest.mark.parametrize("kind", TABLES)
@IN_FOLDER
@given(cells=st.lists(st.lists(CELL, min_size=1, max_size=8).map("\t".join), max_size=3), raw=st.none() | st.binary(max_size=50))
def test_whatever_a_table_holds_it_is_read_or_told(tmp_path, kind, cells, raw):
    read, header, refusal = TABLES[kind]
    path = tmp_path / "table.tsv"
    path.write_bytes("\n".join([header, *cells]).encode() if raw is None else raw)
    try:
        rows = read(path)
    except refusal as error:
        assert str(path) in str(error)
        return
    names = [request.name for request in rows] if kind == "requests" else []
    assert all(Path(name).name == name and "\0" not in name for name in names)


@IN_FOLDER
@given(
    JSON
    | st.fixed_dictionaries(
        {
            "type": st.sampled_from(["FeatureCollection", "Feature", "Polygon", "MultiPolygon", "Point"]),
            "coordinates": JSON,
            "features": JSON,
            "geometry": JSON,
            "crs": JSON,
        }
    )
)
def test_whatever_outlines_are_they_are_read_or_told(tmp_path, value):
    path = tmp_path / "a.geojson"
    path.write_text(json.dumps(value))
    try:
        outlines = read_outlines(path)
    except DatasetError as error:
        assert str(path) in str(error)
        return
    assert all(outline.geometry.is_valid for outline in outlines)
