"""Making, rotating and revoking API tokens."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import token_format
from accounts.exceptions import (
    ActionForbidden,
    ExceedsCredential,
    InvalidToken,
    NotFound,
    TokenEnded,
)
from accounts.models import ApiToken, User
from accounts.narrowing import Narrowing, parse_networks
from accounts.policy import Action
from accounts.principal import Principal
from accounts.services.audit import record
from accounts.services.verified_tokens import forget_verified_tokens


def create_api_token(
    *,
    user: User,
    name: str,
    minted_by: Principal | None = None,
    expires_at: datetime | None = None,
    scopes: Iterable[Action] | None = None,
    collections: Iterable[uuid.UUID] | None = None,
    row_filter: dict[str, Any] | None = None,
    networks: Iterable[str] | None = None,
    requests_per_minute: int | None = None,
    tokens_per_day: int | None = None,
    tokens_per_month: int | None = None,
) -> tuple[ApiToken, str]:
    """A new token and its plaintext, which is never stored and can't be shown again.

    Who mints hands on no more than its own credential has, and only administrators to other users;
    without `minted_by` it is the service itself. Raises ExceedsCredential, ActionForbidden and
    InvalidNetwork.
    """
    wish = Narrowing(
        expires_at=expires_at,
        scopes=None if scopes is None else frozenset(scopes),
        collections=None if collections is None else frozenset(collections),
        row_filter=row_filter,
        networks=None if networks is None else parse_networks(networks),
        requests_per_minute=requests_per_minute,
        tokens_per_day=tokens_per_day,
        tokens_per_month=tokens_per_month,
    )
    secret = token_format.new_secret()
    if minted_by and user.pk != minted_by.user_id and not minted_by.may(Action.ADMINISTER):
        raise ActionForbidden(action=Action.ADMINISTER.value)
    ancestors = _lineage(minted_by) if minted_by else []
    with transaction.atomic():
        wish = wish.within(_narrowing(ancestors, _hold(ancestors)))
        token = ApiToken.objects.create(
            user=user,
            name=name,
            key=token_format.new_key(),
            digest=token_format.digests(secret)[0],
            pepper_id=token_format.pepper_id(),
            created_by_id=minted_by.user_id if minted_by else None,
            ancestors=ancestors,
            **_columns(wish),
        )
        _record("token.create", token, after=_shown(token))
    return token, token_format.spell(key=token.key, secret=secret)


def list_api_tokens(
    *,
    principal: Principal,
    username: str | None = None,
    live: bool = False,
    after: int | None = None,
    limit: int,
) -> list[ApiToken]:
    """The next `limit` tokens behind the id `after` that the principal may see, newest first."""
    tokens = ApiToken.objects.visible_to(principal).select_related("user", "created_by")
    if username is not None:
        tokens = tokens.filter(user__username=username)
    if live:
        tokens = tokens.live()
    if after is not None:
        tokens = tokens.filter(pk__lt=after)
    return list(tokens.order_by("-pk")[:limit])


def get_api_token(*, principal: Principal, key: str) -> ApiToken:
    """Raises NotFound."""
    tokens = ApiToken.objects.visible_to(principal).select_related("user", "created_by")
    token = tokens.filter(key=key).first() if token_format.is_key(key) else None
    if token is None:
        raise NotFound
    return token


def rotate_api_token(
    *, token: ApiToken, by: Principal, overlap: timedelta, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """The token as it is now, and its new plaintext; the old one serves until the overlap is over.
    All else stays, but for the end, where another is given.

    Raises NotFound, TokenEnded, and ExceedsCredential for a token, or an end, beyond the credential
    of who rotates it.
    """
    secret, now = token_format.new_secret(), timezone.now()
    lineage = _lineage(by)
    with transaction.atomic():
        held = _hold([*lineage, token.pk])
        outer = _narrowing(lineage, held)
        if token.pk not in held:
            raise NotFound
        token = held[token.pk]
        if not token.is_live(now):
            raise TokenEnded
        token.expires_at = expires_at or token.expires_at
        if token.narrowing.within(outer) != token.narrowing:
            raise ExceedsCredential
        token.previous_digest = token.digest if overlap else None
        token.previous_until = now + overlap if overlap else None
        token.digest = token_format.digests(secret)[0]
        token.pepper_id = token_format.pepper_id()
        token.save(
            update_fields=[
                *("digest", "pepper_id", "previous_digest", "previous_until", "expires_at")
            ]
        )
        shown = {"expires_at": token.expires_at, "previous_until": token.previous_until}
        _record("token.rotate", token, after=shown)
        _forget_now_and_at_commit()
    return token, token_format.spell(key=token.key, secret=secret)


def revoke_api_token(*, token: ApiToken) -> int:
    """The token is refused, and so is every token that it minted: here from the next request on, in
    other processes within a second. Returns how many were live.
    """
    now = timezone.now()
    with transaction.atomic():
        # Whoever mints holds this row, too: what is being minted is there before we look.
        _hold([token.pk])
        family = ApiToken.objects.filter(Q(pk=token.pk) | Q(ancestors__contains=[token.pk]))
        live = list(family.filter(revoked_at=None).select_related("user"))
        for each in live:
            each.revoked_at = now
            _record("token.revoke", each, after={"revoked_at": now, "with": token.key})
        ApiToken.objects.bulk_update(live, ["revoked_at"])
        _forget_now_and_at_commit()
    token.refresh_from_db(fields=["revoked_at"])
    return len(live)


def _forget_now_and_at_commit() -> None:
    """For what runs in this transaction, and for everybody else."""
    forget_verified_tokens()
    transaction.on_commit(forget_verified_tokens)


def _lineage(principal: Principal) -> list[int]:
    """The ids of the tokens whose end is the end of all that the principal mints, its own last;
    none for a user's own login. Raises ActionForbidden for any other narrowed credential: nothing
    would end what it mints.
    """
    if principal.token_id is not None:
        minter = ApiToken.objects.filter(pk=principal.token_id)
        return [*(minter.values_list("ancestors", flat=True).first() or ()), principal.token_id]
    if principal.is_narrowed:
        raise ActionForbidden(action=Action.TOKENS.value)
    return []


def _hold(ids: Sequence[int]) -> dict[int, ApiToken]:
    """The tokens as they are and stay until the transaction ends."""
    tokens = ApiToken.objects.select_for_update(of=("self",), no_key=True).select_related("user")
    return {token.pk: token for token in tokens.filter(pk__in=ids).order_by("pk")}


def _narrowing(lineage: Sequence[int], held: Mapping[int, ApiToken]) -> Narrowing:
    """What the last of them leaves. Raises InvalidToken when it has ended meanwhile."""
    if not lineage:
        return Narrowing()
    token = held.get(lineage[-1])
    if token is None or not token.is_live(timezone.now()):
        raise InvalidToken
    return token.narrowing


def _columns(narrowing: Narrowing) -> dict[str, Any]:
    columns = asdict(narrowing)
    for name in ("scopes", "collections"):
        columns[name] = None if columns[name] is None else sorted(columns[name])
    return columns


def _record(event: str, token: ApiToken, *, after: Mapping[str, Any]) -> None:
    record(event=event, object_type="token", object_id=token.key, after=after)


def _shown(token: ApiToken) -> dict[str, Any]:
    narrowed = {
        name: value for name, value in _columns(token.narrowing).items() if value is not None
    }
    return {"user": token.user.username, "name": token.name, **narrowed}
