"""Which API tokens are good: proven by what is stored, and trusted for a moment."""

import math
import threading
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from hashlib import blake2b
from hmac import compare_digest
from secrets import token_bytes
from time import monotonic

from django.utils import timezone

from accounts import token_format
from accounts.addresses import is_within
from accounts.exceptions import InvalidToken
from accounts.lookup import Lookup, compile_lookup, look_up
from accounts.models import ApiToken

LAST_USED_STEP = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that reading stays free of writes."""

TRUSTED_S = 0.9
"""So long a process trusts what it read of a token: a revocation reaches every process within a
second, the last request that was let in included; a busy client's token costs no query a request.
"""

MOST_TRUSTED = 10_000

NO_DIGEST = token_bytes(32)
"""Compared where there is nothing to compare, so that no time tells what there is."""

MARKING_KEY = token_bytes(32)
"""Of this process: what it keeps of a token is no use anywhere else."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that a process trusts, until its own clock says so."""

    token: ApiToken
    until: float


# By a keyed hash of the whole plaintext; who has been there for longest comes first.
_verified: dict[bytes, Verified] = {}
_verified_lock = threading.Lock()
_forgotten = 0


def verify_api_token(plaintext: str, *, address: str = "") -> ApiToken:
    """The live token with this plaintext, sent from this address; its user is loaded. A mistyped
    one costs no query, and neither does one that this process read less than TRUSTED_S ago. All
    threads share the result: nobody changes it.

    Raises InvalidToken, whatever is wrong, and after the same work for every token that is spelled
    well.
    """
    mark = blake2b(plaintext.encode(), key=MARKING_KEY).digest()
    trusted = _verified.get(mark)
    known = trusted is not None and trusted.until > monotonic()
    token = trusted.token if trusted and known else _read(plaintext, mark)
    if token.networks is not None and not is_within(address, tuple(token.networks)):
        raise InvalidToken
    if not known:
        _touch(token)
    return token


def forget_verified_tokens() -> None:
    """Ask the database again from the next request on, also for what it is just being asked."""
    global _forgotten
    with _verified_lock:
        _forgotten += 1
        _verified.clear()


def _read(plaintext: str, mark: bytes) -> ApiToken:
    asked, read_at = _forgotten, monotonic()
    token, lasts = _verify(plaintext)
    with _verified_lock:
        if asked == _forgotten:  # else it may be what was read before it was revoked
            _make_room(mark)
            _verified[mark] = Verified(token, until=read_at + min(lasts, TRUSTED_S))
    return token


def _make_room(mark: bytes) -> None:
    _verified.pop(mark, None)  # what was trusted before: its successor comes last
    now = monotonic()
    while _verified:
        first = next(iter(_verified))
        if _verified[first].until > now and len(_verified) < MOST_TRUSTED:
            return
        del _verified[first]


def _verify(plaintext: str) -> tuple[ApiToken, float]:
    """The token, and for how many seconds it is sure to last."""
    parts = token_format.parse(plaintext)
    if parts is None:
        raise InvalidToken
    key, secret = parts
    digests = token_format.digests(secret)
    token = look_up(_by_key(), key=key)
    now = timezone.now()
    current = NO_DIGEST if token is None else bytes(token.digest)
    previous = bytes((token and token.previous_digest) or NO_DIGEST)
    by_current = [compare_digest(current, digest) for digest in digests]
    by_previous = [compare_digest(previous, digest) for digest in digests]
    if token is None or not token.is_live(now) or not token.user.is_active:
        raise InvalidToken
    ends = [token.expires_at]
    if not any(by_current):
        if token.previous_until is None or token.previous_until <= now or not any(by_previous):
            raise InvalidToken
        ends.append(token.previous_until)
    elif not by_current[0]:
        _renew(token, digests[0])
    if token.ancestors:
        minters = list(ApiToken.objects.filter(pk__in=token.ancestors))
        if not all(minter.is_live(now) for minter in minters):  # it may have got an earlier end
            raise InvalidToken
        ends += [minter.expires_at for minter in minters]
        token.inherited = tuple(each for minter in minters for each in minter.allowances)
    return token, min([(end - now).total_seconds() for end in ends if end], default=math.inf)


@cache
def _by_key() -> Lookup[ApiToken]:
    return compile_lookup(ApiToken.objects.filter(key="key"), related="user", key="key")


def _touch(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _renew(token: ApiToken, digest: bytes) -> None:
    """By the present pepper, unless another secret has come in between."""
    same = ApiToken.objects.filter(pk=token.pk, digest=token.digest)
    same.update(digest=digest, pepper_id=token_format.pepper_id())
