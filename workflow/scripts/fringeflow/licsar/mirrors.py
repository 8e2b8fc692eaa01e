"""Where a mirror keeps what: one registry of layouts. A new kind of mirror is one entry in `LAYOUTS`."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fringeflow.config.models import Mirror, is_url
from fringeflow.errors import ConfigError, nearest
from fringeflow.licsar.names import product_file, track_number


@dataclass(frozen=True)
class Layout:
    """The folders of a kind of mirror, below its root.

    Attributes
    ----------
    frame : str
        Folder of a frame; `{track}` is its number, `{frame}` its name.
    pairs : str
        Folder of the interferograms below it; empty if they lie directly in it.
    metadata : str
        The frame's text file with acquisition time, heading and incidence, below the frame's folder.
    events : str or None
        Folder of the earthquake catalogue; None if this kind of mirror has none.
    siblings : tuple of str
        Further hosts of the same archive: manifest pages may link to them.
    """

    frame: str
    pairs: str = ""
    metadata: str = "metadata/metadata.txt"
    events: str | None = None
    siblings: tuple[str, ...] = ()


LAYOUTS = {
    "jasmin": Layout("{track:d}/{frame}", pairs="interferograms", events="EQ"),
    # Browsing and downloading have a host each; manifest pages on JASMIN link to the former.
    "ceda": Layout("{track:02d}/{frame}", siblings=("https://data.ceda.ac.uk",)),
}


def layout_of(mirror: Mirror) -> Layout:
    """Return a mirror's layout.

    Raises
    ------
    ConfigError
        If its name is not registered.
    """
    try:
        return LAYOUTS[mirror.layout]
    except KeyError:
        raise ConfigError([f"mirrors: {mirror.root}: unknown layout '{mirror.layout}': {nearest(mirror.layout, LAYOUTS)}"]) from None


def _join(*parts: str) -> str:
    return "/".join(part for part in parts if part)


def frame_folder(mirror: Mirror, frame: str) -> str:
    """Return a frame's folder, without a trailing slash.

    >>> frame_folder(Mirror(layout="ceda", root="https://a.org/p"), "006D_05509_131313")
    'https://a.org/p/06/006D_05509_131313'
    """
    return _join(mirror.root, layout_of(mirror).frame.format(track=track_number(frame), frame=frame))


def pairs_folder(mirror: Mirror, frame: str) -> str:
    """Return the folder that holds a frame's interferograms.

    >>> pairs_folder(Mirror(layout="jasmin", root="data"), "006D_05509_131313")
    'data/6/006D_05509_131313/interferograms'
    """
    return _join(frame_folder(mirror, frame), layout_of(mirror).pairs)


def pair_folder(mirror: Mirror, frame: str, pair: str) -> str:
    """Return an interferogram's folder; on JASMIN this may be a page instead, the manifest."""
    return _join(pairs_folder(mirror, frame), pair)


def product_location(mirror: Mirror, frame: str, pair: str, product: str) -> str:
    """Return the path or URL where a product lies if the mirror has it.

    >>> product_location(Mirror(root="data"), "006D_05509_131313", "20210218_20210303", "cc")
    'data/6/006D_05509_131313/interferograms/20210218_20210303/20210218_20210303.geo.cc.tif'
    """
    return _join(pair_folder(mirror, frame, pair), product_file(pair, product))


def metadata_location(mirror: Mirror, frame: str) -> str:
    """Return where a frame's metadata.txt lies."""
    return _join(frame_folder(mirror, frame), layout_of(mirror).metadata)


def events_folder(mirror: Mirror) -> str | None:
    """Return the folder of the earthquake catalogue, None if the mirror has none."""
    folder = layout_of(mirror).events
    return _join(mirror.root, folder) if folder else None


def origin(url: str) -> tuple[str, int | None]:
    """Return host and port of a URL, the port of its scheme if it names none.

    >>> origin("https://A.org/x") == origin("https://a.org:443/y")
    True
    """
    parts = urlsplit(url)
    return (parts.hostname or "").lower(), parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def own_roots(mirror: Mirror) -> list[str]:
    """Return a mirror's root, and the further hosts of its archive."""
    return [root for root in (mirror.root, *layout_of(mirror).siblings) if is_url(root)]


def trusted_origins(mirrors: Iterable[Mirror]) -> frozenset[tuple[str, int | None]]:
    """Return the hosts a manifest page may send us to: those of the configured mirrors and their siblings."""
    return frozenset(origin(root) for mirror in mirrors for root in own_roots(mirror))


def same_host(one: str, other: str) -> bool:
    """Whether two URLs are of one host, which may have moved from http to https.

    >>> same_host("https://a.org/x", "http://A.org/y"), same_host("http://a.org:8080/x", "http://a.org/x")
    (True, False)
    """
    usual = ({origin(url)[1] for url in (one, other)}) <= {80, 443}
    return origin(one) == origin(other) or (usual and origin(one)[0] == origin(other)[0])
