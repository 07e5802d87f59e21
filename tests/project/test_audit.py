"""Each endpoint that changes something leaves its entry, in the transaction of the change.

The routes come from the URL configuration: a new one fails until it is classified here, and has a
sample in sample_requests.py where it takes a body.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.contrib.admin import site
from django.db import DatabaseError, transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest import MonkeyPatch

from accounts.models import AuditEntry
from accounts.services import audit
from accounts.services.audit_buffer import flush_notes
from embeddings.models import Job
from tests.project.access_world import World, make_world
from tests.project.sample_requests import is_alias, methods_of, plain
from tests.project.test_urls import FOR_PEOPLE, ROUTES

pytestmark = pytest.mark.django_db

CHANGES = {
    "POST add": "documents.add",
    "POST collection": "collection.create",
    "PATCH collection/<str:name>": "collection.update",
    "DELETE collection/<str:name>": "collection.delete",
    "DELETE collection/<str:name>/documents": "documents.delete",
    "PATCH collection/<str:name>/documents/<anything:id>": "document.update",
    "DELETE collection/<str:name>/documents/<anything:id>": "document.delete",
    "POST collection/<str:name>/erase": "documents.erase",
    "POST collection/<str:name>/import": "job.create",
    "POST collection/<str:name>/reindex": "job.create",
    "POST collection/<str:name>/permissions": "grant.create",
    "PATCH collection/<str:name>/permissions/<int:id>": "grant.update",
    "DELETE collection/<str:name>/permissions/<int:id>": "grant.delete",
    "POST collection/<str:name>/transfer": "collection.transfer",
    "POST tokens": "token.create",
    "DELETE tokens/<str:key>": "token.revoke",
    "POST tokens/<str:key>/rotate": "token.rotate",
    "POST users": "user.create",
    "PATCH users/<str:username>": "user.update",
    "POST users/<str:username>/erase": "user.erase",
    "POST teams": "team.create",
    "PATCH teams/<str:team>": "team.update",
    "DELETE teams/<str:team>": "team.delete",
    "POST jobs/<uuid:id>/cancel": "job.cancel",
    "POST jobs/<uuid:id>/retry": "job.retry",
    "POST cache/clear": "cache.clear",
    "POST cache/warm": "cache.warm",
}
"""The event, by method and route."""

USES = {
    "POST search": "documents.search",
    "POST v1/embed": "texts.embed",
    "POST embed": "texts.embed",
    "POST embeddings": "texts.embed",
    "POST similarity": "texts.embed",
    "POST rerank": "texts.rerank",
    "POST v2/rerank": "texts.rerank",
    "POST ": "texts.embed",
    "POST tokenize": None,  # no vector, nothing of anybody's
}
"""Change nothing, and are recorded a moment later."""

NEEDS_A_MODEL = {"POST rerank", "POST v2/rerank", "POST tokenize"}
"""That the samples do without; tests/api/test_audit_reads.py has it."""

ELSEWHERE = {
    "POST auth/token": "there only with EMBED_JWT; tests/api/test_auth.py",
    "POST auth/refresh": "as above",
    "POST auth/logout": "as above",
    "POST oauth/authorize": "there only with EMBED_OAUTH; tests/api/test_oauth.py",
    "POST oauth/login": "as above",
    "POST oauth/revoke": "as above",
    "POST oauth/token": "as above",
    "PUT oauth/authorize": "as above",
    "PUT oauth/login": "as above",
}

NOT_OWN = {"POST users/<str:username>/erase": "other"}
"""Of whom something is asked, unless of the one who asks: nobody erases the last administrator."""

POSTS = sorted(
    {
        f"{method} {plain(route)}"
        for route in ROUTES
        if not route.startswith(FOR_PEOPLE) and not is_alias(route)
        for method in methods_of(route)
        if method not in ("GET", "HEAD", "OPTIONS")
    }
)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield make_world()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _queries_are_kept(settings: Any) -> None:
    """Or there is nothing to warm."""
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})


def ask(world: World, name: str) -> Any:
    method, _, route = name.partition(" ")
    return world.ask("admin", NOT_OWN.get(name, "own"), method, route)


def events_since(last: int) -> list[str]:
    return list(AuditEntry.objects.filter(id__gt=last).values_list("event", flat=True))


def last_id() -> int:
    return AuditEntry.objects.order_by("-id").values_list("id", flat=True)[0]


def test_every_route_is_classified() -> None:
    assert set(POSTS) == CHANGES.keys() | USES.keys() | ELSEWHERE.keys()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_on_record(world: World, name: str) -> None:
    with transaction.atomic():
        last = last_id()
        response = ask(world, name)
        assert response.status_code < 300, response.content
        made = AuditEntry.objects.filter(id__gt=last, event=CHANGES[name]).get()
        assert (made.user_id, made.outcome) == (world.users["admin"].pk, "success")
        assert (made.credential, made.request_id) == ("api_token", "same")
        transaction.set_rollback(True)


def rows() -> dict[str, list[Any]]:
    """All that the service keeps."""
    return {
        model.__name__: sorted(map(repr, model._default_manager.values_list()))
        for app in ("accounts", "embeddings")
        for model in apps.get_app_config(app).get_models()
        if model is not AuditEntry
    }


@pytest.mark.parametrize("name", CHANGES)
def test_no_audit_no_change(world: World, name: str, monkeypatch: MonkeyPatch) -> None:
    def broken(entries: Any) -> None:
        raise DatabaseError

    with transaction.atomic():
        world.clients["admin"].get("/v1/me")
        before = rows()
        monkeypatch.setattr(audit, "write_entries", broken)
        assert ask(world, name).status_code == 500
        after = rows()
        assert [kind for kind in before if before[kind] != after[kind]] == []
        transaction.set_rollback(True)


@pytest.mark.parametrize("name", USES)
def test_a_use_is_on_record(world: World, name: str) -> None:
    with transaction.atomic():
        last = last_id()
        served = ask(world, name).status_code < 300
        flush_notes()
        assert served or name in NEEDS_A_MODEL
        assert events_since(last) == ([USES[name]] if served and USES[name] else [])
        transaction.set_rollback(True)


CONSOLE = {
    "accounts.apitoken": "token.revoke",
    "accounts.identity": "identity.delete",
    "accounts.login": "login.delete",
    "accounts.team": "team.delete",
    "accounts.user": "user.delete",
    "axes.accessattempt": "login_lock.delete",
    "embeddings.collection": "collection.delete",
    "embeddings.document": "document.delete",
    "embeddings.grant": "grant.delete",
    "embeddings.job": "job.delete",
    "oauth2_provider.accesstoken": "oauth_token.delete",
    "oauth2_provider.application": "application.delete",
    "oauth2_provider.refreshtoken": "oauth_token.delete",
    "otp_static.staticdevice": "second_factor.delete",
    "otp_totp.totpdevice": "second_factor.delete",
    "procrastinate.procrastinatejob": None,
}
"""What deleting a row in the console leaves; None where nobody can."""


DELETED = {
    "accounts.apitoken": {"user__username": "viewer"},
    "accounts.team": {"name": "others"},
    "accounts.user": {"username": "fred"},
    "embeddings.collection": {"name": "other"},
    "embeddings.document": {"collection__name": "other"},
    "embeddings.grant": {"collection__name": "other"},
    "embeddings.job": {"collection__name": "other"},
}
"""Rows of the world; tests/admin/test_credentials.py deletes those of the others."""


def test_every_page_of_the_console_is_classified() -> None:
    assert {model._meta.label_lower for model in site._registry} == CONSOLE.keys()


@pytest.mark.parametrize("label", DELETED)
def test_deleting_in_the_console_is_on_record(world: World, label: str) -> None:
    client = Client()
    admin = world.users["admin"]
    with transaction.atomic():
        admin.is_staff = True
        admin.save(update_fields=["is_staff"])
        client.force_login(admin)
        Job.objects.update(finished_at=timezone.now())
        row = apps.get_model(label)._default_manager.filter(**DELETED[label]).latest("pk")
        last = last_id()
        url = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_delete", args=[row.pk])
        # The name is asked for where much goes with it.
        assert client.post(url, {"post": "yes", **DELETED[label]}).status_code == 302
        made = AuditEntry.objects.filter(id__gt=last, event=CONSOLE[label]).get()
        assert (made.username, made.credential) == ("admin", "session")
        transaction.set_rollback(True)


@pytest.mark.parametrize("label", [label for label, event in CONSOLE.items() if event is None])
def test_where_nobody_deletes(world: World, rf: RequestFactory, label: str) -> None:
    request = rf.get("/")
    request.user = world.users["admin"]
    pages = {model._meta.label_lower: page for model, page in site._registry.items()}
    assert not pages[label].has_delete_permission(request)
