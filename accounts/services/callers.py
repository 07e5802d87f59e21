"""Whom this process has just recognised, by any credential but an API token."""

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cachetools import TTLCache

from accounts.lookup import Lookup, compile_lookup, look_up
from accounts.models import Identity, User
from accounts.principal import Principal
from accounts.services.verified_tokens import TRUSTED_S


@dataclass(frozen=True, slots=True)
class Caller:
    """A user with what its credential leaves it; `credential` is the kind, as the audit names it,
    and `expires_at` in seconds since 1970 when the proof ends.
    """

    user: User
    principal: Principal
    credential: str
    expires_at: float = math.inf


_known: TTLCache[bytes, tuple[Caller, float]] = TTLCache(maxsize=10_000, ttl=TRUSTED_S)
"""With the time by this process's clock until which each is trusted."""

_lock = threading.Lock()
_forgotten = 0


def recognise(*, kind: str, proof: bytes, verify: Callable[[], Caller]) -> Caller:
    """The caller that `verify` finds, which is not asked for a proof that it accepted less than
    TRUSTED_S ago: that a revocation takes that long is the price of a request without a query.
    """
    key = hashlib.sha256(kind.encode() + b"\0" + proof).digest()
    started = time.monotonic()
    with _lock:
        (known, until), forgotten = _known.get(key, (None, 0.0)), _forgotten
    if known is not None and started < until and time.time() < known.expires_at:
        return known
    caller = verify()
    with _lock:
        if forgotten == _forgotten:  # else it may be what was read before it was revoked
            _known[key] = caller, started + TRUSTED_S
    return caller


def forget_callers() -> None:
    """Verify anew from the next request on."""
    global _forgotten
    with _lock:
        _forgotten += 1
        _known.clear()


def find_identity(*, issuer: str, subject: str) -> Identity | None:
    """The identity, and with it the active user whom the subject of the issuer stands for."""
    return look_up(_active_identity(), issuer=issuer, subject=subject)


@cache
def _active_identity() -> Lookup[Identity]:
    issuer, subject = "\0issuer", "\0subject"
    identities = Identity.objects.filter(issuer=issuer, subject=subject, user__is_active=True)
    return compile_lookup(identities, related="user", issuer=issuer, subject=subject)
