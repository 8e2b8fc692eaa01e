"""The page in a real browser: it works by mouse and keyboard, on a phone, offline, and without a complaint."""

import pytest

from fringeflow.report.page import build_report
from tests.browser.chromium import chromium, find_chromium
from tests.unit.toy_report import make_inputs

BROWSER = find_chromium()
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium found: install Debian's `chromium`, or set FRINGEFLOW_CHROMIUM")
SCORES = "[...document.querySelectorAll('#comparison-fringes tbody tr')].filter(r => !r.hidden).map(r => Number(r.cells[3].dataset.order))"
HEAD = "document.querySelectorAll('#comparison-fringes thead button')"
LOADED = """Promise.all([...document.images].filter(image => image.src).map(image => {
    image.loading = 'eager';
    return image.decode().then(() => image.naturalWidth, () => 0);
}))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    root = tmp_path_factory.mktemp("browser")
    build_report(*make_inputs(root / "results"), root / "report.html")
    return root / "report.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(BROWSER, tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture
def page(browser, report):
    """The report, just opened on a desktop; it must have asked for nothing and complained of nothing when the test ends."""
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "light"}])
    browser.size(1400, 900)
    browser.open(report)
    yield browser
    assert [url for url in browser.requests() if not url.startswith(("data:", report.as_uri()))] == []
    assert browser.complaints() == []


def test_a_click_on_a_head_sorts_and_a_second_turns_it_round(page):
    given = page.run(SCORES)
    assert given == sorted(given, reverse=True)
    page.run(f"{HEAD}[2].click()")
    names = page.run("[...document.querySelectorAll('#comparison-fringes tbody tr')].map(r => r.cells[2].textContent)")
    assert names == sorted(names)
    page.run(f"{HEAD}[3].click()")
    assert page.run(SCORES) == given
    page.run(f"{HEAD}[3].click()")
    assert page.run(SCORES) == given[::-1]
    assert page.run(f"[...{HEAD}].map(b => b.parentElement.ariaSort)")[2:4] == ["none", "ascending"]


def test_numbers_are_sorted_as_numbers_and_what_is_missing_stays_last(page):
    page.run(
        "['9', '', '-1', '10'].forEach((order, row) => { document.querySelectorAll('#comparison-fringes tbody tr')[row].cells[3].dataset.order = order; })"
    )
    orders = "[...document.querySelectorAll('#comparison-fringes tbody tr')].map(row => row.cells[3].dataset.order)"
    page.run(f"{HEAD}[3].click()")
    assert page.run(orders) == ["10", "9", "-1", ""]
    page.run(f"{HEAD}[3].click()")
    assert page.run(orders) == ["-1", "9", "10", ""]


def test_a_filter_leaves_the_rows_that_hold_every_word(page):
    page.run("(() => { const i = document.querySelector('#comparison-fringes input'); i.value = 'wrapped NET focal';"
             "i.dispatchEvent(new Event('input')); })()")  # fmt: skip
    assert len(page.run(SCORES)) == 1
    assert page.run("document.querySelector('#comparison-fringes .count').textContent") == "1 of 4 rows"


def test_every_picture_loads(page):
    widths = page.run(LOADED)
    assert len(widths) >= 10
    assert min(widths) >= 600


def test_a_run_is_filled_when_its_link_is_followed(page):
    assert page.run("document.querySelectorAll('details.run img').length") == 0
    page.run("document.querySelector('#comparison-fringes tbody a').click()")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run("document.querySelectorAll('details.run[open]').length") == 1
    assert page.run("document.querySelectorAll('details.run[open] img').length") == 2
    assert min(page.run(LOADED)) > 0
    assert page.run("decodeURIComponent(location.hash).slice(1) === document.querySelector('details.run[open]').id")
    assert page.run("document.activeElement.tagName") == "SUMMARY"


def test_an_address_with_a_run_opens_it(page, report):
    page.open(report, "#run/fringes/wrapped/net/focal")
    assert page.run("document.querySelector('details.run[open]').id") == "run/fringes/wrapped/net/focal"


def test_all_runs_open_at_once(page):
    page.run("document.querySelector('.all').click()")
    assert page.run("document.querySelectorAll('details.run[open] img').length") == 8


def test_the_card_of_a_model_that_means_harm_is_read_and_does_nothing(page):
    assert page.run("document.querySelector('#detections details').open")
    page.run("document.querySelectorAll('#detections details details').forEach(one => one.open = true)")
    assert "<script>alert(2)</script>" in page.run("document.querySelector('#detections pre').innerText")
    assert page.run("document.title").startswith("Fringeflow report")
    assert page.run("[...document.images].filter(image => image.src && !image.src.startsWith('data:')).length") == 0


def test_pretraining_is_found_from_the_side(page):
    page.run("document.querySelector('nav a[href=\"#pretraining\"]').click()")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run("location.hash") == "#pretraining"
    assert page.run("[...document.querySelectorAll('#pretraining tr.marked th')].map(one => one.innerText.trim())") == ["4,096 packaged"]


def test_it_works_by_keyboard(page):
    page.press("Tab", 9)
    assert page.run("document.activeElement.textContent") == "Skip to the content"
    page.run(f"{HEAD}[3].focus()")
    page.press("Enter", 13)
    assert page.run(f"{HEAD}[3].parentElement.ariaSort") == "descending"
    page.run("document.querySelector('.zoom').focus()")
    page.press("Enter", 13)
    assert page.run("document.querySelector('dialog').open")
    assert page.run("document.querySelector('dialog img').decode().then(() => true)")
    page.press("Escape", 27)
    assert not page.run("document.querySelector('dialog').open")
    assert page.run("document.activeElement.className") == "zoom"


@pytest.mark.parametrize("width", [420, 800, 1400, 2200])
def test_nothing_sticks_out_sideways(page, report, width):
    page.size(width, 900, mobile=width < 600)
    page.open(report)
    page.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.run("new Promise(done => setTimeout(done, 50))")
    assert page.run("document.documentElement.scrollWidth") <= width


def test_colours_follow_the_system_and_then_the_reader(page):
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.run(ground)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    dark = page.run(ground)
    assert dark != light
    page.run("document.querySelector('.theme').click()")
    assert page.run(ground) == light
    page.call("Emulation.setEmulatedMedia", media="print", features=[{"name": "prefers-color-scheme", "value": "dark"}])
    assert page.run(ground) == "rgb(255, 255, 255)"
    page.call("Emulation.setEmulatedMedia", media="", features=[])


def test_the_page_forbids_itself_the_network(browser, report):
    browser.open(report)
    refused = """new Promise(done => {
        document.addEventListener('securitypolicyviolation', event => done(event.effectiveDirective));
        new Image().src = 'http://127.0.0.1:9/picture.png';
    })"""
    assert browser.run(refused) == "img-src"
