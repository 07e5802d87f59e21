"""Grants across all collections in the console."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Team, User
from accounts.policy import Role
from embeddings.models import Collection, Grant
from embeddings.services.grants import create_grant
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_user

LIST = reverse("admin:embeddings_grant_changelist")
ADD = reverse("admin:embeddings_grant_add")


@pytest.fixture
def grant(collection: Collection) -> Grant:
    make_user("viewer")
    return create_grant(collection=collection, role=Role.VIEWER, user="viewer")


def page_of(grant: Grant, verb: str = "change") -> str:
    return reverse(f"admin:embeddings_grant_{verb}", args=[grant.pk])


def test_it_works(as_admin: Client, admin: User, grant: Grant) -> None:
    other = make_collection("other")
    team = Team.objects.create(name="readers")
    form = {"collection": str(other.pk), "team": team.pk, "role": "editor", "row_filter": ""}

    assert as_admin.post(ADD, {**form, "row_filter": '{"a": 1}'}).status_code == 302

    made = Grant.objects.get(team=team)
    assert (made.collection, made.row_filter, made.created_by) == (other, {"a": 1}, admin)
    changed = {"role": "owner", "row_filter": "null"}
    assert as_admin.post(page_of(made), changed).status_code == 302
    made.refresh_from_db()
    assert (made.role, made.row_filter, made.collection) == (Role.OWNER, None, other)
    assert as_admin.post(page_of(made, "delete"), {"post": "yes"}).status_code == 302
    chosen = {"action": "delete_selected", "_selected_action": [grant.pk], "post": "yes"}
    as_admin.post(LIST, chosen)
    assert not Grant.objects.exists()
    told = AuditEntry.objects.filter(object_type="grant", credential="session")
    events = [*told.order_by("id").values_list("event", flat=True)]
    assert events == ["grant.create", "grant.update", "grant.delete", "grant.delete"]
    assert not LogEntry.objects.exists()


def test_its_history_is_in_the_audit(as_operator: Client, grant: Grant) -> None:
    page = as_operator.get(page_of(grant, "history"), follow=True)
    assert page.redirect_chain[0][0] == f"/admin/audit/?object_type=grant&object_id={grant.pk}"
    assert "grant.create" in page.content.decode()


@pytest.mark.parametrize(
    ("field", "is_found"), [("user", True), ("collection", True), ("team", False)]
)
def test_filters(as_operator: Client, grant: Grant, field: str, is_found: bool) -> None:
    wanted = {"user": grant.user_id, "collection": grant.collection_id}
    wanted["team"] = Team.objects.create(name="readers").pk
    page = as_operator.get(LIST, {f"{field}__id__exact": str(wanted[field])}).content.decode()
    assert (page_of(grant) in page) is is_found


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"role": "viewer"}, "Name a user or a team"),
        ({"role": "owner", "row_filter": '{"a": 1}', "user": "yes"}, "sees every document"),
        ({"role": "viewer", "user": "yes"}, "already"),
        ({"role": "viewer", "row_filter": '{"a": {"$x": 1}}', "user": "yes"}, "no operator"),
        ({"role": "viewer", "row_filter": "[" * 100_000, "user": "yes"}, "nests too deep"),
    ],
    ids=["nobody", "owner", "again", "filter", "deep"],
)
def test_impossible_ones_are_explained(
    as_admin: Client, grant: Grant, row: dict[str, Any], message: str
) -> None:
    form = {"collection": str(grant.collection_id), **row}
    if "user" in row:
        form["user"] = grant.user_id
    page = as_admin.post(ADD, form)
    assert page.status_code == 200
    assert message in page.content.decode()
    assert Grant.objects.count() == 1


def test_only_administrators_change_them(
    as_operator: Client, as_member: Client, grant: Grant
) -> None:
    assert as_operator.get(page_of(grant)).status_code == 200
    for client in (as_operator, as_member):
        for url in (ADD, page_of(grant, "delete")):
            assert client.get(url).status_code == 403
        assert client.post(page_of(grant), {"role": "owner"}).status_code == 403
    assert as_member.get(LIST).status_code == 403


def test_the_list_asks_as_much_for_many_as_for_one(as_admin: Client, grant: Grant) -> None:
    as_admin.get(LIST)
    before = len(queries_of(as_admin, LIST))
    for number in range(4):
        create_grant(collection=make_collection(f"c{number}"), role=Role.VIEWER, user="viewer")
    assert len(queries_of(as_admin, LIST)) == before <= 6
