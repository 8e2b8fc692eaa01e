"""Fetching one interferogram: what the tests of it stand on."""

import pytest

from fringeflow.config.models import Download, Mirror
from fringeflow.licsar.fetch import fetch_interferogram
from fringeflow.transfer.download import Downloader
from tests.licsar_download import no_proxy
from tests.licsar_files import FRAME, PAIR

__all__ = ["no_proxy"]
QUICK = Download(timeout_s=10, attempts=3, backoff_s=0.001, max_redirects=3)
NAMES = [f"{PAIR}.geo.{product}.tif" for product in ("unw", "diff_pha", "cc")]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "results" / "raw" / FRAME / PAIR / "manifest.json"


def fetch(out, *mirrors, pair=PAIR, frame=FRAME):
    listed = [mirror if isinstance(mirror, Mirror) else Mirror(root=str(mirror)) for mirror in mirrors]
    return fetch_alone(frame, pair, listed, QUICK, out)


def fetch_alone(frame, pair, mirrors, settings, out):
    """Fetch one interferogram as if it were all that there is to fetch."""
    with Downloader(settings) as downloader:
        return fetch_interferogram(frame, pair, mirrors, downloader, out)


def files(out):
    return sorted(path.name for path in out.parent.iterdir() if not path.name.startswith("."))


def place(pair=PAIR, frame=FRAME):
    return f"/{int(frame[:3])}/{frame}/interferograms/{pair}"
