"""Downloading a file so that it appears under its name only when it is whole and has been checked."""

import os
import re
import shutil
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import httpx
from tqdm import tqdm

from fringeflow.config.models import Download, is_url
from fringeflow.errors import FringeflowError
from fringeflow.files import remove, sha256_file, write_json
from fringeflow.progress import progress_bar
from fringeflow.transfer.content import Content, ContentError, PageError
from fringeflow.transfer.parts import Part, Record, record_path
from fringeflow.transfer.punctual import PunctualClient
from fringeflow.transfer.transport import (
    GaveUpError,
    MissingError,
    PassingError,
    SlowError,
    UnreachableError,
    WrongContentError,
    encoding_of,
    exchange,
    host_of,
    make_client,
    paced,
    patiently,
)

T = TypeVar("T")
MAX_PAGE_BYTES = 32_000_000
TOO_LONG = f"a page of more than {MAX_PAGE_BYTES:,} bytes"
PAGE_ENCODINGS = ("identity", "gzip", "x-gzip", "deflate")
"""What a page may be packed in. One of these makes at most a thousand bytes of one; several on top of each other, or others, any number."""
BAD_CONTENT_TRIES = 2


class Downloader:
    """Fetches files and pages from URLs and local paths; one HTTP client for the life of a job.

    Parameters
    ----------
    settings : Download
    forsake : bool
        Whether a host that could not be reached is not asked again: `UnreachableError` comes at once then, for
        every further URL on it. For work on many pages, each of which would otherwise wait in vain.

    Attributes
    ----------
    unreachable : dict of str to UnreachableError
        Hosts that could not be reached.
    tired : set of str
        Places that have used up their tries on some file, as whoever asks them notes: worth one try a file, without waiting.
    slow : set of str
        Places that took longer for some file than one may, as whoever asks them notes: worth a try after all others.
    """

    def __init__(self, settings: Download, *, forsake: bool = False):
        self.settings, self.forsake = settings, forsake
        self.unreachable: dict[str, UnreachableError] = {}
        self.tired: set[str] = set()
        self.slow: set[str] = set()

    def __enter__(self) -> "Downloader":
        return self

    def __exit__(self, *_: object) -> None:
        if "_client" in vars(self):
            self._client.close()

    @cached_property
    def _client(self) -> PunctualClient:
        """Made when the first URL is asked for: loading certificates takes longer than copying a file."""
        client = make_client(self.settings)
        if self.forsake:
            client.event_hooks = {"request": [self._refuse]}  # sees the targets of redirects too
        return client

    def _refuse(self, request: httpx.Request) -> None:
        """Raise if the host of a request is known to be out of reach."""
        if error := self.unreachable.get(host_of(request.url)):
            raise error

    def _patiently(self, one_try: Callable[[], T], location: str, attempts: int | None) -> T:
        """Try as often as the settings say, and remember a host that no try reached."""
        try:
            return patiently(one_try, location, self.settings, attempts)
        except UnreachableError as error:
            self.unreachable.setdefault(error.host, error)
            raise

    @property
    def _until(self) -> float:
        """When a file or page that is asked for now must be here."""
        return time.monotonic() + 60 * self.settings.longest_min

    def _in_time(self, until: float, came: int, total: int | None = None) -> None:
        """Raise if a server that never falls silent has taken too long all the same."""
        if time.monotonic() > until:
            share = f" of {total:,}" if total else ""
            raise SlowError(
                f"{came:,} bytes{share} came in {self.settings.longest_min:g} min, the longest for a file or page; "
                "raise download.longest_min if the connection is slow"
            )

    def page(self, location: str, attempts: int | None = None) -> tuple[str, str]:
        """Return a text page and the URL it finally came from.

        Raises
        ------
        MissingError, GaveUpError
        """
        if not is_url(location):
            path = Path(location)
            if not path.is_file():
                raise MissingError("no such file")
            if path.stat().st_size > MAX_PAGE_BYTES:
                raise GaveUpError(TOO_LONG)
            return path.read_text(encoding="utf-8", errors="replace"), location
        until = self._until

        def one_try() -> tuple[str, str]:
            with exchange(self._client, location, {}, self.settings) as response:
                if encoding_of(response) not in PAGE_ENCODINGS:
                    raise GaveUpError(f"a page encoded as {encoding_of(response)}, though identity was asked")
                body = bytearray()
                for chunk in paced(response.iter_bytes(), self.settings.timeout_s):
                    self._in_time(until, len(body))
                    body += chunk
                    if len(body) > MAX_PAGE_BYTES:
                        raise GaveUpError(TOO_LONG)
                return body.decode("utf-8", errors="replace"), str(response.url)

        return self._patiently(one_try, location, attempts)

    def file(
        self,
        location: str,
        out: Path,
        content: Content,
        *,
        known: Record | None = None,
        attempts: int | None = None,
    ) -> Record:
        """Bring a file to `out`, resuming what an earlier try or run left.

        Parameters
        ----------
        location : str
            URL or local path.
        out : Path
            Its name here; appears only when the file is whole and has passed the check of its content.
        content : Content
            What the file must be.
        known : Record, optional
            Record of the file that already stands at `out`: the server is asked whether it changed.
        attempts : int, optional
            Fewer tries than the settings say.

        Returns
        -------
        Record
            `known` itself if the file is unchanged.

        Raises
        ------
        MissingError
            If the place answers that it has no such file.
        FringeflowError
            Whatever else the check says of a file that is sound and of no use.
        WrongContentError
            If something else than the file comes.
        GaveUpError
            If it cannot be had from here.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Part(out)
        if not is_url(location):
            return self._copy(location, out, part, content, known)
        bad: list[str] = []
        until = self._until

        def one_try() -> Record:
            try:
                return self._get(location, out, part, content, known, until)
            except ContentError as error:
                if not isinstance(error, PageError):
                    part.discard()
                bad.append(str(error))
                if len(bad) >= min(BAD_CONTENT_TRIES, attempts or self.settings.attempts):
                    raise WrongContentError("; then ".join(dict.fromkeys(bad))) from error
                raise PassingError(str(error)) from error

        return self._patiently(one_try, location, attempts)

    def _get(self, url: str, out: Path, part: Part, content: Content, known: Record | None, until: float) -> Record:
        """Make one try: ask, take what comes, finish if it is whole."""
        done = part.size if part.resumable(url) else 0
        if not done or done != part.total:
            headers = {"Range": f"bytes={done}-", "If-Range": str(part.validator)} if done else known.conditions if known else {}
            with exchange(self._client, url, headers, self.settings) as response:
                if known and (response.status_code == 304 or (response.status_code == 200 and known.describes(response.headers))):
                    return known
                done = self._accept(url, response, part, done)
                self._stream(response, part, done, content, until)
            if part.total is not None and part.size != part.total:
                raise PassingError(f"{part.size} bytes came of {part.total}")
        return _finish(url, out, part, content)

    def _accept(self, url: str, response: httpx.Response, part: Part, done: int) -> int:
        """Judge the head of an answer; return how many bytes of the part stay."""
        if response.status_code not in (200, 206):
            part.discard()
            raise PassingError(f"the server cannot resume ({response.status_code}); starting again")
        if "text/html" in response.headers.get("Content-Type", "").lower():
            raise PageError("an HTML page came instead of a file")
        if encoding_of(response) != "identity":
            raise GaveUpError(f"the body is encoded as {encoding_of(response)}, though identity was asked")
        if response.status_code == 206 and done:
            span = re.fullmatch(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", response.headers.get("Content-Range", "").strip())
            total = int(span[2]) if span and span[2] != "*" else part.total
            if not span or int(span[1]) != done or (part.total or total) != total or not part.continues(response.headers):
                part.discard()
                raise PassingError("another part than the one asked for came; starting again")
            if part.total is None and total is not None:
                part.set_total(total)
        elif response.status_code == 206:
            raise PassingError("a part came though the whole was asked for")
        else:
            length = response.headers.get("Content-Length", "")
            part.begin(url, response.headers, int(length) if length.isdigit() else None)
            done = 0
        if (part.total or 0) > self.settings.max_bytes:
            reason = f"{part.total:,} bytes, more than download.max_bytes ({self.settings.max_bytes:,})"
            part.discard()
            raise GaveUpError(reason)
        return done

    def _stream(self, response: httpx.Response, part: Part, done: int, content: Content, until: float) -> None:
        """Append the body to the part, watching its size, its pace and the time."""
        size, name = done, part.path.name.removesuffix(".part")
        with open(part.path, "ab") as handle, _bar(part.total, name, done) as bar:
            for chunk in paced(response.iter_raw(), self.settings.timeout_s):
                if chunk and not size:
                    content.sniff(chunk)
                handle.write(chunk)
                size += len(chunk)
                bar.update(len(chunk))
                if size > self.settings.max_bytes:
                    handle.truncate(0)
                    raise GaveUpError(f"more than download.max_bytes ({self.settings.max_bytes:,} bytes)")
                if size != part.total:
                    self._in_time(until, size, part.total)

    def _copy(self, location: str, out: Path, part: Part, content: Content, known: Record | None) -> Record:
        """Copy a file of a local mirror; one that is here already stays."""
        source = Path(location)
        if not source.is_file():
            raise MissingError("no such file")
        size = source.stat().st_size
        if size > self.settings.max_bytes:
            raise GaveUpError(f"{size:,} bytes, more than download.max_bytes ({self.settings.max_bytes:,})")
        if known and known.url == location and known.bytes == size and sha256_file(source) == known.sha256:
            return known
        part.discard()
        try:
            shutil.copyfile(source, part.path)
            with open(part.path, "rb") as handle:
                if start := handle.read(512):
                    content.sniff(start)
            return _finish(location, out, part, content)
        except ContentError as error:
            part.discard()
            raise WrongContentError(str(error)) from error


def _bar(total: int | None, name: str, done: int) -> tqdm:
    """Return a progress bar that shows itself only for what takes a while."""
    return progress_bar(total, desc=name, unit="B", unit_scale=True, initial=done, delay=2)


def _finish(url: str, out: Path, part: Part, content: Content) -> Record:
    """Check a whole part and give it its name; its record is written first, so that no file stands without one."""
    if not part.size:
        raise ContentError("an empty file of 0 bytes")
    try:
        content.check(part.path)
    except ContentError as error:
        raise ContentError(str(error).replace(str(part.path), out.name)) from error
    except FringeflowError:
        part.discard()
        raise
    record = Record(url, part.size, sha256_file(part.path), part.state.get("etag"), part.state.get("last_modified"))
    write_json(record_path(out), record.as_dict())
    os.replace(part.path, out)
    remove(part.note)
    return record
