"""API tokens: shown once, stored as a keyed hash, refused when anything is off."""

import uuid
from datetime import timedelta
from hmac import compare_digest
from typing import Any
from unittest.mock import patch

import pytest
from django.utils import timezone

from accounts import token_format
from accounts.allowance import Allowance
from accounts.lookup import look_up
from accounts.models import ApiToken, User
from accounts.policy import Action
from accounts.services import verified_tokens
from accounts.services.tokens import create_api_token, revoke_api_token, rotate_api_token
from accounts.services.verified_tokens import TRUSTED_S, forget_verified_tokens, verify_api_token
from tests.db.token_checks import Clock, made, refused
from tests.factories import make_user
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_it_works() -> None:
    user = make_user()
    token, plaintext = made(user)
    assert plaintext.startswith(f"emb_{token.key}_")
    verified = verify_api_token(plaintext)
    assert (verified, verified.user) == (token, user)
    assert verified.principal == user.as_principal(token_id=token.pk)
    assert verify_api_token(plaintext).principal is verified.principal


def test_the_secret_is_not_stored() -> None:
    _, plaintext = made()
    secret = plaintext.split("_")[2][:40]
    row = ApiToken.objects.values_list().get()
    assert secret not in repr(row)


def test_a_mistyped_token_costs_no_query() -> None:
    _, plaintext = made()
    wrong = plaintext[:-1] + ("0" if plaintext[-1] != "0" else "1")
    for mistyped in [wrong, plaintext[:-1], plaintext + "x", plaintext + "\n", "", "emb_", "é"]:
        with recorded_statements() as statements:
            assert refused(mistyped)
        assert statements == []


def bad_tokens() -> dict[str, str]:
    """Each is spelled well."""
    user, idle = make_user(), make_user()
    good, gone, old = made(user)[1], made(user), made(user)
    _, expired = made(user, expires_at=timezone.now() - timedelta(seconds=1))
    _, inactive = made(idle)
    User.objects.filter(pk=idle.pk).update(is_active=False)
    revoke_api_token(token=gone[0])
    rotate_api_token(token=old[0], by=user.as_principal(), overlap=timedelta(0))
    key, secret = good.split("_")[1], gone[1].split("_")[2][:40]
    return {
        "unknown key": token_format.spell(key=token_format.new_key(), secret=secret),
        "another's secret": token_format.spell(key=key, secret=secret),
        "revoked": gone[1],
        "expired by a second": expired,
        "disabled user": inactive,
        "rotated": old[1],
    }


def test_every_bad_token_is_the_same_work() -> None:
    """What is wrong with a token can't be told from the time that its refusal takes."""
    works: dict[str, tuple[list[str], int]] = {}
    for fault, plaintext in bad_tokens().items():
        with (
            recorded_statements() as statements,
            patch.object(verified_tokens, "compare_digest", wraps=compare_digest) as compared,
        ):
            assert refused(plaintext), fault
        works[fault] = (statements, compared.call_count)
    statements, comparisons = works["unknown key"]
    assert [statement.split()[0] for statement in statements] == ["SELECT"]
    assert comparisons == 2
    assert all(work == works["unknown key"] for work in works.values()), works


def test_what_is_stored_is_compared_in_constant_time() -> None:
    token, plaintext = made()
    with patch.object(verified_tokens, "compare_digest", return_value=False) as compared:
        assert refused(plaintext)
    assert bytes(token.digest) in {call.args[0] for call in compared.call_args_list}


def test_last_used_is_written_seldom() -> None:
    token, plaintext = made()
    for written in (True, False):
        forget_verified_tokens()
        with recorded_statements() as statements:
            verify_api_token(plaintext)
        assert [text.split()[0] for text in statements] == ["SELECT", "UPDATE"][: 1 + written]
    token.refresh_from_db()
    assert token.last_used_at is not None


def test_a_verified_token_costs_no_query_for_less_than_a_second(clock: Clock) -> None:
    token, plaintext = made()
    verify_api_token(plaintext)
    # As another process would do it.
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    clock.now += TRUSTED_S - 0.01
    with recorded_statements() as statements:
        assert verify_api_token(plaintext) == token
    assert statements == []
    clock.now += 0.01
    assert refused(plaintext)
    assert TRUSTED_S < 1


def test_what_is_trusted_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verified_tokens, "MOST_TRUSTED", 2)
    first, second, third = (made()[1] for _ in range(3))
    for plaintext in (first, second, third):
        verify_api_token(plaintext)
    with recorded_statements() as statements:
        verify_api_token(second)
        verify_api_token(third)
    assert statements == []
    with recorded_statements() as statements:
        verify_api_token(first)
    assert statements


def test_what_is_trusted_no_more_is_not_kept(clock: Clock) -> None:
    for plaintext in [made()[1] for _ in range(3)]:
        verify_api_token(plaintext)
    clock.now += TRUSTED_S
    verify_api_token(made()[1])
    assert len(verified_tokens._verified) == 1


def test_trust_counts_from_the_time_of_asking(clock: Clock) -> None:
    """However long the thread waits after its answer."""
    token, plaintext = made()

    def late(*_: Any, **__: Any) -> None:
        clock.now += 10

    with (
        patch.object(verified_tokens, "_renew", late),
        patch.object(token_format, "digests", lambda secret: [b"new", bytes(token.digest)]),
    ):
        verify_api_token(plaintext)
        with recorded_statements() as statements:
            verify_api_token(plaintext)
    assert statements


def test_trust_ends_with_the_token(clock: Clock) -> None:
    _, plaintext = made(expires_at=timezone.now() + timedelta(seconds=0.5))
    verify_api_token(plaintext)
    clock.now += 0.5
    with recorded_statements() as statements:
        verify_api_token(plaintext)  # by the wall clock there is time left
    assert statements


def test_a_token_revoked_here_is_refused_at_once() -> None:
    token, plaintext = made()
    verify_api_token(plaintext)
    assert revoke_api_token(token=token) == 1
    assert refused(plaintext)
    assert token.revoked_at
    assert revoke_api_token(token=token) == 0


def test_what_was_read_before_a_revocation_is_not_trusted_after_it() -> None:
    token, plaintext = made()

    def read_just_before(*args: Any, **values: Any) -> Any:
        row = look_up(*args, **values)
        revoke_api_token(token=token)
        return row

    with patch.object(verified_tokens, "look_up", read_just_before):
        assert not refused(plaintext)
    assert refused(plaintext)


def test_a_trusted_secret_opens_no_other_key() -> None:
    _, plaintext = made()
    verify_api_token(plaintext)
    _, key, rest = plaintext.split("_")
    other = ("a" if key[0] != "a" else "b") + key[1:]
    assert refused(token_format.spell(key=other, secret=rest[:40]))


def test_networks() -> None:
    _, plaintext = made(networks=["10.0.0.0/8", "2001:db8::/32"])
    for _ in range(2):  # read, then trusted
        assert not refused(plaintext, "10.1.2.3")
        assert not refused(plaintext, "2001:db8::7")
        for elsewhere in ("11.0.0.1", "2001:db9::7", "::1", "", "10.1.2.3, 10.1.2.4"):
            assert refused(plaintext, elsewhere)


def test_use_from_elsewhere_is_no_use() -> None:
    token, plaintext = made(networks=["10.0.0.0/8"])
    assert refused(plaintext, "11.0.0.1")
    token.refresh_from_db()
    assert token.last_used_at is None


def test_a_narrowed_principal() -> None:
    user, one = make_user(), uuid.uuid4()
    token, plaintext = made(user, collections=[one], row_filter={"tenant": 42})
    ApiToken.objects.filter(pk=token.pk).update(scopes=["search", "levitate"])
    assert verify_api_token(plaintext).as_principal() == user.as_principal(
        token_id=token.pk,
        scopes=frozenset({Action.SEARCH}),
        collections=frozenset({one}),
        row_filter='{"tenant": 42}',
    )


def test_what_a_minted_token_uses_counts_as_its_minters() -> None:
    user = make_user()
    minter, first = made(user, requests_per_minute=60)
    principal = verify_api_token(first).as_principal()
    _, second = create_api_token(user=user, name="x", minted_by=principal, requests_per_minute=6)
    minted = verify_api_token(second).as_principal()
    assert minted.allowances == (
        Allowance(f"token:{minted.token_id}", 6),
        Allowance(f"token:{minter.pk}", 60),
    )
