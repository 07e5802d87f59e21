"""`manage.py create_api_token`."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import ApiToken
from accounts.services.tokens import verify_api_token
from tests.factories import make_user

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "no user 'nobody'"),
        (["gone"], "not active"),
        (["alice", "--name", ""], "--name"),
        (["alice", "--name", "x" * 101], "--name"),
        (["alice", "--expires-days", "0"], "--expires-days"),
        (["alice", "--expires-days", "99999999"], "--expires-days"),
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
