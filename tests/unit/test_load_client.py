"""The client that measures: what it sends, and every shape of answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from embeddings.exceptions import InvalidRequest
from embeddings.services.load_client import LoadClient

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nch\r\n4\r\nunks\r\n0\r\n\r\n"
)
LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\nlast"
EMPTY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n"
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nthe beg"


class Server:
    """Answers each request with the next of its answers, over as many connections as come."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                while (request := connection.recv(65536)) and self.answers:
                    self.requests.append(request)
                    answer = self.answers.pop(0)
                    connection.sendall(answer)
                    if answer in (LAST, CUT):
                        break


@pytest.fixture
def server() -> Iterator[Server]:
    with closing(Server()) as server:
        yield server


def test_it_works(server: Server) -> None:
    server.answers = [WHOLE, CHUNKED, WHOLE]
    with closing(LoadClient(server.url + "/base/", token="emb_t")) as client:
        answers = [client.post("/v1/search", b"{}") for _ in range(3)]
    assert answers == [b"whole", b"chunks", b"whole"]
    assert server.connections == 1
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /base/v1/search HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Bearer emb_t\r\nContent-Length: 2" in head
    assert body == b"{}"


def test_it_connects_anew_where_the_server_hangs_up(server: Server) -> None:
    server.answers = [LAST, WHOLE]
    with closing(LoadClient(server.url)) as client:
        assert [client.post("/", b""), client.post("/", b"")] == [b"last", b"whole"]
    assert server.connections == 2


def test_a_status_is_an_answer_to_ask_and_a_failure_to_post(server: Server) -> None:
    server.answers = [EMPTY, EMPTY]
    with closing(LoadClient(server.url)) as client:
        assert client.ask("GET", "/health") == (503, b"")
        with pytest.raises(InvalidRequest, match="The service answers 503"):
            client.post("/", b"")


@pytest.mark.parametrize("answer", [CUT, b"SSH-2.0-x\r\n"])
def test_half_an_answer_is_none(server: Server, answer: bytes) -> None:
    server.answers = [answer, WHOLE]
    with closing(LoadClient(server.url)) as client:
        with pytest.raises(InvalidRequest, match="does not answer"):
            client.post("/", b"")
        assert client.post("/", b"") == b"whole"


def test_nobody_there() -> None:
    with socket.socket() as holder:  # so that nobody else is given the port; it does not listen
        holder.bind(("127.0.0.1", 0))
        port = holder.getsockname()[1]
        with pytest.raises(InvalidRequest, match="ConnectionRefusedError"):
            LoadClient(f"http://127.0.0.1:{port}").ask("GET", "/")
