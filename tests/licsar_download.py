"""A server with one product, and a download from it: what the tests of downloading stand on."""

import pytest

from fringeflow.config.models import Download
from fringeflow.licsar.download import product_content
from fringeflow.transfer.download import Downloader
from tests.licsar_files import phase, write_tif
from tests.servers import serve

QUICK = Download(timeout_s=10, attempts=4, backoff_s=0.001, max_redirects=3)
IMPATIENT = QUICK.model_copy(update={"timeout_s": 0.4, "attempts": 2})
PRODUCT = product_content("unw")


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def archive(tmp_path):
    """A folder with one sound product of about 20 kB."""
    write_tif(tmp_path / "archive" / "a.tif", phase(), compress=None)
    return tmp_path / "archive"


@pytest.fixture
def server(archive):
    with serve(archive) as server:
        yield server


@pytest.fixture
def out(tmp_path):
    return tmp_path / "raw" / "a.tif"


def fetch(server, out, settings=QUICK, known=None, path="/a.tif", **options):
    with Downloader(settings) as downloader:
        return downloader.file(server.url + path, out, PRODUCT, known=known, **options)


def leftovers(out):
    return sorted(path.name for path in out.parent.iterdir()) if out.parent.is_dir() else []


def assert_whole(out, archive):
    assert out.read_bytes() == (archive / "a.tif").read_bytes()
    assert leftovers(out) == [".a.tif.json", "a.tif"]
