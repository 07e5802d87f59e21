"""The public keys of an issuer, from its file or over the network, kept for a while."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from accounts.issuer import Issuer
from accounts.jose import PublicKey

FRESH_S = 600.0
"""After so long the keys are asked for again."""

STALE_S = 3600.0
"""So long they are good while their issuer does not answer: it may have withdrawn one."""

RETRY_S = 10.0
"""Seldom enough that tokens with invented keys make nobody ask the issuer all the time."""

TIMEOUT_S = 3.0
MAX_BYTES = 256 * 1024

log = structlog.stdlib.get_logger("accounts.jwks")


class JwksUnavailable(Exception):
    """The keys can't be read; the message says why."""


class IssuerKeys:
    """The keys of one issuer; threads share it, and one of them asks."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self._keys: Sequence[PublicKey] = ()
        self._read_at = self._tried_at = float("-inf")
        self._asking = threading.Lock()

    def find(self, key_id: str | None) -> list[PublicKey]:
        """Those with this id, or all without one; none of an issuer that has not answered.

        Whoever finds another one asking goes by the keys that are there, if any.
        """
        if self._is_due(key_id) and self._asking.acquire(blocking=not self._keys):
            try:
                if self._is_due(key_id):
                    self._read()
            finally:
                self._asking.release()
        if time.monotonic() - self._read_at > STALE_S:
            self._keys = ()
        return self._matching(key_id)

    def _is_due(self, key_id: str | None) -> bool:
        now = time.monotonic()
        wanted = now - self._read_at > FRESH_S or not self._matching(key_id)
        return wanted and now - self._tried_at > RETRY_S

    def _matching(self, key_id: str | None) -> list[PublicKey]:
        return [key for key in self._keys if key_id is None or key.get("kid") == key_id]

    def _read(self) -> None:
        self._tried_at = time.monotonic()
        try:
            self._keys = read_keys(self.issuer)
            self._read_at = time.monotonic()
        except JwksUnavailable as error:
            log.warning("jwks_unavailable", issuer=self.issuer.issuer, reason=str(error))


@lru_cache(maxsize=1000)
def keys_of(issuer_json: str) -> IssuerKeys:
    """The keys of the issuer that is declared so."""
    return IssuerKeys(Issuer.model_validate_json(issuer_json))


def read_keys(issuer: Issuer) -> list[PublicKey]:
    """What the issuer publishes now. Raises JwksUnavailable."""
    try:
        if issuer.jwks_file is not None:
            text = Path(issuer.jwks_file).read_bytes()
        else:
            text = _fetch(str(issuer.jwks_url))
        document: Any = json.loads(text)
        return [key for key in document["keys"] if isinstance(key, dict)]
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
        raise JwksUnavailable(f"{type(error).__name__}: {error}") from None


def _fetch(url: str) -> bytes:
    """The document; a redirect is no answer, as it might lead anywhere."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(str(parts.hostname), parts.port, timeout=TIMEOUT_S)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target or "/", headers={"Accept": "application/json"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise ValueError(f"status {answer.status}")
        text = answer.read(MAX_BYTES + 1)
    finally:
        connection.close()
    if len(text) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    return text
