"""The policy, what narrows it, and the tables that show it."""

import json
import uuid
from typing import Any

import pytest
from django.core.management import call_command

from accounts.policy import (
    BEYOND_COLLECTIONS,
    BEYOND_ROWS,
    EVERYONE,
    ROLE_ACTIONS,
    SITE_ROLE_ACTIONS,
    Action,
    Role,
    SiteRole,
    roles_allowing,
)
from accounts.policy_table import MEANINGS
from accounts.principal import Principal

SOME: dict[str, Any] = {"collections": frozenset({uuid.UUID(int=1)})}
ROWS: dict[str, Any] = {"row_filter": '{"tenant": 1}'}


def principal(role: SiteRole = SiteRole.MEMBER, **narrowed: Any) -> Principal:
    return Principal(user_id=1, username="alice", role=role, **narrowed)


def test_every_action_is_somebodys() -> None:
    assert set(Action) == EVERYONE | SITE_ROLE_ACTIONS[SiteRole.ADMIN]
    assert ROLE_ACTIONS.keys() == set(Role)
    assert SITE_ROLE_ACTIONS.keys() == set(SiteRole)
    assert MEANINGS.keys() == set(Action)


def test_roles_only_grow() -> None:
    viewer, editor, owner = (ROLE_ACTIONS[role] for role in Role)
    assert viewer < editor < owner < SITE_ROLE_ACTIONS[SiteRole.ADMIN]
    assert Action.ADMINISTER not in owner
    assert roles_allowing(Action.WRITE) == [Role.EDITOR, Role.OWNER]


@pytest.mark.parametrize("action", Action)
def test_a_member_may_what_everyone_may(action: Action) -> None:
    assert principal().may(action) is (action in EVERYONE)
    assert principal(SiteRole.ADMIN).may(action)


@pytest.mark.parametrize("action", Action)
def test_scopes_narrow_an_admin(action: Action) -> None:
    narrowed = principal(SiteRole.ADMIN, scopes=frozenset({Action.SEARCH}))
    assert narrowed.may(action) is narrowed.in_scope(action) is (action == Action.SEARCH)
    assert not principal(SiteRole.ADMIN, scopes=frozenset()).may(action)


@pytest.mark.parametrize("action", Action)
def test_a_credential_for_some_collections_reaches_no_others(action: Action) -> None:
    narrowed = principal(SiteRole.ADMIN, **SOME)
    assert narrowed.in_scope(action) is (action not in BEYOND_COLLECTIONS)
    assert narrowed.may(action) is (action in EVERYONE - BEYOND_COLLECTIONS)


@pytest.mark.parametrize("action", Action)
def test_a_credential_for_some_documents_reaches_no_others(action: Action) -> None:
    narrowed = principal(SiteRole.ADMIN, **ROWS)
    assert narrowed.in_scope(action) is (action not in BEYOND_ROWS)
    assert narrowed.may(action) is (action in EVERYONE)


def test_it_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("show_policy", "--json")
    shown = json.loads(capsys.readouterr().out)
    assert shown["viewer"] == {"on": "a collection", "allows": ["read", "search"]}
    assert shown["member"]["allows"] == []

    call_command("show_policy")
    text = capsys.readouterr().out
    assert "editor     on a collection  read, search, write\n" in text
    assert "member     on the service   -\n" in text

    call_command("show_policy", "--markdown")
    markdown = capsys.readouterr().out
    assert "| viewer | a collection | `read`, `search` |" in markdown
    assert "| member | the service | nothing more |" in markdown
