"""From events to rows of interferograms.tsv, as the portal's files and the mirrors' listings tell."""

from datetime import UTC, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fringeflow.config.models import Catalogue, Download, Mirror
from fringeflow.config.tables import Event, Interferogram, read_tables
from fringeflow.errors import ConfigError
from fringeflow.licsar.catalogue import resolve, write_catalogue
from fringeflow.licsar.pairs import choose_pairs
from fringeflow.licsar.portal import FrameMetadata, parse_event_frames, parse_event_page, parse_events, parse_metadata
from fringeflow.licsar.table import merge_rows
from tests.servers import serve, status

QUICK = Download(timeout_s=10, attempts=2, backoff_s=0.001)
FRAME, OTHER = "102A_05000_131313", "080D_05000_131313"
THESSALY = Event(
    event="us7000df40", time=datetime(2021, 3, 3, 10, 16, 8), latitude=39.755, longitude=22.176, depth_km=8, magnitude=6.3, place="Greece"
)
EQS = (
    "USGS_ID;magnitude;depth;time;lat;lon;link;location\n"
    "us7000df40;6.3;8.0;2021-03-03T10:16:08;39.755;22.176;us7000df40.html;Thessaly, Greece\n"
    "us6000d3zh;6.4;10;2020-12-29 11:19:54.500;45.42;16.26;<a href='https://x/us6000d3zh.html' target='_blank'>Link</a>;\"4 km; Croatia\"\n"
    "us70006vll;6.4;20;2019-11-26 02:54:12;41.51;19.53;Link\n"
    "broken;x;8.0;2021-03-03;39;22;a;b\n"
    "\n"
)
PAGE = (
    "<a href='https://earthquake.usgs.gov/x'>USGS info on us7000df40</a> <br /> \n"
    f"<a href='../102/{FRAME}/interferograms/20210218_20210303/x.kmz'>{FRAME}: 20210218_20210303.kmz</a> <br /> \n"
    f"<a href='https://gws-access.jasmin.ac.uk/x/102/{FRAME}/metadata'>{FRAME} metadata</a> <br /> \n"
    f"<a href='x'>{FRAME}:  20210218_20210303</a> <br /> \n"
    f"<a href='x'>{FRAME}: 20210225_20210309</a> <br /> \n"
)
METADATA = "master=20190504\ncenter_time=16:31:22.123456\nheading=-13.775063\navg_incidence_angle=39.1918\nazimuth_resolution=14.0\n"
PAIRS = [
    "20201120_20210331",
    "20210113_20210125",
    "20210119_20210131",
    "20210125_20210206",
    "20210206_20210218",
    "20210212_20210224",
    "20210218_20210303",
    "20210224_20210308",
    "20210303_20210315",
    "20210308_20210320",
    "20210320_20210401",
]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def mirror(tmp_path):
    """A mirror with one frame of many pairs, metadata, and the portal's files."""
    root = tmp_path / "mirror"
    frame = root / "102" / FRAME
    for pair in PAIRS:
        (frame / "interferograms" / pair).mkdir(parents=True)
    (frame / "interferograms" / "network.png").write_bytes(b"")
    (frame / "metadata").mkdir()
    (frame / "metadata" / "metadata.txt").write_text(METADATA)
    (root / "EQ").mkdir()
    (root / "EQ" / "eqs.csv").write_text(EQS)
    (root / "EQ" / "us7000df40.html").write_text(PAGE)
    return root


def row(pair, acquisition=None, frame=FRAME):
    return Interferogram(event="us7000df40", frame=frame, pair=pair, acquisition_utc=acquisition)


def test_the_list_of_earthquakes():
    events, problems = parse_events(EQS)
    assert [event.event for event in events] == ["us7000df40", "us6000d3zh", "us70006vll"]
    assert events[0] == THESSALY.model_copy(update={"place": "Thessaly, Greece"})
    assert events[1].time == datetime(2020, 12, 29, 11, 19, 54, 500_000, UTC)
    assert events[1].place == "4 km; Croatia"
    assert events[2].place == ""
    assert len(problems) == 1
    assert "eqs.csv line 5" in problems[0]


@pytest.mark.parametrize("text", ["", "id,mag\n1,2\n", "<html>"])
def test_what_is_no_list_of_earthquakes_is_told(text):
    events, problems = parse_events(text)
    assert events == []
    assert "eqs.csv" in problems[0]


def test_frames_of_an_event_whatever_the_columns():
    old = f"0103000000AB;{FRAME};us7000df40;<a href='x'>Link</a>;2021-03-09 04:31:00;2021-03-09\n"
    new = f'0103000000CD;"{OTHER}";us7000df40;<a>;Greece;;\n0103;{FRAME};us0000;;\nus7000df40;no frame;\n'
    assert parse_event_frames(old + new, "us7000df40") == [OTHER, FRAME]
    assert parse_event_frames(old + new, "us7000") == []


def test_the_page_of_an_event():
    assert parse_event_page(PAGE) == [(FRAME, "20210218_20210303"), (FRAME, "20210225_20210309")]


def test_metadata_of_a_frame():
    assert parse_metadata(METADATA) == FrameMetadata(time(16, 31, 22), -13.775063, 39.1918)
    assert parse_metadata("center_time=4:31:22\r\nheading=\r\navg_incidence_angle=nan\r\n") == FrameMetadata(time(4, 31, 22))
    assert parse_metadata("center_time=1 day, 0:00:12.5\n") == FrameMetadata(time(0, 0, 12))
    assert parse_metadata("center_time=99:00:00\nheading=1e9\n<html>") == FrameMetadata()


def test_the_shortest_coseismic_pair_comes_first_and_quiet_pairs_are_near_and_do_not_overlap():
    rows = [row(pair, time(16, 31)) for pair in PAIRS]
    choice = Catalogue(coseismic_pairs=2, quiet_before=2, quiet_after=1, max_span_days=30)
    chosen = [one.pair for one in choose_pairs(THESSALY, rows, set(PAIRS), choice)]
    coseismic = ["20210218_20210303", "20210224_20210308"]
    assert chosen == sorted([*coseismic, "20210212_20210224", "20210125_20210206", "20210303_20210315"])


def test_where_the_quiet_pairs_all_overlap_they_are_taken_nevertheless():
    pairs = ["20210201_20210213", "20210202_20210214", "20210203_20210215"]
    chosen = choose_pairs(THESSALY, [row(pair) for pair in pairs], set(pairs), Catalogue(quiet_before=2))
    assert [one.pair for one in chosen] == pairs[1:]


def test_a_pair_that_begins_or_ends_on_the_day_is_neither_without_a_time_of_day():
    pairs = ["20210218_20210303", "20210303_20210315"]
    assert choose_pairs(THESSALY, [row(pair) for pair in pairs], set(pairs), Catalogue()) == []


@pytest.mark.parametrize(("hour", "first_is", "second_is"), [(4, "before", "coseismic"), (16, "coseismic", "after")])
def test_the_time_of_day_decides_on_the_day_itself(hour, first_is, second_is):
    rows = [row(pair, time(hour, 31)) for pair in ("20210218_20210303", "20210303_20210315")]
    kinds = [
        "coseismic" if one.is_coseismic(THESSALY) else "quiet" for one in choose_pairs(THESSALY, rows, {r.pair for r in rows}, Catalogue())
    ]
    assert kinds == ["coseismic" if kind == "coseismic" else "quiet" for kind in (first_is, second_is)]


DATES = st.dates(datetime(2020, 6, 1).date(), datetime(2021, 12, 31).date())


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(DATES, DATES).filter(lambda dates: dates[0] < dates[1]), max_size=25),
    st.integers(1, 4),
    st.integers(0, 5),
    st.integers(0, 5),
    st.one_of(st.none(), st.times()),
)
def test_a_quiet_pair_never_spans_the_earthquake_and_no_limit_is_exceeded(dates, coseismic, before, after, clock):
    rows = [row(f"{first:%Y%m%d}_{second:%Y%m%d}", clock) for first, second in dates]
    choice = Catalogue(coseismic_pairs=coseismic, quiet_before=before, quiet_after=after, max_span_days=40)
    chosen = choose_pairs(THESSALY, rows, {one.pair for one in rows}, choice)
    spanning = [one for one in chosen if one.is_coseismic(THESSALY)]
    quiet = [one for one in chosen if one not in spanning]
    day = THESSALY.time.date()
    assert len(spanning) == min(coseismic, len({one.pair for one in rows if one.is_coseismic(THESSALY)}))
    assert all(one.dates[1] <= day or one.dates[0] >= day for one in quiet)
    assert sum(one.dates[1] <= day for one in quiet) <= before
    assert sum(one.dates[0] >= day for one in quiet) <= after
    assert all((one.dates[1] - one.dates[0]).days <= 40 for one in quiet)
    assert len({one.pair for one in chosen}) == len(chosen)


@pytest.mark.parametrize("remote", [False, True])
def test_an_event_becomes_rows_of_the_table(mirror, tmp_path, remote):
    out = tmp_path / "config" / "interferograms.tsv"
    with serve(mirror) as server:
        root = server.url if remote else str(mirror)
        assert write_catalogue([THESSALY], [Mirror(root=root)], QUICK, out, Catalogue(quiet_before=1, quiet_after=1)) == []
    lines = out.read_text().splitlines()
    assert lines[0].split("\t") == ["event", "frame", "pair", "acquisition_utc", "heading_deg", "incidence_deg"]
    assert lines[1].split("\t") == ["us7000df40", FRAME, "20210212_20210224", "16:31:22", "-13.775063", "39.1918"]
    assert [line.split("\t")[2] for line in lines[2:]] == ["20210218_20210303", "20210224_20210308", "20210303_20210315"]


def test_what_is_written_can_be_read_as_tables(mirror, tmp_path):
    out = tmp_path / "interferograms.tsv"
    write_catalogue([THESSALY], [Mirror(root=str(mirror))], QUICK, out)
    events = tmp_path / "events.tsv"
    cells = ["us7000df40", "portal", "2021-03-03T10:16:08", "39.755", "22.176", "8", "6.3"]
    events.write_text("event\tsource\ttime\tlatitude\tlongitude\tdepth_km\tmagnitude\n" + "\t".join(cells) + "\n")
    tables, problems = read_tables([str(events)], [str(out)])
    assert problems == []
    assert tables.gaps == []


def test_a_pair_that_only_the_page_names_is_taken_where_no_mirror_can_list(mirror, tmp_path):
    with serve(mirror) as server:
        server.always("/102/*", status(503))
        result = resolve([THESSALY], [Mirror(root=server.url)], QUICK)
    # Without metadata nobody knows on which side of the earthquake the pair that ends on its day lies.
    assert [one.pair for one in result.rows] == ["20210225_20210309"]
    assert len(result.unresolved) == 1
    assert f"frame {FRAME}: {server.url} cannot be asked for its pairs" in result.unresolved[0]


def test_frames_come_from_the_csv_too_and_pairs_from_every_mirror(mirror, tmp_path):
    (mirror / "EQ" / "eqframes.csv").write_text(f"01;{OTHER};us7000df40;x;;\n")
    for pair in ("20210220_20210310", "20210201_20210213"):
        (tmp_path / "ceda" / "80" / OTHER / pair).mkdir(parents=True)
    with serve(tmp_path / "ceda", style="ceda") as server:
        result = resolve([THESSALY], [Mirror(root=str(mirror)), Mirror(layout="ceda", root=server.url)], QUICK)
    assert {one.pair for one in result.rows if one.frame == OTHER} == {"20210220_20210310", "20210201_20210213"}
    assert {one.frame for one in result.rows} == {FRAME, OTHER}
    assert result.unresolved == []


def test_frames_that_the_table_knows_are_looked_up(mirror, tmp_path):
    (mirror / "EQ" / "us7000df40.html").unlink()
    out = tmp_path / "interferograms.tsv"
    out.write_text(f"event\tframe\tpair\nus7000df40\t{FRAME}\t20201120_20210331\n")
    assert write_catalogue([THESSALY], [Mirror(root=str(mirror))], QUICK, out) == []
    assert "20210218_20210303" in out.read_text()
    assert "20201120_20210331" in out.read_text()


def test_what_cannot_be_resolved_is_told_in_words_and_the_others_go_on(mirror, tmp_path, caplog):
    typo = THESSALY.model_copy(update={"event": "us7000df4O"})
    late = THESSALY.model_copy(update={"event": "late", "time": datetime(2023, 1, 1, tzinfo=UTC)})
    quiet = Event(event="galapagos")
    (mirror / "EQ" / "late.html").write_text(f"<a href='x'>{FRAME}: 20210218_20210303</a>")
    out = tmp_path / "interferograms.tsv"
    told = write_catalogue([typo, late, quiet, THESSALY], [Mirror(root=str(mirror))], QUICK, out)
    assert len(told) == 3
    assert "event 'us7000df4O': no frame is known for it" in told[0]
    assert "did you mean 'us7000df40'?" in told[0]
    assert f"event 'late' (2023-01-01 00:00): no coseismic pair in {FRAME}" in told[1]
    assert "event 'galapagos' is no earthquake" in told[2]
    assert "us7000df40" in out.read_text()
    assert all(problem in caplog.text for problem in told)


def test_a_day_that_the_time_of_day_would_decide_is_told(mirror):
    (mirror / "102" / FRAME / "metadata" / "metadata.txt").unlink()
    for pair in PAIRS:
        if pair not in ("20210218_20210303", "20210303_20210315"):
            (mirror / "102" / FRAME / "interferograms" / pair).rmdir()
    (mirror / "EQ" / "us7000df40.html").write_text(f"<a href='x'>{FRAME}: 20210218_20210303</a>")
    result = resolve([THESSALY], [Mirror(root=str(mirror))], QUICK)
    assert result.rows == []
    assert f"acquisition_utc would decide for {FRAME}/20210218_20210303, {FRAME}/20210303_20210315" in result.unresolved[0]


def test_a_mirror_that_is_down_is_told_for_each_event(tmp_path):
    with serve(tmp_path) as server:
        server.always("/*", status(503))
        result = resolve([THESSALY], [Mirror(root=server.url)], QUICK)
    assert result.rows == []
    assert "gave up after 2 tries: 503" in result.unresolved[0]


def test_an_unknown_layout_stops_at_once(tmp_path):
    with pytest.raises(ConfigError, match="unknown layout 'nasa'"):
        resolve([THESSALY], [Mirror(layout="nasa", root=str(tmp_path))], QUICK)


def test_pages_are_asked_for_once(mirror):
    again = THESSALY.model_copy(update={"event": "again"})
    with serve(mirror) as server:
        resolve([THESSALY, again], [Mirror(root=server.url)], QUICK)
        assert len(server.asked("/EQ/eqframes.csv")) == 1


def test_merging_keeps_every_row_and_cell_and_fills_empty_ones(tmp_path):
    out = tmp_path / "interferograms.tsv"
    out.write_text(
        "pair\tframe\tevent\tacquisition_utc\n"
        f"20210218_20210303\t{FRAME}\tus7000df40\t\n"
        f"20190101_20190113\t{FRAME}\tother\t04:00\n"
        "not a pair\tnot a frame\tkept\t\n"
    )
    assert merge_rows(out, [row("20210218_20210303", time(16, 31, 22)), row("20210206_20210218")]) == 1
    rows = [line.split("\t") for line in out.read_text().splitlines()[1:]]
    assert [cells[:4] for cells in rows] == [
        ["kept", "not a frame", "not a pair", ""],
        ["other", FRAME, "20190101_20190113", "04:00"],
        ["us7000df40", FRAME, "20210206_20210218", ""],
        ["us7000df40", FRAME, "20210218_20210303", "16:31:22"],
    ]


def test_merging_again_does_not_touch_the_file(tmp_path):
    out = tmp_path / "interferograms.tsv"
    merge_rows(out, [row("20210218_20210303")])
    before = out.stat().st_mtime_ns, out.stat().st_ino
    assert merge_rows(out, [row("20210218_20210303")]) == 0
    assert (out.stat().st_mtime_ns, out.stat().st_ino) == before


@pytest.mark.parametrize("text", ["event,frame,pair\n", "event\tframe\tpairs\n", ""])
def test_a_file_that_is_no_table_is_left_alone(tmp_path, text):
    out = tmp_path / "interferograms.tsv"
    out.write_text(text)
    with pytest.raises(ConfigError, match=str(out)):
        merge_rows(out, [row("20210218_20210303")])
    assert out.read_text() == text
