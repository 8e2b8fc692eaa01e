"""A folder in LiCSAR layout is scanned as it is: what it holds is found, and what it lacks is not asked for elsewhere."""

import pytest

from fringeflow.config.load import parse_config
from fringeflow.config.tables import Event, Interferogram, Tables
from fringeflow.errors import ConfigError
from fringeflow.licsar.folder import find_interferograms, mirrors_for, with_folder

FRAME, OTHER = "102A_05000_131313", "106A_09048_000909"
PAIR = "20210218_20210303"


@pytest.fixture
def folder(tmp_path):
    for frame, pair in ((FRAME, PAIR), (OTHER, "20240106_20240118"), (OTHER, "not_a_pair"), ("notaframe", PAIR)):
        (tmp_path / frame[:3] / frame / "interferograms" / pair).mkdir(parents=True)
    return tmp_path


def test_only_interferograms_are_found(folder):
    assert find_interferograms(folder) == [(FRAME, PAIR), (OTHER, "20240106_20240118")]


def test_those_of_an_event_stay_its_own_and_the_others_become_areas(folder):
    known = Tables({"quake": Event(event="quake")}, {"quake": [Interferogram(event="quake", frame=FRAME, pair=PAIR)]})
    tables = with_folder(known, folder)
    assert [row.key for row in tables.interferograms["quake"]] == [f"{FRAME}/{PAIR}"]
    assert [row.key for row in tables.interferograms[OTHER]] == [f"{OTHER}/20240106_20240118"]
    assert not tables.events[OTHER].is_earthquake and set(tables.events) == {"quake", OTHER}


def test_what_the_folder_lacks_is_asked_of_no_portal(folder):
    config, _ = parse_config({"detect": {"folder": str(folder)}})
    assert [mirror.root for mirror in mirrors_for(config, "portal", FRAME, PAIR)] == [str(folder)]
    assert mirrors_for(config, "portal", FRAME, "20200101_20200113") == config.mirrors
    assert mirrors_for(config, "simulated", FRAME, PAIR) == config.mirrors_of("simulated")


def test_a_folder_that_is_none_or_empty_is_told(tmp_path):
    with pytest.raises(ConfigError, match="is not a folder"):
        find_interferograms(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="no interferogram"):
        find_interferograms(tmp_path)
