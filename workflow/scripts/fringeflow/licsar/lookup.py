"""Looking things up on a mirror: which files an interferogram has, which interferograms a frame has."""

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from fringeflow.config.models import Mirror, is_url
from fringeflow.config.tables import PAIR_PATTERN
from fringeflow.licsar.listing import Links, listing_links, manifest_links
from fringeflow.licsar.mirrors import own_roots, pair_folder, pairs_folder, same_host, trusted_origins
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.transport import GaveUpError, MissingError


class Lookup:
    """The pages of some mirrors, each read once.

    Parameters
    ----------
    downloader : Downloader
    mirrors : sequence of Mirror
        All that are configured: manifest pages may link to any of their hosts.
    """

    def __init__(self, downloader: Downloader, mirrors: Sequence[Mirror]):
        self.downloader = downloader
        self.mirrors = list(mirrors)
        self._seen: dict[str, Links | MissingError | GaveUpError] = {}

    def files(self, mirror: Mirror, frame: str, pair: str, attempts: int | None = None) -> Links:
        """Return the files of an interferogram, from its folder's listing or from its manifest page.

        Raises
        ------
        MissingError
            If the mirror has no such interferogram.
        GaveUpError
            If it cannot be asked.
        """
        return self._once(mirror, pair_folder(mirror, frame, pair), attempts)

    def pairs(self, mirror: Mirror, frame: str, attempts: int | None = None) -> list[str]:
        """Return the names of a frame's interferograms, sorted.

        Raises
        ------
        MissingError
            If the mirror has no such frame.
        GaveUpError
            If it cannot be asked.
        """
        names = self._once(mirror, pairs_folder(mirror, frame), attempts).urls
        return sorted(name for name in names if re.fullmatch(PAIR_PATTERN, name))

    def _once(self, mirror: Mirror, folder: str, attempts: int | None) -> Links:
        if folder not in self._seen:
            try:
                self._seen[folder] = self._read(mirror, folder, attempts)
            except (MissingError, GaveUpError) as error:
                self._seen[folder] = error
        found = self._seen[folder]
        if isinstance(found, Exception):
            raise found
        return found

    def _read(self, mirror: Mirror, folder: str, attempts: int | None) -> Links:
        path = Path(folder)
        if not is_url(folder) and path.is_dir():
            return Links({child.name: f"{folder}/{child.name}" for child in sorted(path.iterdir())})
        text, base = "", ""
        if is_url(folder):
            with suppress(MissingError):
                text, base = self.downloader.page(f"{folder}/", attempts)
        if not base:
            text, base = self.downloader.page(folder, attempts)
        if urlsplit(base).path.endswith("/"):
            if not any(same_host(base, root) for root in own_roots(mirror)):
                told = f"its listing is redirected to {urlsplit(base).netloc}, which is no configured mirror; add it to `mirrors` if you trust it"
                raise GaveUpError(told)
            return listing_links(text, base, trusted_origins([mirror]))
        return manifest_links(text, base, trusted_origins(self.mirrors))
