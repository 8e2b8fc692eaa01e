"""Pages of a mirror: directory listings and manifest pages, and which of their links can be trusted.

A listing may only link to its own children. A manifest page stands where a folder would and links to
files elsewhere, so there the host decides: it must be one of the configured mirrors'.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from fringeflow.licsar.mirrors import origin

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
Origins = Collection[tuple[str, int | None]]
PLAIN_URL = re.compile(r"""https?://[^\s<>"']+""", re.ASCII)


@dataclass(frozen=True)
class Link:
    """An anchor: where it leads, and its words."""

    href: str
    text: str


@dataclass(frozen=True)
class Links:
    """The links of a page by the name of what they lead to; `refused` says why others were not taken."""

    urls: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


class _Anchors:
    """Collect anchors, and URLs that stand in the text as words: the events of a parser, text in pieces of any size."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self._href: str | None = None
        self._text: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "a":
            self._end()
            self._href = attributes.get("href") or None
        elif self._href is None:
            self._end()

    def end(self, tag: str) -> None:
        if tag == "a" or self._href is None:
            self._end()

    def data(self, text: str) -> None:
        self._text.append(text)

    def comment(self, _: str) -> None:
        """Pass over it."""

    def close(self) -> list[Link]:
        self._end()
        return self.links

    def _end(self) -> None:
        text = "".join(self._text)
        if self._href is None:
            self.links.extend(Link(url, url) for url in PLAIN_URL.findall(text))
        else:
            self.links.append(Link(self._href.strip(), " ".join(text.split())))
        self._href, self._text = None, []


def parse_links(text: str) -> list[Link]:
    """Return the links of a page, in its order: anchors, and URLs that stand alone in lines of text.

    The parser is libxml2's, whose time grows with the length of a page whatever it holds; `html.parser` takes minutes
    for 64 kB of open tags. No page is refused: what cannot be understood is passed over.

    >>> parse_links("<a href='x/'>106A</a> https://a.org/b.tif")
    [Link(href='x/', text='106A'), Link(href='https://a.org/b.tif', text='https://a.org/b.tif')]
    """
    found = _Anchors()
    parser = etree.HTMLParser(target=found, encoding="utf-8", no_network=True)
    try:
        parser.feed(text.encode("utf-8", errors="replace"))
        return parser.close()
    except etree.LxmlError:  # nothing in it that could be a page
        return found.close()


def _resolve(base: str, href: str) -> tuple[str, str, str] | None:
    """Return absolute URL, name of what it leads to, and why it cannot be trusted; None if it leads nowhere by name."""
    try:
        url = urljoin(base, href)
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    raw = parts.path.rstrip("/").rpartition("/")[2]
    name = unquote(raw)
    if not SAFE_NAME.fullmatch(name):
        return None
    if re.search(r"[\\\s\x00-\x1f\x7f]", href) or ".." in unquote(parts.path).split("/"):
        return url, name, "climbs out of its folder"
    if parts.scheme not in ("http", "https"):
        return url, name, f"has the scheme {parts.scheme}:, expected http(s)"
    if parts.username is not None or parts.password is not None:
        return url, name, "carries a user name"
    if urlsplit(base).scheme == "https" and parts.scheme == "http":
        return url, name, "leads from https to http"
    return url, name, ""


def _gather(text: str, base: str, judge: Callable[[str], str]) -> Links:
    """Sort a page's links by `judge`, which says why a URL is refused or nothing."""
    found = Links()
    for link in parse_links(text):
        resolved = _resolve(base, link.href)
        if resolved is None:
            continue
        url, name, reason = resolved
        reason = reason or judge(url)
        if reason:
            found.refused.setdefault(name, f"{link.href} {reason}")
        else:
            found.urls.setdefault(name, url)
    return found


def listing_links(text: str, folder: str, origins: Origins = frozenset()) -> Links:
    """Return the children that a directory listing names.

    Parameters
    ----------
    text : str
        The page.
    folder : str
        The URL it came from, with a trailing slash.
    origins : collection of (host, port)
        Hosts beside the folder's own that hold the same tree.

    >>> page = '<a href="../">up</a><a href="?C=N;O=D">Name</a><a href="20210218_20210303/">x</a><a href="a.tif?download=1">y</a>'
    >>> listing_links(page, "https://a.org/p/").urls
    {'20210218_20210303': 'https://a.org/p/20210218_20210303/', 'a.tif': 'https://a.org/p/a.tif?download=1'}
    """
    folder = folder if folder.endswith("/") else folder + "/"
    home = unquote(urlsplit(folder).path)
    hosts = {origin(folder), *origins}

    def judge(url: str) -> str:
        path = unquote(urlsplit(url).path)
        if origin(url) not in hosts:
            return f"leads to another host than the listing's, {urlsplit(folder).netloc}"
        if not path.startswith(home) or path == home or "/" in path.removeprefix(home).rstrip("/"):
            return "leads out of the listed folder"
        return ""

    return _gather(text, folder, judge)


def manifest_links(text: str, page: str, origins: Origins) -> Links:
    """Return the files that a manifest page links to.

    Parameters
    ----------
    text : str
    page : str
        The URL it came from.
    origins : collection of (host, port)
        The hosts whose files are taken.
    """

    def judge(url: str) -> str:
        if origin(url) in origins:
            return ""
        hosts = ", ".join(sorted({host for host, _ in origins})) or "none"
        return f"leads to {urlsplit(url).netloc}, which is no configured mirror (those are {hosts}); add it to `mirrors` if you trust it"

    return _gather(text, page, judge)
