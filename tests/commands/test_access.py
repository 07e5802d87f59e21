"""`manage.py create_user`, `grant` and `revoke`."""

import getpass
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Team, User
from accounts.policy import Role, SiteRole
from embeddings.models import Collection, Grant
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "a long pass phrase"


@pytest.fixture
def collection() -> Collection:
    return make_collection("drinks", owner=make_user("alice"))


def test_create_user(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("readers", "writers"):
        Team.objects.create(name=name)

    call_command(
        "create_user", "bob", "--role", "operator", "--team", "readers", "--team", "writers"
    )

    assert capsys.readouterr().out == "Made bob, operator.\n"
    bob = User.objects.get()
    assert bob.site_role == SiteRole.OPERATOR
    assert not bob.is_staff
    assert not bob.has_usable_password()
    assert bob.groups.count() == 2


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ([PASSWORD, PASSWORD], None),
        (["password"], "too common"),
        ([PASSWORD, "another"], "not the same"),
    ],
)
def test_create_user_of_the_console(
    monkeypatch: pytest.MonkeyPatch, typed: list[str], message: str | None
) -> None:
    answers = iter(typed)
    monkeypatch.setattr(getpass, "getpass", lambda _: next(answers))
    if message is None:
        call_command("create_user", "root", "--role", "admin", "--console")
        assert User.objects.get().check_password(PASSWORD)
        assert User.objects.get().is_staff
    else:
        with pytest.raises(CommandError, match=message):
            call_command("create_user", "root", "--console")
        assert not User.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alice"], "exists already"),
        (["a/b"], "A name has"),
        (["bob", "--team", "nothing"], "nothing here by that name"),
        (["bob", "--role", "owner"], "invalid choice"),
    ],
)
def test_create_user_refuses(arguments: list[str], message: str) -> None:
    make_user("alice")
    with pytest.raises(CommandError, match=message):
        call_command("create_user", *arguments)
    assert User.objects.count() == 1


def test_grant_and_revoke(collection: Collection, capsys: pytest.CaptureFixture[str]) -> None:
    make_user("bob")
    Team.objects.create(name="readers")

    call_command("grant", "drinks", "viewer", "--user", "bob", "--row-filter", '{"tenant": 1}')
    call_command("grant", "drinks", "editor", "--user", "bob")
    call_command("grant", "drinks", "editor", "--team", "readers")

    assert capsys.readouterr().out.startswith("bob is viewer of drinks.\n")
    assert Grant.objects.get(role=Role.VIEWER).row_filter == {"tenant": 1}
    call_command("revoke", "drinks", "--user", "bob", "--role", "editor")
    assert Grant.objects.count() == 2
    call_command("revoke", "drinks", "--user", "bob")
    assert Grant.objects.get().team is not None
    call_command("revoke", "drinks", "--team", "readers")
    assert not Grant.objects.exists()
    assert capsys.readouterr().out.endswith("readers is no editor of drinks any more.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grant", "nothing", "viewer", "--user", "alice"], "no collection 'nothing'"),
        (["grant", "drinks", "viewer", "--user", "nobody"], "no active user"),
        (["grant", "drinks", "viewer", "--team", "nobody"], "no team"),
        (["grant", "drinks", "viewer"], "required"),
        (["grant", "drinks", "admin", "--user", "alice"], "invalid choice"),
        (["grant", "drinks", "viewer", "--user", "alice", "--row-filter", "{"], "takes JSON"),
        (["grant", "drinks", "viewer", "--user", "alice", "--row-filter", "{}"], "not well formed"),
        (["revoke", "drinks", "--user", "alice"], "Nothing of the kind"),
        (["revoke", "nothing", "--user", "alice"], "no collection"),
    ],
)
def test_they_refuse(collection: Collection, arguments: list[Any], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command(*arguments)
    assert not Grant.objects.exists()
