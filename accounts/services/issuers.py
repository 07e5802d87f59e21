"""Callers who come with a token that somebody else has signed."""

from typing import Any

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from accounts import jose
from accounts.exceptions import InvalidName, InvalidToken, LastAdmin, UserExists
from accounts.issuer import Issuer
from accounts.jose import Trust, Untrusted
from accounts.jwks import keys_of
from accounts.models import Identity
from accounts.policy import Action, SiteRole
from accounts.services.callers import Caller, find_identity
from accounts.services.users import change_user, create_user

LEEWAY_S = 30
"""Clocks of two services differ."""

MAX_SUBJECT = 500
RANK = list(SiteRole)

log = structlog.stdlib.get_logger("accounts.issuers")


def verify_of_others(*, issuer: str, token: str) -> Caller:
    """The caller that the token of this issuer stands for. Raises Untrusted and InvalidToken."""
    declared = next((each for each in settings.EMBED.jwt_issuers if each.issuer == issuer), None)
    if declared is None:
        raise Untrusted("issuer")
    trust = Trust(
        issuer=declared.issuer,
        audience=declared.audience,
        algorithms=frozenset(declared.algorithms),
        keys=keys_of(declared.model_dump_json()).find,
        leeway_s=LEEWAY_S,
    )
    claims = jose.verify(token, trust=trust)
    identity = _identity_of(declared, claims)
    _take_role(identity, _role_of(declared, claims), signed_at=int(claims["iat"]))
    user = identity.user
    principal = user.as_principal(scopes=_scopes_of(declared, claims))
    return Caller(user, principal, "jwt", float(claims["exp"]) + LEEWAY_S)


def _identity_of(issuer: Issuer, claims: dict[str, Any]) -> Identity:
    subject = _claim(claims, issuer.subject_claim)
    if not isinstance(subject, str) or not 0 < len(subject) <= MAX_SUBJECT or "\0" in subject:
        raise Untrusted("subject")
    identity = find_identity(issuer=issuer.issuer, subject=subject)
    if identity is None and issuer.create_users:
        identity = _create_user(issuer.issuer, subject, _claim(claims, issuer.username_claim))
    if identity is None:
        raise InvalidToken
    return identity


def _create_user(issuer: str, subject: str, username: Any) -> Identity | None:
    """A new user for a new subject; None where the subject has one that is not active, or the name
    is another's: who comes from elsewhere must not become somebody here.
    """
    if not isinstance(username, str):
        raise Untrusted("username")
    if Identity.objects.filter(issuer=issuer, subject=subject).exists():
        return None
    try:
        with transaction.atomic():
            user = create_user(username=username, fields={})
            return Identity.objects.create(issuer=issuer, subject=subject, user=user)
    except (UserExists, InvalidName) as refusal:
        log.warning("user_not_created", issuer=issuer, code=refusal.code)
        return None
    except IntegrityError:  # another request was first
        return find_identity(issuer=issuer, subject=subject)


def _take_role(identity: Identity, role: SiteRole | None, *, signed_at: int) -> None:
    """Give the user the role that its issuer says, so that it holds for all that the user does and
    hands on; an older token that comes later changes nothing, and neither does one that would leave
    nobody to administer the service.
    """
    if role is None or (identity.claims_at or 0) >= signed_at:
        return
    newest = Identity.objects.filter(pk=identity.pk).exclude(claims_at__gte=signed_at)
    try:
        with transaction.atomic():
            if newest.update(claims_at=signed_at) and identity.user.site_role != role:
                change_user(user=identity.user, fields={"role": role})
    except LastAdmin:
        identity.user.refresh_from_db()


def _role_of(issuer: Issuer, claims: dict[str, Any]) -> SiteRole | None:
    """The highest role that the claim names, `member` where it names none; None where the user's
    own holds.
    """
    if issuer.role_claim is None:
        return None
    named = {issuer.roles[v] for v in _strings(_claim(claims, issuer.role_claim), issuer.roles)}
    return max(named, key=RANK.index, default=SiteRole.MEMBER)


def _scopes_of(issuer: Issuer, claims: dict[str, Any]) -> frozenset[Action] | None:
    if issuer.scope_claim is None:
        return None
    value = _claim(claims, issuer.scope_claim)
    named = value.split() if isinstance(value, str) else value
    return frozenset(Action(name) for name in _strings(named, set(Action)))


def _strings(value: Any, known: Any) -> list[str]:
    """Those of the claim's strings that mean something here."""
    values = value if isinstance(value, list) else [value]
    return [each for each in values if isinstance(each, str) and each in known]


def _claim(claims: dict[str, Any], name: str) -> Any:
    """The claim of this name, else what the name leads to as a path with dots."""
    if name in claims:
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
