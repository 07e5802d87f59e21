"""Who acts in a request is known wherever something is done in it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models import QuerySet
from django.test import Client
from pytest import MonkeyPatch
from rest_framework.test import APIClient

from accounts.actor import SYSTEM, Actor, current_actor
from accounts.models import User
from embeddings.models import Job
from embeddings.services.models import served_models


@pytest.fixture
def seen(monkeypatch: MonkeyPatch) -> Iterator[list[Actor]]:
    """The actors of the requests for `/v1/models`."""
    actors: list[Actor] = []

    def spy() -> object:
        actors.append(current_actor())
        return served_models()

    monkeypatch.setattr("embeddings.views.models.served_models", spy)
    yield actors
    assert current_actor() == SYSTEM


def test_it_works(seen: list[Actor], as_alice: APIClient, alice: User) -> None:
    as_alice.get("/v1/models", REMOTE_ADDR="203.0.113.9", HTTP_X_REQUEST_ID="request-1")
    token = alice.api_tokens.get()
    assert seen == [Actor(alice.pk, "alice", token.pk, "api_token", "203.0.113.9", "request-1")]


def test_one_caller_after_another(
    seen: list[Actor], as_alice: APIClient, as_bob: APIClient
) -> None:
    for client in (as_alice, as_bob, as_alice):
        client.get("/v1/models")
    assert [actor.username for actor in seen] == ["alice", "bob", "alice"]


def test_people_at_the_console(alice: User, monkeypatch: MonkeyPatch) -> None:
    seen: list[Actor] = []
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client = Client()
    client.force_login(alice)

    def spy(*_: Any) -> QuerySet[Job]:
        seen.append(current_actor())
        return Job.objects.none()

    monkeypatch.setattr("embeddings.admin.jobs.JobAdmin.get_queryset", spy)
    assert client.get("/admin/embeddings/job/").status_code == 200
    assert {(actor.username, actor.credential) for actor in seen} == {("alice", "session")}
