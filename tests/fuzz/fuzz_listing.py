"""Coverage-guided fuzzing of the parser of listings and manifest pages, by atheris (libFuzzer).

    python tests/fuzz/fuzz_listing.py -max_total_time=20 [-max_len=4096] [FOLDER_OF_INPUTS]

Inputs that reach new branches are kept and bred from. What must hold for any page at all: it is parsed, in a time that grows
with its length only; a link that a listing gives is a child of its folder on its own host; one that a manifest gives lies on
a trusted host; both have a safe name. A page for which it does not hold is written to `crash-*` in the working folder.
"""

import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow/scripts"))
with atheris.instrument_imports(include=["fringeflow.licsar", "urllib.parse"]):
    from fringeflow.licsar.listing import SAFE_NAME, listing_links, manifest_links, parse_links
    from fringeflow.licsar.mirrors import origin
    from fringeflow.licsar.portal import parse_event_frames, parse_event_page, parse_events, parse_metadata

FOLDER = "https://a.org/products/6/F/interferograms/P/"
HOME = "/products/6/F/interferograms/P/"
TRUSTED = frozenset({("a.org", 443), ("b.org", 8443)})
SLOWEST_S = 5.0
"""Of a page of some kB, on a machine with much else to do."""
WORDS = [
    b"<a href='", b'<a href="', b"<A HREF=", b"</a>", b"'>", b"../", b"..%2f", b"%2e%2e/", b"..\\", b"%5c", b"//", b"https://", b"http://",
    b"https://a.org", b"https://b.org:8443/", b"https://a.org@evil.org/", b"file:///", b"javascript:", b"?download=1", b"#", b"&#x2e;", b"&sol;",
    b"&Tab;", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<base href='https://evil.org/'>", b"a.tif", b"20210218_20210303/", HOME.encode(),
    b"102A_05000_131313: 20210218_20210303", b"USGS_ID;magnitude;depth;time;lat;lon;link;location\n", b"0001-01-01T00:00:00+14:00",
    b"center_time=16:31:22.1\n", b"\xef\xbb\xbf", b"\xe2\x80\xae", b"\x00", b"<meta charset='utf-7'>", b"[", b"]", b"@", b"\t", b"\r\n",
]  # fmt: skip
SEEDS = [
    b"<a href='../'>up</a><a href='?C=N;O=D'>Name</a><a href='a.tif'>a.tif</a>",
    b"<a href='https://a.org/products/6/F/interferograms/P/b.tif?download=1'>b.tif</a>\nhttps://b.org:8443/x/c.tif\n",
    b"<a href='https://b.org:8443/x/%2e%2e/y/d.tif'>d</a><a href='//a.org/products/6/F/interferograms/P/..%2fe.tif'>e</a>",
    b"<a href='https://evil.org/products/6/F/interferograms/P/j.tif'>j</a><a href='/products/6/F/interferograms/P/k/k.tif'>k</a>",
    b"<a href='https://me@a.org/products/6/F/interferograms/P/f.tif'>f</a><a href=\"http://a.org:443/products/6/F/interferograms/P/g.tif\">g</a>",
    b"<a href='a\\h.tif'>h</a>",
    b"<a href='x'>102A_05000_131313: 20210218_20210303.kmz</a>",
    b"USGS_ID;magnitude;depth;time;lat;lon;link;location\nus7000df40;6.3;8;2021-03-03T10:16:08;39.7;22.2;x;Greece\n",
    b"master=20190504\ncenter_time=4:31:22.51\nheading=-13.775063\navg_incidence_angle=39.1918\n",
]


def check(data: bytes) -> None:
    """Parse a page in every way, and raise if what comes out could lead astray."""
    text = data.decode("utf-8", errors="replace")
    begin = time.monotonic()
    parse_links(text)
    for name, url in listing_links(text, FOLDER).urls.items():
        path = unquote(urlsplit(url).path)
        child = path.removeprefix(HOME).rstrip("/")
        assert SAFE_NAME.fullmatch(name) and origin(url) == ("a.org", 443) and url.startswith("https:"), (name, url)
        assert path.startswith(HOME) and child == name and "/" not in child and ".." not in path.split("/"), (name, url)
    for name, url in manifest_links(text, FOLDER.rstrip("/"), TRUSTED).urls.items():
        assert SAFE_NAME.fullmatch(name) and origin(url) in TRUSTED and url.startswith("https:"), (name, url)
        assert urlsplit(url).username is None and ".." not in unquote(urlsplit(url).path).split("/"), (name, url)
    parse_event_page(text)
    parse_event_frames(text, "us7000df40")
    parse_events(text)
    parse_metadata(text)
    assert time.monotonic() - begin < SLOWEST_S, "too slow"


def main() -> None:
    """Write the dictionary and the seeds beside where it runs, and fuzz."""
    folder = Path("fuzz")
    (folder / "seeds").mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS):
        (folder / "seeds" / str(number)).write_bytes(seed)
    quoted = ("".join(f"\\x{byte:02x}" for byte in word) for word in WORDS)
    (folder / "words").write_text("".join(f'"{word}"\n' for word in quoted))
    atheris.Setup([*sys.argv, f"-dict={folder / 'words'}", str(folder / "seeds")], check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
