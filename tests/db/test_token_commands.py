"""`manage.py create_api_token` and `revoke_api_token`."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import ApiToken
from accounts.narrowing import Narrowing
from accounts.policy import Action
from accounts.services.tokens import create_api_token
from accounts.services.verified_tokens import verify_api_token
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


def test_it_works(capsys: pytest.CaptureFixture[str]) -> None:
    make_user("alice")

    call_command("create_api_token", "alice", "--name", "ci", "--expires-days", "2")

    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    token = verify_api_token(printed.strip())
    assert (token.user.username, token.name) == ("alice", "ci")
    assert token.expires_at is not None
    assert timedelta(days=1) < token.expires_at - timezone.now() <= timedelta(days=2)
    assert printed.strip().encode() not in bytes(token.digest)


def test_without_options_it_never_expires(capsys: pytest.CaptureFixture[str]) -> None:
    make_user("alice")
    call_command("create_api_token", "alice")
    assert verify_api_token(capsys.readouterr().out.strip()).expires_at is None


def test_a_narrowed_one(capsys: pytest.CaptureFixture[str]) -> None:
    alice = make_user("alice")
    collection = make_collection("drinks", owner=alice)
    scopes = ["--scope", "search", "--scope", "read"]
    limits = ["--requests-per-minute", "60", "--tokens-per-day", "0"]
    call_command(
        *("create_api_token", "alice", "--collection", "drinks", "--row-filter", '{"a": 1}'),
        *("--network", "10.0.0.0/8", *scopes, *limits),
    )
    plaintext = capsys.readouterr().out.strip()
    token = verify_api_token(plaintext, address="10.1.2.3")
    assert token.narrowing == Narrowing(
        scopes=frozenset({Action.READ, Action.SEARCH}),
        collections=frozenset({collection.pk}),
        row_filter={"a": 1},
        networks=("10.0.0.0/8",),
        requests_per_minute=60,
        tokens_per_day=0,
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no user 'nobody'"),
        (["gone"], "not active"),
        (["alice", "--name", ""], "--name"),
        (["alice", "--name", "x" * 101], "--name"),
        (["alice", "--expires-days", "0"], "--expires-days"),
        (["alice", "--expires-days", "99999999"], "--expires-days"),
        (["alice", "--collection", "absent"], "no collection 'absent'"),
        (["alice", "--row-filter", "{"], "--row-filter takes JSON"),
        (["alice", "--row-filter", '{"a": {"$like": 1}}'], "no operator"),
        (["alice", "--network", "10.0.0.1/8"], "The network is none"),
        (["alice", "--scope", "levitate"], "invalid choice"),
        (["alice", "--requests-per-minute", "-1"], "--requests-per-minute takes 0 to"),
        (["alice", "--tokens-per-day", str(2**63)], "--tokens-per-day takes 0 to"),
    ],
)
def test_mistakes_are_explained_and_make_nothing(arguments: list[str], message: str) -> None:
    make_user("alice")
    gone: Any = make_user("gone")
    gone.is_active = False
    gone.save(update_fields=["is_active"])

    with pytest.raises(CommandError, match=message):
        call_command("create_api_token", *arguments)
    assert not ApiToken.objects.exists()


def test_tokens_are_revoked_by_key_and_by_what_was_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alice = make_user("alice")
    made = [create_api_token(user=alice, name=str(number)) for number in range(4)]
    (one, _), (_, found), (three, _), (_, kept) = made
    call_command("revoke_api_token", one.key, found, f"emb_{three.key}")
    assert capsys.readouterr().out == "Revoked 3.\n"
    assert ApiToken.objects.live().get() == verify_api_token(kept)


def test_all_of_a_user_are_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    alice, bob = make_user("alice"), make_user("bob")
    for user in (alice, alice, bob):
        create_api_token(user=user, name="test")
    call_command("revoke_api_token", "--user", "alice")
    assert capsys.readouterr().out == "Revoked 2.\n"
    assert ApiToken.objects.live().get().user == bob


def test_one_unknown_key_revokes_nothing() -> None:
    token, plaintext = create_api_token(user=make_user("alice"), name="test")
    secret = "emb_AAAAAAAAAAAA_" + plaintext.split("_")[2]
    for arguments in ([token.key, secret], [token.key, "x"], ["--user", "nobody"], []):
        with pytest.raises(CommandError) as raised:
            call_command("revoke_api_token", *arguments)
        assert plaintext.split("_")[2] not in str(raised.value)
    assert ApiToken.objects.live().get() == token
