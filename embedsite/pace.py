"""How slowly a client may send: what it leaves waiting is a thread, which others need, and nothing
but that.
"""

import errno
import math
import select
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from gunicorn.http.unreader import SocketUnreader
from gunicorn.workers.gthread import TConn

from embedsite.tls import without_tls

FIRST_BYTE_S = 30.0
"""Until a new connection sends anything. It holds no thread meanwhile."""

HEAD_S = 10.0
"""For the head of a request."""

BODY_S = 30.0
BYTES_PER_S = 1024
"""A body may keep a thread waiting so long, and a second more for so many bytes that came."""

PROMPT_MS = 20
"""A head that is not here by then is waited for."""

TICK_S = 5
"""How often a thread that waits looks at the time; for TLS, also how long a step of the handshake
may take."""

SEND_S = 30
"""Until the client takes more of its answer."""

PART_S = 2.0
"""For the client to close a connection that we have ended; closed at once, it might lose the end of
its answer."""


def is_decrypted(sock: socket.socket) -> bool:
    """Whether TLS has something at hand already, of which the kernel has nothing more to tell."""
    return isinstance(sock, ssl.SSLSocket) and bool(sock.pending())


def is_readable(sock: socket.socket, timeout_ms: int) -> bool:
    """Whether there is something to read, or the end, within that time."""
    if is_decrypted(sock):
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(timeout_ms))


class PacedUnreader(SocketUnreader):
    """Reads a connection; raises ConnectionResetError, as if it had gone, for a client too slow.
    Calls `let_go` before it waits for the head of a request.
    """

    def __init__(self, sock: socket.socket, *, let_go: Callable[[], None]) -> None:
        super().__init__(sock)
        self._let_go = let_go
        self.expect_head()

    def expect_head(self) -> None:
        """The next request begins."""
        self._left = HEAD_S
        self._in_head = True

    def expect_body(self) -> None:
        """The head is here, and the time for it is over."""
        self._left = BODY_S
        self._in_head = False

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What came; nothing at the end."""
        while self._left > 0:
            started = time.monotonic()
            if self._in_head and not is_readable(self.sock, PROMPT_MS):
                self._let_go()
            try:
                # The types are of gunicorn 26.
                data: bytes | None = super().chunk(size_hint)  # type: ignore[call-arg]
            except (BlockingIOError, ssl.SSLWantReadError):
                data = None
            self._left -= time.monotonic() - started
            if data is not None:
                self._left += len(data) / BYTES_PER_S
                return data
        self._left = -math.inf
        raise ConnectionResetError(errno.ECONNRESET, "too slow")


class PacedConnection(TConn):
    """gunicorn's connection, whose peer has to keep the pace.

    `part` takes the socket of one that ends, and closes it when the peer has; `let_go` gives back
    what a thread that waits for a request has no need of.
    """

    def __init__(
        self,
        cfg: Any,
        sock: socket.socket,
        client: Any,
        server: Any,
        *,
        part: Callable[[socket.socket], None],
        let_go: Callable[[], None],
    ) -> None:
        # The engine's door on this machine, which is for our own account.
        local = sock.family == socket.AF_UNIX and cfg.is_ssl
        super().__init__(without_tls(cfg) if local else cfg, sock, client, server)
        self._part = part
        self._let_go = let_go
        # The kernel's own limits: gunicorn changes those of Python's on the way.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", TICK_S, 0))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_S, 0))
        self.timeout = time.monotonic() + FIRST_BYTE_S

    def close(self, graceful: bool = False) -> None:  # noqa: FBT001, FBT002 - gunicorn's interface
        """As gunicorn's, which lets the main thread wait 2 s for a peer that does not close."""
        if not graceful:
            super().close()
            return
        try:
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            super().close()
        else:
            self._part(self.sock)

    def init(self) -> None:
        """As gunicorn's: of TLS, the handshake."""
        super().init()
        parser: Any = self.parser
        if not self.is_http2 and not isinstance(parser.unreader, PacedUnreader):
            parser.unreader = PacedUnreader(self.sock, let_go=self._let_go)
