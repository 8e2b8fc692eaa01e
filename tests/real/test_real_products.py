"""Real LiCSAR products, read in place from the mirror that `real_archive` finds."""

import numpy as np
import pytest

from fringeflow.config.models import Catalogue, Download, Mirror
from fringeflow.files import sha256_file
from fringeflow.licsar.catalogue import resolve
from fringeflow.licsar.names import PRODUCTS
from fringeflow.licsar.portal import parse_events
from fringeflow.licsar.products import check_product, read_product
from tests.licsar_fetching import fetch_alone
from tests.servers import serve, truncate

THESSALY = "102A_05000_131313", "20210218_20210303"
GALAPAGOS = "106A_09048_000909", "20240106_20240118"


def products(archive, frame, pair):
    """Return the paths of an interferogram's products by their names."""
    folder = archive / str(int(frame[:3])) / frame / "interferograms" / pair
    paths = {product: folder / f"{pair}.geo.{product}.tif" for product in PRODUCTS}
    return {product: path for product, path in paths.items() if path.is_file()}


def test_every_real_product_is_usable(real_archive):
    paths = sorted(real_archive.glob("*/*/interferograms/*/*.tif"))
    assert paths
    for path in paths:
        product = path.name.split(".")[2]
        info = check_product(path, product)
        assert 0.3 < info.valid_fraction <= 1
        array = read_product(path, product)
        assert array.shape == (info.rows, info.columns)
        assert (np.diff(array.y) < 0).all()
        assert array.rio.crs.to_epsg() == 4326
        assert array.rio.resolution() == pytest.approx((0.001, -0.001), rel=1e-3)


def test_thessaly_unwrapped_and_wrapped_phase_have_the_same_sign(real_archive):
    paths = products(real_archive, *THESSALY)
    unwrapped = read_product(paths["unw"], "unw").values
    wrapped = read_product(paths["diff_pha"], "diff_pha").values
    assert np.nanmax(np.abs(wrapped)) <= np.pi + 1e-5
    both = np.isfinite(unwrapped) & np.isfinite(wrapped)
    # They differ by less than a fringe of slow change, so the phase of their difference hardly turns.
    assert abs(np.exp(1j * (unwrapped - wrapped))[both].mean()) > 0.6
    assert abs(np.exp(1j * (unwrapped + wrapped))[both].mean()) < 0.3


def test_galapagos_sea_is_no_data_in_phase_and_incoherent(real_archive):
    paths = products(real_archive, *GALAPAGOS)
    phase = read_product(paths["diff_pha"], "diff_pha").values
    coherence = read_product(paths["cc"], "cc").values
    sea = np.isnan(phase)
    assert 0.4 < sea.mean() < 0.5
    assert coherence.max() <= 1
    assert np.median(coherence[~sea]) > 3 * np.median(coherence[sea])


@pytest.mark.parametrize("remote", [False, True])
def test_real_interferograms_are_fetched_from_a_folder_and_over_http(real_archive, tmp_path, monkeypatch, remote):
    monkeypatch.delenv("http_proxy", raising=False)
    with serve(real_archive) as server:
        mirror = Mirror(root=server.url if remote else str(real_archive))
        for (frame, pair), expected in ((THESSALY, {"unw", "diff_pha"}), (GALAPAGOS, {"diff_pha", "cc"})):
            server.script(f"/{int(frame[:3])}/{frame}/interferograms/{pair}/{pair}.geo.diff_pha.tif", truncate(100_000))
            out = tmp_path / frame / pair / "manifest.json"
            manifest = fetch_alone(frame, pair, [mirror], Download(backoff_s=0.001), out)
            assert set(manifest["products"]) == expected
            for product, path in products(real_archive, frame, pair).items():
                assert manifest["products"][product]["sha256"] == sha256_file(path) == sha256_file(out.with_name(path.name))
        resumed = [request for request in server.requests if "Range" in request.headers]
        assert [request.headers["Range"] for request in resumed] == ["bytes=100000-"] * 2 * remote


def test_the_thessaly_earthquake_is_looked_up_in_the_portals_files(real_archive):
    mirror = Mirror(root=str(real_archive))
    events, problems = parse_events((real_archive / "EQ/eqs.csv").read_text())
    assert problems == []
    assert [event.event for event in events] == ["us7000df40"]
    # Its second acquisition falls on its day; an ascending pass over Greece is at about 16:30 UTC, six hours later.
    result = resolve(events, [mirror], Download(), Catalogue())
    assert result.rows == []
    assert "acquisition_utc would decide for 102A_05000_131313/20210218_20210303" in result.unresolved[0]
