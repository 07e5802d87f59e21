"""API tokens: shown once, stored as a keyed hash, refused when anything is off."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.exceptions import InvalidToken
from accounts.models import ApiToken
from accounts.services.tokens import create_api_token, revoke_api_token, verify_api_token
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
        with recorded_statements() as statements:
            verify_api_token(plaintext)
        assert [text.split()[0] for text in statements] == ["SELECT", "UPDATE"][: 1 + written]
    token.refresh_from_db()
    assert token.last_used_at is not None
