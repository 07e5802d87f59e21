"""A stand-in for another company's server: speaks OpenAI's protocol over real sockets, with faults.

Each request takes the next of `faults`, and is answered well when there is none.
"""

import base64
import json
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 8
Fault = Callable[["Handler"], None]


def vector_of(text: str) -> NDArray[np.float32]:
    """The right answer for a text."""
    values = np.random.default_rng(crc32(text.encode())).standard_normal(DIMENSIONS)
    return values.astype(np.float32)


def vectors_of(texts: list[str]) -> NDArray[np.float32]:
    return np.array([vector_of(text) for text in texts]).reshape(-1, DIMENSIONS)


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    headers: Message
    body: dict[str, Any]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "FakeProvider"
    wbufsize = -1  # one packet for an answer

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(Request(self.path, self.headers, self.body))
        fault = self.server.faults.pop(0) if self.server.faults else good
        fault(self)

    def do_GET(self) -> None:
        self.send(200, {"object": "list", "data": self.server.models})

    def send(
        self, status: int, body: Any, headers: dict[str, str] | None = None, kind: str = "json"
    ) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": f"application/{kind}", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def answer(self) -> dict[str, Any]:
        """What a good server answers."""
        texts = self.body["input"]
        rows = [
            {"object": "embedding", "index": index, "embedding": encoded(vector_of(text))}
            for index, text in enumerate(texts)
        ]
        tokens = sum(map(len, texts))
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return {"object": "list", "data": rows, "model": self.body["model"], "usage": usage}

    def log_message(self, *_: Any) -> None:
        pass


class FakeProvider(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, place: tuple[str, int] | str = ("127.0.0.1", 0)) -> None:
        self.address_family = socket.AF_UNIX if isinstance(place, str) else socket.AF_INET
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        self.models: list[dict[str, Any]] = []
        self.connections = 0
        self.left_by_client = 0
        super().__init__(place, Handler)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        place: Any = self.server_address
        return f"unix:{place}" if isinstance(place, str) else f"http://127.0.0.1:{place[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the tests."""


@contextmanager
def provider(
    place: tuple[str, int] | str = ("127.0.0.1", 0), *, certificate: Path | None = None
) -> Iterator[FakeProvider]:
    """A running server; over TLS with a certificate."""
    server = FakeProvider(place)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def encoded(vector: NDArray[np.float32]) -> str:
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


# Answers, good and bad ---------------------------------------------------------------------------


def good(handler: Handler) -> None:
    handler.send(200, handler.answer())


def status(code: int, body: Any = None, headers: dict[str, str] | None = None) -> Fault:
    shown = {"error": {"message": "no", "code": "some_code"}} if body is None else body
    return lambda handler: handler.send(code, shown, headers)


def changed(change: Callable[[dict[str, Any]], Any]) -> Fault:
    """The good answer, changed in place."""

    def fault(handler: Handler) -> None:
        answer = handler.answer()
        change(answer)
        handler.send(200, answer)

    return fault


def first_embedding(value: Any) -> Fault:
    """Another value in place of the first vector."""
    return changed(lambda answer: answer["data"][0].update(embedding=value))


def raw(data: bytes) -> Fault:
    """These bytes in place of an answer, then the end."""

    def fault(handler: Handler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return fault


def hang(handler: Handler) -> None:
    """Nothing, until the client leaves."""
    handler.connection.settimeout(120)
    handler.connection.recv(1)
    handler.server.left_by_client += 1
    handler.close_connection = True


def drip_body(handler: Handler) -> None:
    """A byte every 50 ms, for ever."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    _drip(handler)


def drip_headers(handler: Handler) -> None:
    """As above, before the answer has begun."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    _drip(handler)


def _drip(handler: Handler) -> None:
    handler.close_connection = True
    for _ in range(2400):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        time.sleep(0.05)
