"""gunicorn's threaded worker, quicker for a client that keeps its connection and asks again, and
with no thread for one that keeps silent.
"""

import errno
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from gunicorn.workers.gthread import ThreadWorker

from embedsite.pace import PART_S, PacedConnection, is_decrypted, is_readable

LINGER_MS = 20
"""So long a thread waits for the next request on a connection before it gives it back. gunicorn's
own way, over its main thread and to another one, costs a request 0.5 ms here."""

LINGERING_SHARE = 4
"""One thread in so many may wait; the others are there for whoever comes."""

MOST_PARTING = 200
"""Ended connections that are kept until their clients have closed them, too."""

NOTIFY_S = 1.0
"""How often the worker tells that it lives, rather than at every event."""


class LingeringWorker(ThreadWorker):
    """Serves the next request of a connection in the same thread where it follows at once."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._places = threading.Semaphore(self.cfg.threads // LINGERING_SHARE)
        self._keeping = threading.Semaphore(settings.EMBED.database_pool_size // 2)
        self._notified = 0.0
        self._parting: dict[socket.socket, float] = {}

    def notify(self) -> None:
        """As gunicorn's, but seldom."""
        now = time.monotonic()
        if now - self._notified >= NOTIFY_S:
            self._notified = now
            super().notify()

    def accept(self, listener: socket.socket) -> None:
        """As gunicorn's, but the connection gets a thread when it has sent something, not before:
        gunicorn lets a thread wait 5 s for each.
        """
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        self.nr_conns += 1
        server = listener.getsockname()
        conn = PacedConnection(
            self.cfg, sock, client, server, part=self._part, let_go=self._let_go_of_database
        )
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(sock, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        """As gunicorn's, again and again; what it returns says whether to keep the connection."""
        with self._kept_database():
            kept = self._handle_next(conn)
            while kept is True and self.alive and self._lingers(conn):
                kept = self._handle_next(conn)
        return kept

    def handle_request(self, req: Any, conn: Any) -> Any:
        """As gunicorn's, once the head of the request is here."""
        conn.parser.unreader.expect_body()
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """As gunicorn's, at every turn, and the same for connections that have ended."""
        super().murder_pending()
        now = time.monotonic()
        for sock in [sock for sock, deadline in self._parting.items() if deadline <= now]:
            self._close(sock)

    def _part(self, sock: socket.socket) -> None:
        if len(self._parting) >= MOST_PARTING:
            sock.close()
            return
        sock.settimeout(0)
        self._parting[sock] = time.monotonic() + PART_S
        self.poller.register(sock, selectors.EVENT_READ, self._drain)

    def _drain(self, sock: socket.socket) -> None:
        try:
            if sock.recv(65_536):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._close(sock)

    def _close(self, sock: socket.socket) -> None:
        del self._parting[sock]
        self.poller.unregister(sock)
        sock.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """As gunicorn's, which a stop begins with, and for connections that have sent nothing."""
        super()._cap_keepalive(deadline)  # type: ignore[misc] # the types are of gunicorn 26
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout or deadline, deadline)

    def _handle_next(self, conn: Any) -> Any:
        if conn.initialized:
            conn.parser.unreader.expect_head()
        return super().handle(conn)

    @contextmanager
    def _kept_database(self) -> Iterator[None]:
        """Half of the pool may stay with threads that serve one request after another; the rest is
        for everybody's next statement.
        """
        if not self._keeping.acquire(blocking=False):
            yield
            return
        database: Any = connections[DEFAULT_DB_ALIAS]  # a thread has its own
        try:
            with database.kept():
                yield
        finally:
            self._keeping.release()

    def _let_go_of_database(self) -> None:
        connections[DEFAULT_DB_ALIAS].close()

    def _lingers(self, conn: Any) -> bool:
        """Whether the next request is there within LINGER_MS."""
        if is_decrypted(conn.sock):
            return True
        if not self._places.acquire(blocking=False):
            return False
        try:
            return is_readable(conn.sock, LINGER_MS)
        finally:
            self._places.release()
