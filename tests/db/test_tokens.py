"""API tokens: shown once, stored as a keyed hash, refused when anything is off."""

from datetime import timedelta

import pytest
from cachetools import TTLCache
from django.utils import timezone

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken
from accounts.services import tokens
from accounts.services.tokens import (
    create_api_token,
    forget_verified_tokens,
    revoke_api_token,
    verify_api_token,
)
from tests.factories import make_user
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    user = make_user()
    token, plaintext = create_api_token(user=user, name="test")
    assert plaintext.startswith(f"emb_{token.key}_")
    verified = verify_api_token(plaintext)
    assert (verified, verified.user) == (token, user)


def test_the_secret_is_not_stored() -> None:
    _, plaintext = create_api_token(user=make_user(), name="test")
    secret = plaintext.split("_")[2][:40]
    row = ApiToken.objects.values_list().get()
    assert secret not in repr(row)


def test_a_mistyped_token_costs_no_query() -> None:
    _, plaintext = create_api_token(user=make_user(), name="test")
    wrong = plaintext[:-1] + ("0" if plaintext[-1] != "0" else "1")
    for mistyped in [wrong, plaintext[:-1], plaintext + "x", "", "emb_", "Bearer", "é"]:
        with recorded_statements() as statements, pytest.raises(InvalidToken):
            verify_api_token(mistyped)
        assert statements == []


def test_a_well_formed_token_with_another_secret_is_refused() -> None:
    token, plaintext = create_api_token(user=make_user(), name="test")
    other, _ = create_api_token(user=make_user(), name="other")
    ApiToken.objects.filter(pk=token.pk).update(digest=other.digest)
    with pytest.raises(InvalidToken):
        verify_api_token(plaintext)


def test_revoked_expired_and_inactive_are_refused() -> None:
    user = make_user()
    revoked, first = create_api_token(user=user, name="revoked")
    revoke_api_token(token=revoked)
    past = timezone.now() - timedelta(seconds=1)
    _, second = create_api_token(user=user, name="expired", expires_at=past)
    idle = make_user()
    _, third = create_api_token(user=idle, name="inactive")
    idle.is_active = False
    idle.save(update_fields=["is_active"])
    for plaintext in (first, second, third):
        with pytest.raises(InvalidToken):
            verify_api_token(plaintext)


def test_last_used_is_written_seldom() -> None:
    token, plaintext = create_api_token(user=make_user(), name="test")
    for written in (True, False):
        forget_verified_tokens()
        with recorded_statements() as statements:
            verify_api_token(plaintext)
        assert [text.split()[0] for text in statements] == ["SELECT", "UPDATE"][: 1 + written]
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_a_verified_token_costs_no_query_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    verified: TTLCache[bytes, ApiToken] = TTLCache(10, ttl=tokens.TRUSTED_S, timer=lambda: now)
    monkeypatch.setattr(tokens, "_verified", verified)
    user = make_user()
    token, plaintext = create_api_token(user=user, name="test")
    verify_api_token(plaintext)
    # As another process would do it.
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    with recorded_statements() as statements:
        assert verify_api_token(plaintext) == token
    assert statements == []
    now += tokens.TRUSTED_S
    with pytest.raises(InvalidToken):
        verify_api_token(plaintext)


def test_a_token_revoked_here_is_refused_at_once() -> None:
    token, plaintext = create_api_token(user=make_user(), name="test")
    verify_api_token(plaintext)
    revoke_api_token(token=token)
    with pytest.raises(InvalidToken):
        verify_api_token(plaintext)


def test_a_trusted_secret_opens_no_other_key() -> None:
    _, plaintext = create_api_token(user=make_user(), name="test")
    verify_api_token(plaintext)
    _, key, rest = plaintext.split("_")
    other = ("a" if key[0] != "a" else "b") + key[1:]
    forged = f"emb_{other}_{rest[:40]}{tokens._checksum(other + rest[:40])}"
    with pytest.raises(InvalidToken):
        verify_api_token(forged)
