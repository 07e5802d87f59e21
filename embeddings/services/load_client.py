"""A client that keeps one connection, for measuring the service from outside."""

import http.client
from urllib.parse import urlsplit

from embeddings.exceptions import InvalidRequest

TIMEOUT_S = 60


class LoadClient:
    """One kept connection to a server; for one thread."""

    def __init__(self, url: str, *, token: str = "") -> None:
        """`url` up to, not including, the paths that are asked for."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        self._base = parts.path.rstrip("/")
        # Searching is measured, not remembering what was found.
        self._headers = {"Content-Type": "application/json", "Cache-Control": "no-cache"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """Status and body of the answer. Raises InvalidRequest when there is none."""
        try:
            self._connection.request(method, self._base + path, body, self._headers)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request connects anew
            detail = f"The service does not answer: {type(error).__name__}."
            raise InvalidRequest(detail=detail) from None

    def post(self, path: str, body: bytes) -> bytes:
        """The answer's body. Raises InvalidRequest unless the status is 200."""
        status, answer = self.ask("POST", path, body)
        if status != http.HTTPStatus.OK:
            detail = f"The service answers {status} {http.client.responses.get(status, '')}."
            raise InvalidRequest(detail=detail)
        return answer

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
