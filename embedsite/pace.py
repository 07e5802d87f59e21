"""How slowly a client may send: what it leaves waiting is a thread, which others need."""

import errno
import math
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

TICK_S = 5
"""How often a thread that waits looks at the time; for TLS, also how long a step of the handshake
may take."""

SEND_S = 30
"""Until the client takes more of its answer."""

PART_S = 2.0
"""For the client to close a connection that we have ended; closed at once, it might lose the end of
its answer."""


class PacedUnreader(SocketUnreader):
    """Reads a connection; raises ConnectionResetError, as if it had gone, for a client too slow."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self.expect_head()

    def expect_head(self) -> None:
        """The next request begins."""
        self._left = HEAD_S

    def expect_body(self) -> None:
        """The head is here, and the time for it is over."""
        self._left = BODY_S

    def chunk(self, size_hint: int | None = None) -> bytes:
        """What came; nothing at the end."""
        while self._left > 0:
            started = time.monotonic()
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

    `part` takes the socket of one that ends, and closes it when the peer has.
    """

    def __init__(
        self,
        cfg: Any,
        sock: socket.socket,
        client: Any,
        server: Any,
        *,
        part: Callable[[socket.socket], None],
    ) -> None:
        # The engine's door on this machine, which is for our own account.
        local = sock.family == socket.AF_UNIX and cfg.is_ssl
        super().__init__(without_tls(cfg) if local else cfg, sock, client, server)
        self._part = part
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
            parser.unreader = PacedUnreader(self.sock)
