"""Users, teams and grants in the console."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Team, User
from accounts.policy import Role, SiteRole
from embeddings.models import Collection, Grant
from tests.admin.conftest import client_of, make_staff

USERS = reverse("admin:accounts_user_changelist")
ADD_USER = reverse("admin:accounts_user_add")
TEAMS = reverse("admin:accounts_team_changelist")
ADD_TEAM = reverse("admin:accounts_team_add")
PASSWORD = "a long pass phrase"


def page_of(row: Any, verb: str = "change") -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{verb}", args=[row.pk])


def user_form(user: User, **changes: Any) -> dict[str, Any]:
    values = {
        "username": user.username,
        "role": user.role,
        "is_active": "on",
        "is_staff": "on",
        "date_joined_0": "2026-01-01",
        "date_joined_1": "12:00:00",
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


def grants_form(*rows: dict[str, Any], initial: int = 0) -> dict[str, Any]:
    form: dict[str, Any] = {
        "name": "drinks",
        "index__m": 16,
        "index__ef_construction": 128,
        "index__storage": "halfvec",
        "grants-TOTAL_FORMS": len(rows),
        "grants-INITIAL_FORMS": initial,
    }
    for number, row in enumerate(rows):
        form |= {f"grants-{number}-{name}": value for name, value in row.items()}
    return form


def test_the_last_administrator_stays(as_admin: Client, admin: User) -> None:
    for change in ({"is_active": None}, {"role": "operator"}):
        page = as_admin.post(page_of(admin), user_form(admin, **change)).content.decode()
        assert "is the last active administrator" in page
    assert as_admin.get(page_of(admin, "delete")).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [admin.pk], "post": "yes"}
    as_admin.post(USERS, chosen)
    admin.refresh_from_db()
    assert admin.administers

    second = make_staff("second", SiteRole.ADMIN)
    assert as_admin.post(page_of(second), user_form(second, role="member")).status_code == 302
    assert not User.objects.get(pk=second.pk).administers


def test_of_two_who_are_deleted_together_one_stays(as_admin: Client, admin: User) -> None:
    second = make_staff("second", SiteRole.ADMIN)
    both = {"action": "delete_selected", "_selected_action": [admin.pk, second.pk], "post": "yes"}

    as_admin.post(USERS, both)

    assert User.objects.filter(role=SiteRole.ADMIN, is_active=True).count() == 1


def test_teams_and_limits_of_a_user(as_admin: Client, alice: User) -> None:
    team = Team.objects.create(name="readers")
    form = user_form(alice, groups=[team.pk], team=team.pk, requests_per_minute=9)

    response = as_admin.post(page_of(alice), form)

    assert response.status_code == 302, response.content.decode()
    alice.refresh_from_db()
    assert (alice.team, alice.requests_per_minute) == (team, 9)
    assert [group.name for group in alice.groups.all()] == ["readers"]


@pytest.mark.parametrize("name", [".", ".."])
def test_names_have_an_address(as_admin: Client, alice: User, name: str) -> None:
    new = {"username": name, "password1": PASSWORD, "password2": PASSWORD, "role": "member"}
    for url, form in (
        (ADD_USER, {**new, "usable_password": "true"}),
        (page_of(alice), user_form(alice, username=name)),
        (ADD_TEAM, {"name": name}),
    ):
        assert "A name has 1 to 150" in as_admin.post(url, form).content.decode()


def test_a_team_with_its_members(as_admin: Client, alice: User) -> None:
    prefix = "User_groups"
    form = {
        "name": "readers",
        "tokens_per_day": 5,
        f"{prefix}-TOTAL_FORMS": 1,
        f"{prefix}-INITIAL_FORMS": 0,
        f"{prefix}-0-user": alice.pk,
    }

    response = as_admin.post(ADD_TEAM, form)

    assert response.status_code == 302, response.content.decode()
    team = Team.objects.get()
    assert team.tokens_per_day == 5
    assert [user.username for user in team.user_set.all()] == ["alice"]
    assert "readers" in as_admin.get(TEAMS).content.decode()
    assert as_admin.post(page_of(team, "delete"), {"post": "yes"}).status_code == 302
    assert not Team.objects.exists()


def test_permissions_given_by_hand_are_on_record(as_admin: Client, alice: User) -> None:
    given = Permission.objects.filter(codename__in=["view_document", "delete_document"])
    form = user_form(alice) | {"user_permissions": [each.pk for each in given]}

    assert as_admin.post(page_of(alice), form).status_code == 302

    changed = AuditEntry.objects.filter(event="user.update")
    told = [(entry.after or {})["permissions"] for entry in changed]
    assert told[0] == ["delete_document", "view_document"]


def test_only_administrators_change_who_may_what(
    as_operator: Client, alice: User, collection: Collection
) -> None:
    """Not even with every permission given by hand, which would make whoever has it an admin."""
    team = Team.objects.create(name="readers")
    dora = make_staff("dora", SiteRole.MEMBER)
    dora.user_permissions.set(Permission.objects.all())
    as_dora = client_of(dora)
    for client in (as_dora, as_operator):
        for url in (USERS, TEAMS, page_of(alice), page_of(team)):
            assert client.get(url).status_code == 200, url
        password = reverse("admin:auth_user_password_change", args=[alice.pk])
        for url in (ADD_USER, ADD_TEAM, password, page_of(alice, "delete")):
            assert client.get(url).status_code == 403, url
        assert client.post(page_of(dora), user_form(dora, role="admin")).status_code == 403
        assert client.post(page_of(team), {"name": "x"}).status_code == 403
    form = grants_form({"user": dora.pk, "role": "owner"})
    as_dora.post(page_of(collection), form)
    assert User.objects.get(pk=dora.pk).site_role == SiteRole.MEMBER
    assert not Grant.objects.exists()


def test_grants_beside_the_collection(
    as_admin: Client, admin: User, collection: Collection
) -> None:
    bob = make_staff("bob", SiteRole.MEMBER)
    row: dict[str, Any] = {"user": bob.pk, "role": "viewer", "row_filter": '{"tenant": 1}'}

    assert as_admin.post(page_of(collection), grants_form(row)).status_code == 302
    grant = Grant.objects.get()
    assert (grant.user, grant.role, grant.row_filter) == (bob, Role.VIEWER, {"tenant": 1})
    assert grant.created_by == admin

    row |= {"id": grant.pk, "role": "editor", "row_filter": "null"}
    assert as_admin.post(page_of(collection), grants_form(row, initial=1)).status_code == 302
    grant.refresh_from_db()
    assert (grant.role, grant.row_filter) == (Role.EDITOR, None)

    row["DELETE"] = "on"
    assert as_admin.post(page_of(collection), grants_form(row, initial=1)).status_code == 302
    assert not Grant.objects.exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"role": "viewer"}, "Name a user or a team"),
        ({"role": "viewer", "row_filter": "{}"}, "not well formed"),
        ({"role": "viewer", "row_filter": '{"a": {"$x": 1}}'}, "no operator"),
        ({"role": "owner", "row_filter": '{"a": 1}'}, "An owner sees every document"),
        pytest.param({"role": "viewer", "row_filter": "[" * 100_000}, "nests too deep", id="deep"),
        ({"role": "admin"}, "not one of the available choices"),
    ],
)
def test_impossible_grants(
    as_admin: Client, admin: User, collection: Collection, row: dict[str, Any], message: str
) -> None:
    if "Name" not in message:
        row = row | {"user": admin.pk}

    page = as_admin.post(page_of(collection), grants_form(row)).content.decode()

    assert message in page
    assert not Grant.objects.exists()
