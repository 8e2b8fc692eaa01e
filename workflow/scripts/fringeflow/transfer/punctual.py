"""An HTTP client that a server cannot keep waiting: time-outs for the whole head of an answer, and for its pace.

The time-out of a socket begins anew with every byte. A server that drips its head, sends `100 Continue` for ever, or begins
a chunk and never ends it would hold a job until its cluster kills it.
"""

import time
from collections.abc import Iterable
from typing import Any

import httpcore
import httpx

SLOWEST = 1024
"""Bytes a second below which a server counts as silent: an hour for 4 MB. What bounds larger files is `download.longest_min`."""


class PunctualClient(httpx.Client):
    """An `httpx.Client` for one request at a time.

    Parameters
    ----------
    timeout_s : float
        For a connection, for the head of an answer, and for a silence in its body.
    **options
        Of `httpx.Client`.
    """

    def __init__(self, timeout_s: float, **options: Any):
        super().__init__(timeout=httpx.Timeout(timeout_s), **options)
        self._clock = _Clock(timeout_s)
        for transport in (self._transport, *self._mounts.values()):  # a transport for each proxy that the environment names
            if isinstance(transport, httpx.HTTPTransport):
                # httpcore takes a network backend, but httpx does not hand one on.
                pool = transport._pool
                pool._network_backend = _Backend(pool._network_backend, self._clock)

    def ask(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the answer as soon as its head is here, or raise `httpx.ReadTimeout`."""
        self._clock.in_head = True
        try:
            return self.send(request, stream=True)
        finally:
            self._clock.in_head = False


class _Clock:
    """Whether the head of an answer is awaited."""

    def __init__(self, timeout_s: float):
        self.timeout_s, self.in_head = timeout_s, False


class _Stream(httpcore.NetworkStream):
    """A connection that watches the time and the bytes since the last request was written."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock):
        self._stream, self._clock = stream, clock
        self._since, self._size = time.monotonic(), 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        passed = time.monotonic() - self._since
        limit = self._clock.timeout_s
        if self._clock.in_head:
            if passed >= limit:
                raise httpcore.ReadTimeout("the head of the answer is not complete")
            timeout = limit - passed
        elif passed > limit:
            if self._size < SLOWEST * limit:
                raise httpcore.ReadError(f"fewer than {SLOWEST} bytes a second for {limit:g} s")
            self._since, self._size = time.monotonic(), 0
        data = self._stream.read(max_bytes, timeout)
        self._size += len(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        self._since, self._size = time.monotonic(), 0

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, **options: Any) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(*args, **options), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Backend(httpcore.NetworkBackend):
    """Connects as another backend does."""

    def __init__(self, backend: httpcore.NetworkBackend, clock: _Clock):
        self._backend, self._clock = backend, clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        return _Stream(self._backend.connect_tcp(host, port, timeout, local_address, socket_options), self._clock)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)
