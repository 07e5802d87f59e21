"""Whether the client of a request still waits for the answer."""

import select
import socket
from collections.abc import Callable

from django.http import HttpRequest
from rest_framework.request import Request

SERVERS_SOCKET = "gunicorn.socket"
"""Where gunicorn puts the client's connection into the WSGI environment."""


def caller_gone(request: Request | HttpRequest) -> Callable[[], bool] | None:
    """Says, in some microseconds, whether the client has closed its side of the connection; None
    where the server does not show the connection.
    """
    connection: socket.socket | None = request.META.get(SERVERS_SOCKET)
    return None if connection is None else lambda: has_hung_up(connection)


def has_hung_up(connection: socket.socket) -> bool:
    """Asks the kernel, and reads nothing: bytes of the next request may be waiting before the end,
    and those of TLS mean nothing here.
    """
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))
