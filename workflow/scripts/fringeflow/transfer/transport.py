"""One HTTP exchange with a mirror, and how its outcome is judged: there, not there, try again, or give up."""

import email.utils
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, stop_before_delay, wait_exponential_jitter

from fringeflow import __version__
from fringeflow.config.models import Download
from fringeflow.errors import DownloadError
from fringeflow.transfer.punctual import SLOWEST, PunctualClient

T = TypeVar("T")
logger = logging.getLogger(__name__)
LONGEST_WORDS = 400
LONGEST_PAUSE_S = 120.0
LONGEST_RETRY_AFTER_S = 600.0
PASSING = {408, 425, 429}
REDIRECTS = {301, 302, 303, 307, 308}


class MissingError(DownloadError):
    """The server answered that there is no such file. Holds the reason only, not the URL."""


class GaveUpError(DownloadError):
    """A file could not be had from one place, for a reason that says nothing about its existence."""


class UnreachableError(GaveUpError):
    """No try got through to a host: its name is unknown, it refuses, or it stays silent. `host` is scheme, name and port."""

    def __init__(self, reason: str, host: str):
        super().__init__(reason)
        self.host = host


class SlowError(GaveUpError):
    """A file kept coming, and was not whole when its time was up."""


class RefusedError(GaveUpError):
    """The server has understood and declines (a status of 400 to 499): another try would not change its mind."""


class NoContentError(GaveUpError):
    """The server has understood and answered that there is nothing (204)."""


class WrongContentError(GaveUpError):
    """What came was not the file: a page, an empty body, a corrupt raster; the file may lie at another URL."""


class PassingError(Exception):
    """A failure that another try may not meet; `unreached` is the host if not even a connection was made."""

    def __init__(self, reason: str, retry_after_s: float = 0.0, unreached: str | None = None):
        super().__init__(reason)
        self.retry_after_s = retry_after_s
        self.unreached = unreached


def host_of(url: httpx.URL) -> str:
    """Return scheme, name and port of a URL; a port that goes without saying is left out.

    >>> host_of(httpx.URL("https://me:secret@A.org:443/x"))
    'https://a.org'
    """
    return f"{url.scheme}://{url.netloc.decode('ascii')}"


def make_client(settings: Download) -> PunctualClient:
    """Return the HTTP client of a job; redirects are followed by `exchange`."""
    return PunctualClient(
        settings.timeout_s,
        follow_redirects=False,
        # The length of the body must be that of the file.
        headers={"User-Agent": f"fringeflow/{__version__}", "Accept-Encoding": "identity"},
    )


@contextmanager
def exchange(client: PunctualClient, url: str, headers: Mapping[str, str], settings: Download) -> Iterator[httpx.Response]:
    """Request `url` and yield the open response, past any redirects; its status is 200, 206, 304 or 416.

    Raises
    ------
    MissingError
        For 404 and 410.
    NoContentError
        For 204.
    RefusedError
        For other 4xx, with the server's own words if it says them in plain text.
    GaveUpError
        For any other answer that a further try would not change.
    PassingError
        For time-outs, broken connections, 408, 425, 429 and 5xx; also while the body is read.
    """
    response = None
    try:
        response = _follow(client, url, headers, settings)
        _judge(response, settings)
        yield response
    except httpx.TransportError as error:
        raise _transport_failure(error, settings) from error
    except (httpx.InvalidURL, httpx.RequestError) as error:
        raise GaveUpError(f"a URL or an answer that cannot be used ({type(error).__name__}: {error})") from error
    finally:
        if response is not None:
            response.close()


def _transport_failure(error: httpx.TransportError, settings: Download) -> Exception:
    """Return what a broken exchange means."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return GaveUpError(f"the server's certificate cannot be verified ({cause.verify_message})")
        cause = cause.__cause__ or cause.__context__
    unreached = host_of(error.request.url) if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)) else None
    if isinstance(error, httpx.TimeoutException):
        return PassingError(f"no answer for {settings.timeout_s:g} s ({type(error).__name__})", unreached=unreached)
    return PassingError(f"{type(error).__name__}: {str(error).rstrip('.') or 'connection failed'}", unreached=unreached)


def paced(chunks: Iterator[bytes], timeout_s: float) -> Iterator[bytes]:
    """Yield chunks; a server that only drips counts as silent, also one that wraps its drops in much else."""
    size, since = 0, time.monotonic()
    for chunk in chunks:
        yield chunk
        size += len(chunk)
        now = time.monotonic()
        if now - since > timeout_s:
            if size < SLOWEST * timeout_s:
                raise PassingError(f"fewer than {SLOWEST} bytes a second for {timeout_s:g} s")
            size, since = 0, now


def _follow(client: PunctualClient, url: str, headers: Mapping[str, str], settings: Download) -> httpx.Response:
    """Send the request and follow its redirects, a bounded number of them and never in a circle."""
    current, passed = httpx.URL(url), [url]
    while True:
        try:
            response = client.ask(client.build_request("GET", current, headers=dict(headers)))
        except ValueError as error:  # of idna and of the socket library, for names that no host can have
            raise GaveUpError(f"a URL that cannot be used ({current}: {error})") from error
        if response.status_code not in REDIRECTS:
            return response
        response.close()
        location = response.headers.get("Location", "")
        try:
            target = current.join(location)
        except ValueError as error:
            raise GaveUpError(f"redirects to {location[:LONGEST_WORDS]!r}, which cannot be used ({error})") from error
        if target.scheme not in ("http", "https") or (current.scheme == "https" and target.scheme == "http"):
            raise GaveUpError(f"redirects from {current.scheme} to {target.scheme}: {target}; not followed")
        circle = str(target) in passed
        passed.append(str(target))
        if circle:
            raise GaveUpError(f"redirects in a circle: {' -> '.join(passed)}")
        if len(passed) > settings.max_redirects + 1:
            raise GaveUpError(f"more than {settings.max_redirects} redirects: {' -> '.join(passed)}")
        current = target


def _judge(response: httpx.Response, settings: Download) -> None:
    """Raise unless the status is one a caller can work with."""
    status = response.status_code
    if status in (200, 206, 304, 416):
        return
    reason = f"{status} {response.reason_phrase}".strip()
    if status in (404, 410):
        raise MissingError(reason)
    if status in PASSING or status >= 500:
        raise PassingError(reason, _retry_after_s(response.headers.get("Retry-After", "")))
    if status == 204:
        raise NoContentError(reason)
    if 400 <= status < 500:
        words = _words(response, settings)
        raise RefusedError(f'{reason}: the server says "{words}"' if words else reason)
    raise GaveUpError(reason)


def encoding_of(response: httpx.Response) -> str:
    """Return how a body is encoded, in the header's words, or `identity`."""
    return response.headers.get("Content-Encoding", "").strip().lower() or "identity"


def _words(response: httpx.Response, settings: Download) -> str:
    """Return the beginning of a plain text, on one line; nothing if there is none to be had."""
    if not response.headers.get("Content-Type", "text/plain").lower().startswith("text/plain") or encoding_of(response) != "identity":
        return ""
    body = bytearray()
    try:
        for chunk in paced(response.iter_bytes(), settings.timeout_s):
            body += chunk
            if len(body) > LONGEST_WORDS:
                break
    except (httpx.HTTPError, PassingError):
        pass  # what has come is told
    text = " ".join(body.decode("utf-8", errors="replace").split())
    if text.startswith("<"):
        return ""
    return text if len(text) <= LONGEST_WORDS else f"{text[:LONGEST_WORDS]} ..."


def _retry_after_s(value: str) -> float:
    """Read a Retry-After header, which holds seconds or a date.

    >>> _retry_after_s("7"), _retry_after_s("soon"), _retry_after_s("Wed, 21 Oct 2015 07:28:00 GMT")
    (7.0, 0.0, 0.0)
    """
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def patiently(one_try: Callable[[], T], what: str, settings: Download, attempts: int | None = None) -> T:
    """Call `one_try` again after each `PassingError`, with growing pauses.

    Parameters
    ----------
    one_try : callable
    what : str
        URL, for the log.
    settings : Download
        Number of tries, the time that they may take together, and the first pause, which doubles, has jitter, and is at least what
        Retry-After asks.
    attempts : int, optional
        Fewer tries than the settings say.

    Raises
    ------
    UnreachableError
        After the last try, if none of them got a connection to the host.
    GaveUpError
        After the last try that there is time for, with every reason met and how often.
    """
    reasons: Counter[str] = Counter()
    unreached: set[str | None] = set()
    most = attempts or settings.attempts
    grow = wait_exponential_jitter(multiplier=settings.backoff_s, max=LONGEST_PAUSE_S, jitter=settings.backoff_s)

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = min(getattr(error, "retry_after_s", 0.0), LONGEST_RETRY_AFTER_S)
        return max(grow(state), asked)

    def counted() -> T:
        try:
            return one_try()
        except PassingError as error:
            reasons[str(error)] += 1
            unreached.add(error.unreached)
            raise

    def note(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        logger.info("%s: %s; try %d follows in %.1f s", what, error, state.attempt_number + 1, state.upcoming_sleep)

    retrying = Retrying(
        stop=stop_after_attempt(most) | stop_before_delay(60 * settings.longest_min),
        wait=pause,
        retry=retry_if_exception_type(PassingError),
        before_sleep=note,
        reraise=True,
    )
    try:
        return retrying(counted)
    except PassingError as error:
        tries = reasons.total()
        told = "; ".join(f"{reason} ({count}x)" if tries > 1 else reason for reason, count in reasons.items())
        told = f"gave up after {tries} {'tries' if tries > 1 else 'try'}: {told}"
        if tries < most:
            told += f"; the next one would begin after download.longest_min ({settings.longest_min:g} min)"
        if len(unreached) == 1 and error.unreached:
            raise UnreachableError(told, error.unreached) from error
        raise GaveUpError(told) from error
