"""Fetching one interferogram: every product that a mirror has, checked, and last the manifest that lists them."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from fringeflow.config.models import Mirror, is_url
from fringeflow.errors import DownloadError
from fringeflow.files import read_json, write_json
from fringeflow.licsar.download import product_content
from fringeflow.licsar.lookup import Lookup
from fringeflow.licsar.mirrors import origin, pair_folder, product_location, trusted_origins
from fringeflow.licsar.names import PHASES, PRODUCTS, check_names, product_file
from fringeflow.licsar.products import EmptyProductError
from fringeflow.transfer.download import Downloader
from fringeflow.transfer.parts import Part, Record, kept_record
from fringeflow.transfer.transport import GaveUpError, MissingError, SlowError, UnreachableError, WrongContentError

logger = logging.getLogger(__name__)


def fetch_interferogram(frame: str, pair: str, mirrors: Sequence[Mirror], downloader: Downloader, out: Path) -> dict[str, Any]:
    """Bring an interferogram's products beside `out` and list them in it.

    Mirrors are tried in their order, product by product: the next one takes over where one has no such
    file or cannot be brought to give it. One that an unfinished file came from goes before, one that took too long for another file after
    the others. A product counts as absent only if every mirror answered so; a
    mirror that could not be asked is a failure, since a later run might otherwise find another dataset.
    Files that are here already are kept if they are unchanged on the mirror they came from.

    Parameters
    ----------
    frame, pair : str
        LiCSAR names.
    mirrors : sequence of Mirror
    downloader : Downloader
        A mirror that used up its tries on another interferogram gets one try a product, and none once it is out of reach
        for this one too.
    out : Path
        The manifest to write; products are named `{pair}.geo.{product}.tif` in its folder.

    Returns
    -------
    dict
        The manifest: frame, pair, and for each product that exists url, bytes, sha256, etag, last_modified.

    Raises
    ------
    ConfigError
        If `frame` or `pair` is no LiCSAR name, or a mirror's layout is unknown.
    DownloadError
        If neither phase exists, or a product could not be had; names each place tried and the reason.
    """
    check_names(frame, pair)
    out = Path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        errand = _Errand(frame, pair, list(mirrors), downloader, out)
        for product in PRODUCTS:
            errand.bring(product)
        errand.judge()
    except OSError as error:
        action = "free space or change permissions, then run again"
        raise DownloadError(f"{frame}/{pair}: a local file cannot be read or written ({error}). To do: {action}.") from error
    manifest = {"frame": frame, "pair": pair, "products": {name: record.as_dict() for name, record in errand.records.items()}}
    write_json(out, manifest)
    return manifest


Outcome = Literal["got", "absent", "wrong", "failed"]


@dataclass(frozen=True)
class Attempt:
    """A place that was asked for a product in vain."""

    place: str
    outcome: Outcome
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


class _Errand:
    """What is known so far about one interferogram."""

    def __init__(self, frame: str, pair: str, mirrors: list[Mirror], downloader: Downloader, out: Path):
        self.frame, self.pair, self.mirrors, self.out = frame, pair, mirrors, out
        self.downloader = downloader
        self.lookup = Lookup(downloader, mirrors)
        self.records: dict[str, Record] = {}
        self.attempts: dict[str, list[Attempt]] = {product: [] for product in PRODUCTS}
        self.away: dict[str, UnreachableError] = {}
        try:
            self.listed = dict(read_json(out)["products"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            self.listed = {}

    def bring(self, product: str) -> None:
        """Bring one product, from the place it came from before if that still serves it, else from the first mirror."""
        path = self.out.with_name(product_file(self.pair, product))
        known = kept_record(path, self.listed.get(product))
        if known and not self._ours(known.url):
            known = None
        if known and self._try(product, known.url, path, known) == "got":
            return
        if any(self._from_mirror(mirror, product, path) for mirror in self._in_order(path)):
            return
        unsure = any(attempt.outcome != "absent" for attempt in self.attempts[product])
        if known and (unsure or is_url(known.url)):  # a folder that has dropped a file means it; an archive on the net may be moving
            told = "; ".join(map(str, self.attempts[product]))
            logger.warning("%s: kept as it was fetched before (its sha256 is right), since no mirror gives it now: %s", path, told)
            self.records[product] = known

    def _in_order(self, path: Path) -> list[Mirror]:
        """Return the mirrors as they are tried: starting on another would throw away what has come of a file."""
        begun = str(Part(path).state.get("url"))
        return sorted(self.mirrors, key=lambda mirror: (not begun.startswith(f"{mirror.root}/"), mirror.root in self.downloader.slow))

    def _ours(self, url: str) -> bool:
        """Whether a file came from where the configured mirrors point today."""
        if is_url(url):
            return origin(url) in trusted_origins(self.mirrors)
        return self._mirror_of(url) is not None

    def _mirror_of(self, place: str) -> Mirror | None:
        """Return the mirror that a place lies in; a path that climbs out of one does not."""
        inside = (mirror for mirror in self.mirrors if place.startswith(f"{mirror.root}/"))
        return next((mirror for mirror in inside if ".." not in place.removeprefix(mirror.root).split("/")), None)

    def _from_mirror(self, mirror: Mirror, product: str, path: Path) -> bool:
        """Try a mirror: where its layout puts the file, then where its listing or manifest page says."""
        note = self.attempts[product].append
        if not is_url(mirror.root) and not Path(mirror.root).is_dir():
            note(Attempt(mirror.root, "failed", "no such folder; correct `mirrors`"))
            return False
        outcome = self._try(product, product_location(mirror, self.frame, self.pair, product), path)
        if outcome in ("got", "failed"):
            return outcome == "got"
        folder = pair_folder(mirror, self.frame, self.pair)
        try:
            links = self.lookup.files(mirror, self.frame, self.pair, self._patience(mirror))
        except MissingError:
            return False
        except GaveUpError as error:
            self.downloader.tired.add(mirror.root)
            note(Attempt(folder, "failed", str(error)))
            return False
        name = product_file(self.pair, product)
        if name in links.urls:
            return self._try(product, links.urls[name], path, mirror=mirror) == "got"
        if name in links.refused:
            note(Attempt(folder, "failed", f"its link {links.refused[name]}"))
        return False

    def _patience(self, mirror: Mirror | None) -> int | None:
        """One try only for a mirror that has used up its tries."""
        return 1 if mirror and mirror.root in self.downloader.tired else None

    def _try(self, product: str, place: str, path: Path, known: Record | None = None, mirror: Mirror | None = None) -> Outcome:
        """Try one place, once; note why it failed."""
        for attempt in self.attempts[product]:
            if attempt.place == place:
                return attempt.outcome
        mirror = mirror or self._mirror_of(place)
        root = mirror.root if mirror else ""
        if root in self.away:
            self.attempts[product].append(Attempt(place, "failed", f"not asked again: {self.away[root]}"))
            return "failed"
        try:
            self.records[product] = self.downloader.file(
                place, path, product_content(product), known=known, attempts=self._patience(mirror)
            )
            self.downloader.tired.discard(root)
            return "got"
        except MissingError as error:
            attempt = Attempt(place, "absent", str(error))
        except EmptyProductError:
            logger.warning("%s: left out, since not one of its pixels holds data", place)
            attempt = Attempt(place, "absent", "not one of its pixels holds data")
        except WrongContentError as error:
            attempt = Attempt(place, "wrong", str(error))
        except GaveUpError as error:
            attempt = Attempt(place, "failed", str(error))
            if mirror:
                self.downloader.tired.add(root)
            if mirror and isinstance(error, SlowError):
                self.downloader.slow.add(root)
            if mirror and isinstance(error, UnreachableError):
                self.away[root] = error
        self.attempts[product].append(attempt)
        return attempt.outcome

    def judge(self) -> None:
        """Raise unless there is a phase and nothing is uncertain."""
        missing = [product for product in PRODUCTS if product not in self.records]
        failed = [product for product in missing if any(attempt.outcome != "absent" for attempt in self.attempts[product])]
        phase = any(product in self.records for product in PHASES)
        if phase and not failed:
            return
        told = [f"  {product}: {attempt}" for product in failed or missing for attempt in self.attempts[product]]
        if failed:
            head = f"{self.frame}/{self.pair}: could not get {', '.join(failed)}"
            action = "To do: run again, which resumes where this stopped; take a mirror that is gone for good out of `mirrors`."
        else:
            head = f"{self.frame}/{self.pair}: no mirror has a phase, {' or '.join(PHASES)}"
            action = f"To do: {self._hint()}"
        raise DownloadError("\n".join([head, *told, action]))

    def _hint(self) -> str:
        """Say whether the frame or the pair is unknown, and what comes near."""
        pairs: set[str] = set()
        for mirror in self.mirrors:
            try:
                pairs.update(self.lookup.pairs(mirror, self.frame, attempts=1))
            except (MissingError, GaveUpError):
                continue
        if not pairs:
            return f"check the frame: no mirror lists an interferogram of {self.frame}."
        near = get_close_matches(self.pair, pairs, n=3)
        if self.pair in near:
            return "remove the row from the table of interferograms: the mirrors list this pair without a usable phase."
        text = f"the nearest pairs are {', '.join(near)}" if near else "none is near"
        return f"check the pair: the mirrors list {len(pairs)} of {self.frame}, and {text}."
