"""The faults of servers, one by one: each ends in the right files or in a clear error, within a bounded time.

Every fault is met three times: once and then no more, for ever, and for ever on the first of two mirrors.
"""

import socket
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import pytest

from fringeflow.config.models import Download, Mirror
from fringeflow.errors import DownloadError
from fringeflow.files import sha256_file
from fringeflow.licsar.fetch import fetch_interferogram
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.transport import GaveUpError
from tests.licsar_fetching import NAMES, fetch_alone, files, no_proxy, out, place
from tests.licsar_files import FRAME, PAIR, jasmin, phase, write_tif
from tests.servers import Misbehaviour, Server, body, drip, length, page, redirect, reset, serve, status, truncate

__all__ = ["no_proxy", "out"]
SETTINGS = Download(timeout_s=2, attempts=3, backoff_s=0.001, max_redirects=3)
BOUND_S = 60
"""Of three tries that each wait for the time-out, on a machine with much else to do."""
UNW = f"{place()}/{NAMES[0]}"


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the first product, and what is said of it if it never ends."""

    step: Misbehaviour
    told: str


FAULTS = {
    "reset in the middle": Fault(reset(4000), r"ReadError|bytes came of"),
    "503": Fault(status(503), r"503 Service Unavailable"),
    "429 with Retry-After": Fault(status(429, {"Retry-After": "1"}), r"429 Too Many Requests"),
    "slow trickle": Fault(drip(1000, pause=0.05), r"fewer than 1024 bytes a second"),
    "Content-Length too long": Fault(length(100), r"RemoteProtocolError"),
    "Content-Length too short": Fault(length(-100), r"RemoteProtocolError|bytes came of|cannot be read"),
    "body cut off": Fault(truncate(4000), r"RemoteProtocolError|bytes came of"),
    "body cut off with a matching length": Fault(lambda answer: body(answer.body[:-500])(answer), r"rows .* that cannot be read"),
    "a page for a TIFF": Fault(page(), r"an HTML page came instead of a file"),
    "redirects in a circle": Fault(redirect(UNW), r"redirects in a circle"),
}
LASTING = {"redirects in a circle"}
"""Faults that no other try is made for: what a server says so clearly it means."""


@pytest.fixture(autouse=True)
def bounded():
    begin = time.monotonic()
    yield
    assert time.monotonic() - begin < BOUND_S


@pytest.fixture
def source(tmp_path):
    return jasmin(tmp_path / "mirror")


def fetch(out, *roots):
    return fetch_alone(FRAME, PAIR, [Mirror(root=root) for root in roots], SETTINGS, out)


def assert_right(manifest, out, source, names=NAMES):
    assert files(out) == sorted([*names, "manifest.json"])
    for record in manifest["products"].values():
        name = record["url"].rpartition("/")[2]
        assert record["sha256"] == sha256_file(out.with_name(name)) == sha256_file(source / name)


def assert_nothing_half(out):
    """Nothing stands under a product's name that is not whole; parts are named as such."""
    assert not out.exists()
    assert not out.with_name(NAMES[0]).exists()


@pytest.mark.parametrize("name", sorted(set(FAULTS) - LASTING))
def test_a_fault_that_passes_ends_in_the_right_files(tmp_path, source, out, name):
    with serve(tmp_path / "mirror") as server:
        server.script(UNW, FAULTS[name].step)
        assert_right(fetch(out, server.url), out, source)


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_that_stays_ends_in_a_clear_error(tmp_path, source, out, name):
    with serve(tmp_path / "mirror") as server:
        server.always(UNW, FAULTS[name].step)
        with pytest.raises(DownloadError, match=FAULTS[name].told) as error:
            fetch(out, server.url)
        assert f"could not get unw\n  unw: {server.url}{UNW}: " in str(error.value)
        assert "To do: run again" in str(error.value)
    assert_nothing_half(out)
    assert out.with_name(NAMES[1]).is_file()  # a fault of one product costs no other


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_a_fault_of_one_mirror_is_made_up_for_by_the_next(tmp_path, source, out, name):
    with serve(tmp_path / "mirror") as bad, serve(tmp_path / "mirror") as good:
        bad.always(UNW, FAULTS[name].step)
        manifest = fetch(out, bad.url, good.url)
        assert_right(manifest, out, source)
        assert manifest["products"]["unw"]["url"].startswith(good.url)
        assert manifest["products"]["cc"]["url"].startswith(bad.url)


def test_retry_after_is_heeded(tmp_path, source, out):
    with serve(tmp_path / "mirror") as server:
        server.script(UNW, status(429, {"Retry-After": "1"}))
        begin = time.monotonic()
        fetch(out, server.url)
        assert time.monotonic() - begin >= 1


STEADY = drip(1000, pause=0.1, step=500)
"""Five times as fast as what counts as silence, and 4 s for what is here 20 kB: an archive that sends 4 GB so would take nine days."""
BRIEF = SETTINGS.model_copy(update={"longest_min": 0.04})


def fetch_briefly(out, *roots, pairs=(PAIR,)):
    with Downloader(BRIEF) as downloader:
        return [fetch_interferogram(FRAME, pair, [Mirror(root=root) for root in roots], downloader, out(pair)) for pair in pairs]


def test_a_file_that_never_stops_coming_has_its_time_and_the_next_run_goes_on(tmp_path, source, out):
    with serve(tmp_path / "mirror") as server:
        server.script(UNW, STEADY)
        told = r"unw: http.*: [\d,]+ bytes of [\d,]+ came in 0\.04 min, the longest for a file or page; raise download\.longest_min"
        with pytest.raises(DownloadError, match=told):
            fetch_briefly(lambda pair: out, server.url)
        assert len(server.asked(UNW)) == 1  # no try begins when the time is up
        assert_nothing_half(out)
        (manifest,) = fetch_briefly(lambda pair: out, server.url)
        assert int(server.asked(UNW)[1].headers["Range"].removeprefix("bytes=").removesuffix("-")) > 1000
    assert_right(manifest, out, source)


def test_what_came_of_a_slow_file_is_not_thrown_away_for_another_mirror(tmp_path, source, out):
    """Over a slow connection every mirror is slow: each run would begin anew at the first, and none would ever end."""
    with serve(tmp_path / "mirror") as first, serve(tmp_path / "mirror") as second:
        first.always(UNW, STEADY)
        second.script(UNW, STEADY)
        with pytest.raises(DownloadError, match=r"(?s)longest_min.*longest_min"):
            fetch_briefly(lambda pair: out, first.url, second.url)
        (manifest,) = fetch_briefly(lambda pair: out, first.url, second.url)
        assert len(first.asked(UNW)) == 1
        assert "Range" in second.asked(UNW)[-1].headers
    assert_right(manifest, out, source)


def test_a_slow_mirror_costs_its_time_once_where_another_is_fast(tmp_path, source, out):
    pairs = [PAIR, "20210303_20210315"]
    jasmin(tmp_path / "mirror", pair=pairs[1])
    with serve(tmp_path / "mirror") as slow, serve(tmp_path / "mirror") as fast:
        slow.always("/*", STEADY)
        manifests = fetch_briefly(lambda pair: out.parents[1] / pair / out.name, slow.url, fast.url, pairs=pairs)
        assert len([request for request in slow.requests if request.path.endswith(".tif")]) == 1
    assert all(record["url"].startswith(fast.url) for found in manifests for record in found["products"].values())


def test_pauses_that_a_server_asks_for_count_too(tmp_path, source, out):
    with serve(tmp_path / "mirror") as server:
        server.always(UNW, status(429, {"Retry-After": "600"}))
        with pytest.raises(DownloadError, match=r"after 1 try: 429 .*; the next one would begin after download\.longest_min \(0\.04 min\)"):
            fetch_briefly(lambda pair: out, server.url)


def test_a_page_that_never_stops_coming_has_its_time_too(tmp_path):
    with serve(tmp_path) as server, Downloader(BRIEF) as downloader:
        server.pages["/x/"] = "x" * 50_000
        server.always("/x/", STEADY)
        with pytest.raises(GaveUpError, match=r"bytes came in 0\.04 min.*longest_min"):
            downloader.page(f"{server.url}/x/")


@pytest.fixture
def refusing():
    """A loopback port that refuses: bound, so that nobody else gets it, and not listening."""
    with closing(socket.socket()) as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{holder.getsockname()[1]}"


def test_connection_refused_is_an_error_that_says_so(refusing, out):
    with pytest.raises(DownloadError, match=r"could not get unw, diff_pha, cc\n.*ConnectError.*Connection refused"):
        fetch(out, refusing)
    assert_nothing_half(out)


def test_where_a_connection_is_refused_the_next_mirror_takes_over(tmp_path, source, refusing, out):
    with serve(tmp_path / "mirror") as server:
        assert_right(fetch(out, refusing, server.url), out, source)


def test_a_file_that_changes_between_two_tries_comes_as_it_is_now(tmp_path, source, out):
    def change(answer):
        write_tif(source / NAMES[0], phase(seed=9), compress=None)
        return truncate(4000)(answer)

    with serve(tmp_path / "mirror") as server:
        server.script(UNW, change)
        assert_right(fetch(out, server.url), out, source)
        assert len(server.asked(UNW)) == 2


def test_a_file_that_changes_with_every_try_is_never_mixed(tmp_path, source, out):
    seeds = iter(range(100))

    def change(answer):
        new = write_tif(source / NAMES[0], phase(seed=next(seeds)), compress=None).read_bytes()
        return truncate(4000)(body(new)(answer))

    with serve(tmp_path / "mirror") as server:
        server.always(UNW, change)
        with pytest.raises(DownloadError, match="could not get unw"):
            fetch(out, server.url)
    assert_nothing_half(out)


def test_404_on_one_product_is_its_absence(tmp_path, source, out):
    with serve(tmp_path / "mirror") as server:
        server.always(UNW, status(404))
        server.pages[f"{place()}/"] = "".join(f"<a href='{name}'>{name}</a>" for name in NAMES[1:])
        manifest = fetch(out, server.url)
        assert set(manifest["products"]) == {"diff_pha", "cc"}
        assert_right(manifest, out, source, NAMES[1:])


def test_404_on_one_product_of_one_mirror_is_made_up_for_by_the_next(tmp_path, source, out):
    with serve(tmp_path / "mirror") as bad, serve(tmp_path / "mirror") as good:
        bad.always(UNW, status(404))
        assert_right(fetch(out, bad.url, good.url), out, source)


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_mirror_that_vanishes_is_replaced_by_the_next(tmp_path, source, out, after):
    with serve(tmp_path / "mirror") as good, serve(tmp_path / "mirror") as bad:
        vanish_after(bad, after)
        manifest = fetch(out, bad.url, good.url)
        assert_right(manifest, out, source)
        came_from = [manifest["products"][product]["url"].startswith(bad.url) for product in ("unw", "diff_pha", "cc")]
        assert came_from == [number < after for number in range(3)]


def test_a_mirror_that_vanishes_without_another_is_an_error_and_what_came_stays(tmp_path, source, out):
    with serve(tmp_path / "mirror") as server:
        vanish_after(server, 1)
        with pytest.raises(DownloadError, match="could not get diff_pha, cc"):
            fetch(out, server.url)
    assert [name for name in files(out) if name.endswith((".tif", ".json")) and ".part" not in name] == [NAMES[0]]


def vanish_after(server: Server, count: int) -> None:
    """Let a server answer so many requests and then only break connections, as one that is switched off does."""
    good: Callable = server.good

    def answer(request):
        return good(request) if len(server.requests) <= count else reset(0)(good(request))

    server.good = answer


def test_what_was_fetched_under_faults_is_what_an_undisturbed_fetch_brings(tmp_path, source, out):
    """A storm: every answer has an even chance to go wrong, in any way, from a seed."""
    rng = np.random.default_rng(20210303)
    steps = [fault.step for name, fault in FAULTS.items() if name not in {*LASTING, "slow trickle", "429 with Retry-After"}]
    with serve(tmp_path / "mirror") as server:
        undisturbed = fetch(tmp_path / "quiet" / "manifest.json", server.url)
        for name in NAMES:
            server.script(f"{place()}/{name}", *(steps[number] for number in rng.integers(0, len(steps), 12)))
        for _ in range(20):
            try:
                manifest = fetch(out, server.url)
                break
            except DownloadError:
                assert not out.exists()
        assert manifest == undisturbed
    assert files(out) == sorted([*NAMES, "manifest.json"])
