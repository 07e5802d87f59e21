"""HTTP to one provider: kept connections, over TCP, TLS or a Unix socket, that never wait too long.

On http.client: a kept connection costs 0.08 ms a call here, with urllib3 0.23 and with httpx 0.53.
"""

import http.client
import io
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from embeddings.exceptions import CallerGone

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

KEEP_S = 60.0
"""Less than gunicorn's 75 s, so that it is seldom the provider who closes a kept connection."""

LOOK_UP_S = 0.1
"""How often a waiting call asks whether its caller is still there."""

UNIX_BASE = "/v1"
CLOSED_BY_PEER = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Unreachable(Exception):
    """The provider did not answer, or not in time, or not in HTTP."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one call may take: `deadline` on the monotonic clock, `connect` and `silence` in
    seconds; `max_bytes` of answer; `gone` tells that nobody waits for it any more.
    """

    deadline: float
    connect: float
    silence: float
    max_bytes: int
    gone: Callable[[], bool] | None = None

    def left(self) -> float:
        """Seconds until the deadline. Raises TimeoutError after it, CallerGone."""
        if self.gone is not None and self.gone():
            raise CallerGone
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("no time is left")
        return left


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Address:
    """Where a provider is; `origin` is safe to log."""

    scheme: str
    host: str
    port: int | None
    path: str

    @property
    def origin(self) -> str:
        """Without the path of an API, which says nothing of who the provider is."""
        if self.scheme == "unix":
            return f"unix:{self.host}"
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}"


def parse_url(url: str) -> Address:
    """`http://host:port/base`, `https://…` or `unix:/path`. Raises ValueError, without the URL:
    a password in it must not reach a log.
    """
    if url.startswith("unix:"):
        return Address("unix", url.removeprefix("unix:"), None, UNIX_BASE)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("the url must start with http://, https:// or unix:/")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the url must hold no user, query or fragment; a key goes into api_key")
    return Address(parts.scheme, parts.hostname, parts.port, parts.path.rstrip("/"))


class HttpClient:
    """One provider's connections, shared by all threads; redirects are not followed."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._tls = ssl.create_default_context() if address.scheme == "https" else None
        self._idle: deque[tuple[http.client.HTTPConnection, float]] = deque()
        self._lock = threading.Lock()
        self._keeps = True

    def request(
        self, method: str, path: str, *, body: bytes | None, headers: dict[str, str], limits: Limits
    ) -> Answer:
        """The answer, whatever its status. Raises Unreachable, CallerGone."""
        kept = self._take()
        if kept is not None:
            try:
                return self._exchange(kept, method, path, body, headers, limits)
            except CLOSED_BY_PEER:
                # It was closed while nobody looked, and so were its neighbours, most likely.
                self._drop_idle()
            except (OSError, http.client.HTTPException) as error:
                raise Unreachable(_reason(error)) from None
        try:
            return self._exchange(self._make(), method, path, body, headers, limits)
        except (OSError, http.client.HTTPException, UnicodeError) as error:
            raise Unreachable(_reason(error)) from None

    def close(self) -> None:
        """Close the idle connections, and those in use when they are done; keep none any more."""
        with self._lock:
            self._keeps = False
        self._drop_idle()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, deque()
        for connection, _ in idle:
            connection.close()

    def _exchange(
        self,
        connection: Any,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        limits: Limits,
    ) -> Answer:
        reusable, fresh = False, connection.sock is None
        try:
            if fresh:
                connection.timeout = min(limits.connect, limits.left())
                connection.connect()
                connection.sock = _PatientSocket(connection.sock)  # has what http.client needs
            connection.sock.limits = limits
            connection.request(method, self._address.path + path, body, headers)
            with connection.getresponse() as response:
                answer = _read(response, limits.max_bytes)
                reusable = not response.will_close
            return answer
        finally:
            if reusable:
                self._give_back(connection)
            else:
                connection.close()

    def _make(self) -> http.client.HTTPConnection:
        place = self._address
        if place.scheme == "unix":
            return _UnixConnection(place.host)
        if self._tls is not None:
            return http.client.HTTPSConnection(place.host, place.port, context=self._tls)
        return http.client.HTTPConnection(place.host, place.port)

    def _take(self) -> http.client.HTTPConnection | None:
        oldest = time.monotonic() - KEEP_S
        with self._lock:
            while self._idle and self._idle[0][1] < oldest:
                self._idle.popleft()[0].close()
            return self._idle.pop()[0] if self._idle else None

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if self._keeps:
                self._idle.append((connection, time.monotonic()))
                return
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over the Unix socket at a path."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(self.timeout)
        try:
            sock.connect(self._path)
        except BaseException:
            sock.close()
            raise
        self.sock = sock


class _PatientSocket:
    """What http.client needs of a socket; every wait ends in time, however slowly bytes drip."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.limits: Limits

    def sendall(self, data: "ReadableBuffer") -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[_patiently(self.sock, self.limits, partial(self.sock.send, rest)) :]

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 - the interface is a socket's
        return io.BufferedReader(_Patience(self.sock, self.limits), 65_536)

    def close(self) -> None:
        self.sock.close()


class _Patience(io.RawIOBase):
    """Reads from the socket until the limits are reached."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._limits = limits
        # It keeps the socket open until the answer is read: http.client closes it before.
        self._hold = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return _patiently(self._sock, self._limits, partial(self._sock.recv_into, buffer))

    def close(self) -> None:
        self._hold.close()
        super().close()


def _patiently(sock: socket.socket, limits: Limits, transfer: Callable[[], int]) -> int:
    """The bytes that went either way, once some did. Raises TimeoutError, CallerGone."""
    silent_until = time.monotonic() + limits.silence
    while True:
        wait = min(limits.left(), silent_until - time.monotonic())
        if wait <= 0:
            raise TimeoutError("the provider is silent")
        if limits.gone is not None:
            wait = min(wait, LOOK_UP_S)
        sock.settimeout(wait)
        try:
            return transfer()
        except TimeoutError:
            continue


def _read(response: http.client.HTTPResponse, max_bytes: int) -> Answer:
    body = response.read(max_bytes + 1)
    if len(body) > max_bytes:
        raise http.client.HTTPException("the answer is too large")
    if response.length:  # read(n) says nothing of a body that ends early
        raise http.client.IncompleteRead(b"", response.length)
    headers: Message = response.headers
    return Answer(response.status, {name.lower(): value for name, value in headers.items()}, body)


def _reason(error: Exception) -> str:
    """Kind and message; the messages of http.client repeat what the provider sent."""
    kind = type(error).__name__
    return f"{kind}: {error}" if isinstance(error, OSError) and str(error) else kind
