"""The request table of a data centre: what a row asks for, and what is wrong with one that asks for nothing sensible."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from fringeflow.errors import ConfigError
from fringeflow.seismic.requests import read_requests

HEAD = "network\tstation\tlocation\tchannel\tstart\tend"
GOOD = "IU\tANMO\t00\tBHZ\t2010-02-27T06:34:00\t2010-02-27T06:44:00"


def read(tmp_path, *rows, head=HEAD):
    path = tmp_path / "requests.tsv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return read_requests(path)


def test_times_are_utc_whatever_their_offset(tmp_path):
    (request,) = read(tmp_path, "IU\tANMO\t00\tBHZ\t2010-02-27T03:34:00.25-03:00\t2010-02-27T06:44Z")
    assert request.start == datetime(2010, 2, 27, 6, 34, 0, 250000, UTC)
    assert request.end == datetime(2010, 2, 27, 6, 44, tzinfo=UTC)
    assert request.name == "IU.ANMO.00.BHZ.20100227T063400.25_20100227T064400.mseed"
    asked = parse_qs(urlsplit(request.url("https://a.org/", "dataselect")).query)
    assert (asked["starttime"], asked["endtime"]) == (["2010-02-27T06:34:00.250000"], ["2010-02-27T06:44:00"])


@pytest.mark.parametrize("blank", ["", "--"])
def test_a_blank_location_is_asked_for_as_two_dashes(tmp_path, blank):
    (request,) = read(tmp_path, GOOD.replace("\t00\t", f"\t{blank}\t"))
    assert request.name.startswith("IU.ANMO..BHZ.")
    assert "location=--&" in request.url("https://a.org", "dataselect")
    assert request.matches("IU.ANMO..BHZ")
    assert not request.matches("IU.ANMO.00.BHZ")


def test_wildcards_and_lists_mean_what_they_mean_to_fdsn(tmp_path):
    (request,) = read(tmp_path, "IU\tA*\t--,1?\tBH?,LHZ\t2010-02-27\t2010-02-28")
    assert "channel=BH%3F,LHZ" in request.url("https://a.org", "dataselect")
    assert not set(request.name) & set("*?[]/{}")
    wanted = {"IU.ANMO..BHZ", "IU.A.10.BHN", "IU.ADK.10.LHZ"}
    assert {
        name for name in [*wanted, "IU.BNMO..BHZ", "IU.ANMO.00.BHZ", "IU.ADK.10.LHN", "XX.ADK.10.LHZ"] if request.matches(name)
    } == wanted


def test_a_virtual_network_brings_stations_of_others(tmp_path):
    (request,) = read(tmp_path, GOOD.replace("IU", "_GSN"))
    assert request.matches("II.ANMO.00.BHZ")
    assert not request.matches("II.ADK.00.BHZ")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (GOOD.replace("BHZ", ""), "line 3: channel: found ''; expected letters and digits"),
        (GOOD.replace("ANMO", "../x"), r"line 3: station: found '\.\./x'"),
        (GOOD.replace("ANMO", "AN MO"), "line 3: station: found 'AN MO'"),
        (GOOD.replace("IU", "--"), "line 3: network: found '--'"),
        (GOOD.replace("\t00\t", "\t0/0\t"), "line 3: location: found '0/0'.*or nothing for a blank one"),
        (GOOD.replace("2010-02-27T06:34:00", "27.2.2010"), "line 3: start: found '27.2.2010'; expected an ISO 8601 time"),
        (GOOD.replace("06:44", "06:34"), r"line 3: end \(2010-02-27T06:34:00\) is not after start"),
        (GOOD.rsplit("\t", 1)[0], "line 3: end: found ''"),
        ("IU\tANMO\t00\tBHZ\t2010-02-27T06:34:00Z\t2010-02-27T07:44:00+01:00", "line 3: asks for the same as line 2"),
        (GOOD.replace("ANMO", ",".join(["ANMO"] * 40)), "line 3: its codes are too long for a file's name"),
    ],
)
def test_a_row_that_asks_for_nothing_sensible_is_told_with_its_line(tmp_path, row, told):
    with pytest.raises(ConfigError, match=told):
        read(tmp_path, GOOD, row)


def test_all_problems_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError) as error:
        read(tmp_path, GOOD.replace("IU", "?!"), GOOD.replace("BHZ", "").replace("2010", "year"))
    assert len(error.value.problems) == 4


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (HEAD.replace("location\t", ""), "no column 'location'"),
        (HEAD.replace("channel", "chanel"), "unknown column 'chanel': did you mean 'channel'"),
        (HEAD.replace("\t", ","), "not separated by tabs"),
    ],
)
def test_a_wrong_header_is_told(tmp_path, head, told):
    with pytest.raises(ConfigError, match=told):
        read(tmp_path, GOOD, head=head)


def test_a_table_that_is_empty_or_not_there_is_told(tmp_path):
    with pytest.raises(ConfigError, match="it has no row"):
        read(tmp_path)
    with pytest.raises(ConfigError, match=r"gone\.tsv: cannot be read"):
        read_requests(tmp_path / "gone.tsv")
