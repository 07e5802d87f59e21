"""Signed tokens: given for a password, renewed, ended, and checked, our own and those of others."""

import hashlib
import hmac
import secrets
import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts import jose
from accounts.actor import identify
from accounts.exceptions import InvalidToken
from accounts.jose import PublicKey, SigningKey, Trust, Untrusted
from accounts.lookup import Lookup, compile_lookup, look_up
from accounts.models import Login, User
from accounts.models.audit import Outcome
from accounts.policy import Action
from accounts.services.audit import record
from accounts.services.callers import Caller, forget_callers, recognise
from accounts.services.issuers import verify_of_others

ACCESS, REFRESH = "at+jwt", "rt+jwt"
"""The types in the tokens' headers, so that none passes for the other: RFC 9068 and our own."""

log = structlog.stdlib.get_logger("accounts.jwt")


@dataclass(frozen=True)
class TokenPair:
    """What a login gets, once; the times are in seconds."""

    access: str
    refresh: str
    access_s: int
    refresh_s: int
    scopes: list[str] | None


def start_login(*, user: User, scopes: Iterable[Action] | None = None) -> TokenPair:
    """The first tokens of a new login of the user, who has proven to be it."""
    token_id = secrets.token_urlsafe(16)
    identify(user_id=user.pk, username=user.username, credential="jwt")
    with transaction.atomic():
        login = Login.objects.create(
            user=user,
            digest=_digest(token_id),
            auth_hash=user.get_session_auth_hash(),
            scopes=None if scopes is None else sorted(set(scopes)),
            expires_at=_end(),
        )
        record(
            event="login.create",
            object_type="login",
            object_id=str(login.pk),
            after={"user": user.username, "scopes": login.scopes},
        )
    return _pair(login, token_id)


def refresh_login(*, refresh_token: str) -> TokenPair:
    """New tokens for the newest refresh token of a login, which is good for nothing from then on.
    An older one ends the login: it was stolen, or the newer ones were. Raises InvalidToken.
    """
    claims = _own_claims(refresh_token, REFRESH)
    token_id = secrets.token_urlsafe(16)
    with transaction.atomic():
        login = _lock_login(claims)
        stolen = not hmac.compare_digest(bytes(login.digest), _digest(str(claims.get("jti"))))
        if stolen:
            _end_login(login, outcome=Outcome.DENIED)
        else:
            login.digest = _digest(token_id)
            login.refreshed_at, login.expires_at = timezone.now(), _end()
            login.save(update_fields=["digest", "refreshed_at", "expires_at"])
            record(event="login.refresh", object_type="login", object_id=str(login.pk))
    if stolen:
        log.warning("refresh_token_reused", login=str(login.pk), user_id=login.user_id)
        raise InvalidToken
    return _pair(login, token_id)


def end_login(*, refresh_token: str) -> None:
    """Its tokens are refused: here from the next request on, elsewhere within a second. Raises
    InvalidToken.
    """
    claims = _own_claims(refresh_token, REFRESH)
    with transaction.atomic():
        _end_login(_lock_login(claims), outcome=Outcome.SUCCESS)


def verify_jwt(*, token: str) -> Caller:
    """The caller that a token of ours, or of an issuer that is declared, stands for. Raises
    InvalidToken.
    """
    return recognise(kind="jwt", proof=token.encode(), verify=lambda: _verify(token))


def public_keys() -> list[PublicKey]:
    """The keys that our tokens are checked with, the one that signs first; none where we give
    none.
    """
    config = settings.EMBED
    if not config.jwt:
        return []
    old = [_public_key(file) for file in config.jwt_old_key_files]
    return [_signing_key(config.jwt_key_file).public, *old]


def _verify(token: str) -> Caller:
    try:
        issuer = jose.claimed_issuer(token)
        if settings.EMBED.jwt and issuer == settings.EMBED.jwt_issuer:
            return _caller(_own_claims(token, ACCESS))
        return verify_of_others(issuer=issuer, token=token)
    except Untrusted as reason:
        log.info("jwt_refused", reason=str(reason))
        raise InvalidToken from None


def _caller(claims: dict[str, Any]) -> Caller:
    login = look_up(_live_login(), id=_login_id(claims), now=timezone.now())
    if login is None or not _is_good(login, claims):
        raise InvalidToken
    scopes = None if login.scopes is None else frozenset(a for a in Action if a in login.scopes)
    principal = login.user.as_principal(scopes=scopes)
    return Caller(login.user, principal, "jwt", float(claims["exp"]))


def _own_claims(token: str, type: str) -> dict[str, Any]:  # noqa: A002
    if not settings.EMBED.jwt:
        raise InvalidToken
    name = settings.EMBED.jwt_issuer
    keys = public_keys()
    trust = Trust(
        issuer=name,
        audience=name,
        algorithms=frozenset(key["alg"] for key in keys),
        keys=lambda key_id: [key for key in keys if key["kid"] == key_id],
        type=type,
    )
    try:
        return jose.verify(token, trust=trust)
    except Untrusted as reason:
        log.info("jwt_refused", reason=str(reason))
        raise InvalidToken from None


def _lock_login(claims: dict[str, Any]) -> Login:
    """The login, as long as it is good, for this transaction alone. Raises InvalidToken."""
    logins = Login.objects.select_related("user").select_for_update(of=("self",))
    login = logins.filter(
        pk=_login_id(claims), revoked_at=None, expires_at__gt=timezone.now(), user__is_active=True
    ).first()
    if login is None or not _is_good(login, claims):
        raise InvalidToken
    user = login.user
    identify(user_id=user.pk, username=user.username, credential="jwt")
    return login


def _is_good(login: Login, claims: dict[str, Any]) -> bool:
    """Whether the token is one of this login, and the password still the one that began it."""
    return str(login.user_id) == claims["sub"] and constant_time_compare(
        login.auth_hash, login.user.get_session_auth_hash()
    )


def _end_login(login: Login, *, outcome: Outcome) -> None:
    login.revoked_at = timezone.now()
    login.save(update_fields=["revoked_at"])
    record(event="login.delete", object_type="login", object_id=str(login.pk), outcome=outcome)
    transaction.on_commit(forget_callers)


def _login_id(claims: dict[str, Any]) -> uuid.UUID:
    try:
        return uuid.UUID(str(claims.get("sid")))
    except ValueError:
        raise InvalidToken from None


@cache
def _live_login() -> Lookup[Login]:
    login_id, now = uuid.UUID(int=0), datetime.max.replace(tzinfo=UTC)
    logins = Login.objects.filter(
        pk=login_id, revoked_at=None, expires_at__gt=now, user__is_active=True
    )
    return compile_lookup(logins, related="user", id=login_id, now=now)


def _pair(login: Login, token_id: str) -> TokenPair:
    config = settings.EMBED
    now = int(time.time())
    claims = {
        "iss": config.jwt_issuer,
        "aud": config.jwt_issuer,
        "sub": str(login.user_id),
        "sid": str(login.pk),
        "iat": now,
    }
    key = _signing_key(config.jwt_key_file)
    access = {**claims, "exp": now + config.jwt_access_s, "jti": secrets.token_urlsafe(16)}
    refresh = {**claims, "exp": now + config.jwt_refresh_s, "jti": token_id}
    return TokenPair(
        access=jose.sign(access, key=key, type=ACCESS),
        refresh=jose.sign(refresh, key=key, type=REFRESH),
        access_s=config.jwt_access_s,
        refresh_s=config.jwt_refresh_s,
        scopes=login.scopes,
    )


def _end() -> Any:
    return timezone.now() + timedelta(seconds=settings.EMBED.jwt_refresh_s)


def _digest(token_id: str) -> bytes:
    return hashlib.sha256(token_id.encode()).digest()


@lru_cache(maxsize=16)
def _signing_key(file: Path) -> SigningKey:
    return jose.read_signing_key(file)


@lru_cache(maxsize=16)
def _public_key(file: Path) -> PublicKey:
    return jose.read_public_key(file)
