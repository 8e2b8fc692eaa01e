"""A small HTTP server on the loopback interface that serves a folder and misbehaves on request.

It does what an archive does: listings in the style of JASMIN or CEDA, Range and If-Range, ETag and
Last-Modified, If-None-Match and If-Modified-Since. A script says, for a path, how its next answers go wrong:

    with serve(folder) as server:
        server.script("/a.tif", reset(1000), status(503), status(429, {"Retry-After": "1"}))
        ...
        assert server.asked("/a.tif")[1].headers["Range"] == "bytes=1000-"
"""

import email.utils
import hashlib
import html
import re
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What was asked."""

    path: str
    headers: Mapping[str, str]
    query: str = ""


@dataclass
class Answer:
    """What is about to be sent; a misbehaviour changes it.

    `cut` bytes of the body are sent at most and the connection is then closed (`ending` "close"), reset
    ("reset"), or the rest is sent `step` bytes at a time after pauses of `pause` seconds ("drip").
    """

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    ending: str = "close"
    pause: float = 0.0
    step: int = 1


Misbehaviour = Callable[[Answer], Answer]


def status(code: int, headers: Mapping[str, str] | None = None) -> Misbehaviour:
    """Answer with a status and a small page."""
    return lambda answer: Answer(code, b"<html>no</html>", {"Content-Type": "text/html", **(headers or {})})


def redirect(target: str, code: int = 302) -> Misbehaviour:
    """Send the client elsewhere."""
    return lambda answer: Answer(code, b"", {"Location": target})


def page(text: str = "<!DOCTYPE html><html><body>Sorry</body></html>", content_type: str | None = "text/html") -> Misbehaviour:
    """Answer 200 with a page instead of the file."""
    headers = {"Content-Type": content_type} if content_type else {}
    return lambda answer: Answer(200, text.encode(), headers)


def body(content: bytes, **headers: str) -> Misbehaviour:
    """Answer 200 with other content and an ETag of its own."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    return lambda answer: Answer(200, content, {"Content-Type": "image/tiff", "ETag": etag, **headers})


def _altered(**changes: object) -> Misbehaviour:
    def change(answer: Answer) -> Answer:
        for name, value in changes.items():
            setattr(answer, name, value)
        return answer

    return change


def truncate(after: int) -> Misbehaviour:
    """Declare the whole length, send some bytes and close."""
    return _altered(cut=after, ending="close")


def reset(after: int) -> Misbehaviour:
    """Send some bytes and reset the connection."""
    return _altered(cut=after, ending="reset")


def drip(after: int, pause: float, step: int = 1) -> Misbehaviour:
    """Send some bytes at once and the others a few at a time."""
    return _altered(cut=after, ending="drip", pause=pause, step=step)


def without(*names: str) -> Misbehaviour:
    """Leave headers out."""

    def change(answer: Answer) -> Answer:
        for name in names:
            answer.headers[name] = ""
        return answer

    return change


def length(shift: int) -> Misbehaviour:
    """Declare a wrong Content-Length."""

    def change(answer: Answer) -> Answer:
        answer.headers["Content-Length"] = str(len(answer.body) + shift)
        return answer

    return change


def fine(answer: Answer) -> Answer:
    """Answer as it should."""
    return answer


def offer(request: Request, content: bytes, modified: str, content_type: str) -> Answer:
    """Answer with a file as a web server does: whole, in part, or unchanged."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    headers = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
    if request.headers.get("If-None-Match") == etag:
        return Answer(304, b"", headers)
    if "If-None-Match" not in request.headers and request.headers.get("If-Modified-Since") == modified:
        return Answer(304, b"", headers)
    headers["Content-Type"] = content_type
    span = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    if span and request.headers.get("If-Range", etag) in (etag, modified):
        first = int(span[1])
        if first >= len(content):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        return Answer(206, content[first:], headers)
    return Answer(200, content, headers)


class Server:
    """A running server: where it is, what it was asked, and what it shall do wrong next."""

    def __init__(self, folder: Path, style: str):
        self.folder, self.style = Path(folder), style
        self.requests: list[Request] = []
        self.pages: dict[str, str] = {}
        self._scripts: dict[str, deque[Misbehaviour]] = defaultdict(deque)
        self._always: dict[str, Misbehaviour] = {}
        self._lock = threading.Lock()
        self.url = ""

    def script(self, path: str, *steps: Misbehaviour) -> None:
        """Say how the next answers for a path go wrong; afterwards it is served well."""
        self._scripts[path].extend(steps)

    def always(self, path: str, step: Misbehaviour) -> None:
        """Say how every answer for a path goes wrong; `path` may be a beginning that ends in `*`."""
        self._always[path] = step

    def asked(self, path: str) -> list[Request]:
        """Return the requests for a path, in order."""
        return [request for request in self.requests if request.path == path]

    def key(self, request: Request) -> str:
        """Return what scripts name a request by: its path."""
        return request.path

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request, misbehaviour included."""
        with self._lock:
            self.requests.append(request)
            key = self.key(request)
            steps = self._scripts[key]
            step = steps.popleft() if steps else self._always.get(key)
        if step is None:
            step = next((step for path, step in self._always.items() if path.endswith("*") and request.path.startswith(path[:-1])), fine)
        return step(self.good(request))

    def good(self, request: Request) -> Answer:
        """Return the answer to a request without misbehaviour."""
        if request.path in self.pages:
            return Answer(200, self.pages[request.path].encode(), {"Content-Type": "text/html"})
        path = self.folder / request.path.strip("/")
        if path.is_dir():
            if not request.path.endswith("/"):
                return Answer(301, b"", {"Location": f"{request.path}/"})
            return Answer(200, self._listing(path, request.path).encode(), {"Content-Type": "text/html;charset=UTF-8"})
        if not path.is_file() or request.path.endswith("/"):
            return Answer(404, b"<html>Not Found</html>", {"Content-Type": "text/html"})
        modified = email.utils.formatdate(int(path.stat().st_mtime), usegmt=True)
        return offer(request, path.read_bytes(), modified, "image/tiff" if path.suffix == ".tif" else "text/plain")

    def _listing(self, path: Path, place: str) -> str:
        names = sorted(child.name + "/" * child.is_dir() for child in path.iterdir())
        if self.style == "ceda":
            links = [f"{self.url}{place}{name}" + ("" if name.endswith("/") else "?download=1") for name in names]
            rows = "".join(f'<tr><td><a href="{link}">{name}</a></td></tr>' for link, name in zip(links, names, strict=True))
            return f'<html><nav><a href="/">Home</a></nav><table>{rows}</table></html>'
        rows = "".join(f'<tr><td><a href="{html.escape(name)}">{name}</a></td><td>2021-03-04 10:00</td></tr>\n' for name in names)
        sort = '<tr><th><a href="?C=N;O=D">Name</a></th><th><a href="?C=M;O=A">Last modified</a></th></tr>'
        up = f'<tr><td><a href="{Path(place.rstrip("/")).parent}/">Parent Directory</a></td></tr>'
        return f"<html><head><title>Index of {place}</title></head><body><table>{sort}{up}{rows}</table></body></html>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rules: Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answer = self.rules.answer(Request(unquote(parts.path), dict(self.headers), parts.query))
        headers = {"Content-Length": str(len(answer.body)), **answer.headers}
        content = answer.body
        try:
            self.send_response(answer.status)
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content if answer.cut is None else content[: answer.cut])
            self.wfile.flush()
            if answer.cut is not None:
                self._end_badly(answer, content[answer.cut :])
            elif headers["Content-Length"] != str(len(content)):
                self.close_connection = True
        except OSError:
            self.close_connection = True

    def _end_badly(self, answer: Answer, rest: bytes) -> None:
        self.close_connection = True
        if answer.ending == "drip":
            for index in range(0, len(rest), answer.step):
                time.sleep(answer.pause)
                self.wfile.write(rest[index : index + answer.step])
                self.wfile.flush()
        elif answer.ending == "reset":
            time.sleep(0.1)  # a reset throws away what the client has not read yet
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.wfile.close()
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that was broken on purpose is no news."""


Rules = TypeVar("Rules", bound=Server)


@contextmanager
def serve(folder: str | Path, style: str = "jasmin") -> Iterator[Server]:
    """Serve a folder on a free loopback port while the block runs.

    Parameters
    ----------
    folder : path
    style : {"jasmin", "ceda"}
        How listings look.
    """
    with run(Server(Path(folder), style)) as rules:
        yield rules


@contextmanager
def run(rules: Rules) -> Iterator[Rules]:
    """Let a server of any kind answer on a free loopback port while the block runs."""
    handler = type("Handler", (_Handler,), {"rules": rules})
    server = _Quiet(("127.0.0.1", 0), handler)
    rules.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield rules
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """Let a script write what it likes into every connection once a request has come; yield the URL of a file there."""

    def answer(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.recv(65536)
            script(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.tif"
        listener.shutdown(socket.SHUT_RDWR)
