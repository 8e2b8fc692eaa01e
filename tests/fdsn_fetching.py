"""Fetching a request table from a data centre: what the tests of it stand on."""

import json
from pathlib import Path

import numpy as np
import obspy
import pytest

from fringeflow.config.collections import Fdsn
from fringeflow.config.models import Download
from fringeflow.seismic.fdsn import fetch_waveforms
from tests.fdsn_server import BEGIN, DataCentre, archive
from tests.licsar_download import no_proxy
from tests.servers import run

__all__ = ["no_proxy"]
QUICK = Download(timeout_s=10, attempts=3, backoff_s=0.001)
ROWS = [("EHZ", 2, 12), ("EHN", 5, 25), ("EHE", 0, 8)]
"""Channel, and begin and end of the window in seconds after the archive's first sample."""
NAMES = ["BW.RJOB..EHZ.20090824T002005_20090824T002015.mseed", "BW.RJOB..EHN.20090824T002008_20090824T002028.mseed",
         "BW.RJOB..EHE.20090824T002003_20090824T002011.mseed"]  # fmt: skip


@pytest.fixture
def server():
    with run(DataCentre()) as server:
        yield server


@pytest.fixture
def place(tmp_path):
    return tmp_path / "recordings"


def table(folder: Path, rows=ROWS) -> Path:
    lines = ["network\tstation\tlocation\tchannel\tstart\tend"]
    lines += [f"BW\tRJOB\t--\t{channel}\t{BEGIN + begin}\t{BEGIN + end}" for channel, begin, end in rows]
    path = folder / "requests.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def fetch(server, place, rows=ROWS, settings=QUICK, **options):
    asked = table(place.parent, rows)
    collection = Fdsn(kind="fdsn", url=server.url, requests=str(asked), labels="labels.tsv", classes=["a", "b"], **options)
    fetch_waveforms(collection, settings, place, place / "manifest.json")
    return json.loads((place / "manifest.json").read_text())


def visible(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if not path.name.startswith(".")) if place.is_dir() else []


def assert_true_waveforms(place: Path, names) -> None:
    """Each file holds the archive's samples of its window, neither more nor fewer, and nothing unchecked stands under a final name."""
    assert {name for name in visible(place) if name.endswith(".mseed")} == set(names)
    for name, (channel, begin, end) in zip(NAMES, ROWS, strict=True):
        if name in names:
            (trace,) = obspy.read(place / name)
            (truth,) = archive().select(channel=channel).slice(BEGIN + begin, BEGIN + end)
            assert trace.id == truth.id
            assert trace.stats.starttime == BEGIN + begin
            assert np.array_equal(trace.data, truth.data)
