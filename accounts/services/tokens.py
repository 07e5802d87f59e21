"""Making and checking API tokens."""

import hashlib
import hmac
import re
import secrets
import string
import threading
import zlib
from datetime import UTC, datetime, timedelta
from functools import cache

from cachetools import TTLCache
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from accounts.exceptions import InvalidToken
from accounts.lookup import Lookup, compile_lookup, look_up
from accounts.models import ApiToken, User

ALPHABET = string.ascii_letters + string.digits
TOKEN_PATTERN = re.compile(r"emb_([A-Za-z0-9]{12})_([A-Za-z0-9]{40})([0-9a-f]{8})")
LAST_USED_STEP = timedelta(minutes=1)
"""`last_used_at` is written at most this often, so that reading stays free of writes."""

TRUSTED_S = 1.0
"""So long a process trusts what it verified: a revocation reaches every process within it, and a
busy client's token costs no query a request."""

_verified: TTLCache[bytes, ApiToken] = TTLCache(maxsize=10_000, ttl=TRUSTED_S)
_verified_lock = threading.Lock()


def create_api_token(
    *, user: User, name: str, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """A new token and its plaintext, which is never stored and can't be shown again."""
    key, secret = _random(12), _random(40)
    token = ApiToken.objects.create(
        user=user, name=name, key=key, digest=_digest(secret), expires_at=expires_at
    )
    return token, f"emb_{key}_{secret}{_checksum(key + secret)}"


def verify_api_token(plaintext: str) -> ApiToken:
    """The live token with this plaintext, its user loaded; a mistyped one costs no query, and
    neither does one that this process verified less than TRUSTED_S ago. All threads share the
    result: nobody changes it.

    Raises InvalidToken.
    """
    parts = TOKEN_PATTERN.fullmatch(plaintext)
    if parts is None or parts[3] != _checksum(parts[1] + parts[2]):
        raise InvalidToken
    digest = _digest(parts[2])
    with _verified_lock:
        trusted = _verified.get(digest)
    if trusted is not None and trusted.key == parts[1]:
        return trusted
    token = look_up(_live_token(), key=parts[1], now=timezone.now())
    if token is None or not hmac.compare_digest(bytes(token.digest), digest):
        raise InvalidToken
    _touch(token)
    with _verified_lock:
        _verified[digest] = token
    return token


def forget_verified_tokens() -> None:
    """Ask the database again from the next request on."""
    with _verified_lock:
        _verified.clear()


def revoke_api_token(*, token: ApiToken) -> None:
    """The token is refused: here from the next request on, in other processes within TRUSTED_S."""
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    forget_verified_tokens()


@cache
def _live_token() -> Lookup[ApiToken]:
    key, now = "key", datetime.max.replace(tzinfo=UTC)
    tokens = ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=now),
        key=key,
        revoked_at=None,
        user__is_active=True,
    )
    return compile_lookup(tokens, related="user", key=key, now=now)


def _touch(token: ApiToken) -> None:
    now = timezone.now()
    if token.last_used_at is None or now - token.last_used_at > LAST_USED_STEP:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _digest(secret: str) -> bytes:
    config = settings.EMBED
    pepper = (config.token_pepper or config.secret_key).get_secret_value()
    return hmac.new(f"api token {pepper}".encode(), secret.encode(), hashlib.sha256).digest()
