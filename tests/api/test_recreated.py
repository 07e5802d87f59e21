"""Whatever takes the name of something that was deleted or renamed is something else."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Team, User
from accounts.policy import Role
from accounts.services.tokens import create_api_token
from embeddings.constants import JobKind
from embeddings.models import Collection, Grant
from embeddings.services.jobs import start_job
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.conftest import client_of
from tests.factories import make_user

THERE = "/v1/collection/drinks"
ABSENT = "/v1/collection/nothing"
SECRET = "The new owner's secret tea."


def narrowed(user: User, collection: Collection) -> APIClient:
    """A token of the user's for the one collection."""
    _, plaintext = create_api_token(user=user, name="narrow", collections=[collection.pk])
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}")
    return client


def search(client: APIClient, **fields: Any) -> Any:
    return client.post("/v1/search", {"collection": "drinks", "query": "green tea", **fields})


def delete(client: APIClient) -> None:
    assert client.delete(THERE).status_code == 204


def rename(client: APIClient) -> None:
    assert client.patch(THERE, {"name": "renamed"}).status_code == 200


@pytest.mark.parametrize("gone", [delete, rename])
def test_old_grants_tokens_caches_and_jobs_do_not_apply(
    collection: Collection, as_alice: APIClient, alice: User, charlie: User, gone: Any
) -> None:
    team = Team.objects.create(name="readers")
    erin = make_user("erin")
    erin.groups.add(team)
    Grant.objects.create(collection=collection, user=charlie, role=Role.OWNER)
    Grant.objects.create(collection=collection, team=team, role=Role.EDITOR)
    old = [client_of(charlie), narrowed(charlie, collection), client_of(erin)]
    alices_token = narrowed(alice, collection)
    job = start_job(owner_id=charlie.pk, kind=JobKind.IMPORT, collection=collection, total=1)
    for client in (*old, alices_token):
        assert search(client).status_code == 200
    page = search(old[0], top_k=1).json()["next_cursor"]
    assert page is not None

    gone(as_alice)
    as_dora = client_of(make_user("dora"))
    assert as_dora.post("/v1/collection", {"name": "drinks"}).status_code == 201
    document = {"id": "tea", "text": SECRET, "metadata": {"lang": "en"}}
    add = {"collection": "drinks", "documents": [document]}
    assert as_dora.post("/v1/add", add).status_code == 200

    for client in (*old, alices_token, as_alice):
        for method, tail, body in (
            ("GET", "", None),
            ("PATCH", "", {"description": "mine"}),
            ("GET", "/documents", None),
            ("GET", "/documents/tea", None),
            ("GET", "/stats", None),
            ("GET", "/permissions", None),
        ):
            assert_unseen(client, method, THERE + tail, ABSENT + tail, body)
        assert_problem(search(client), 404, "not_found")
        assert_problem(search(client, top_k=1, cursor=page), 404, "not_found")
        assert "drinks" not in [
            c["name"] for c in client.get("/v1/collection").json()["collections"]
        ]
    shown = old[0].get(f"/v1/jobs/{job.pk}").json()
    assert shown["collection"] == (None if gone is delete else "renamed")
    assert old[0].get("/v1/jobs", {"collection": "drinks"}).json()["jobs"] == []
    assert as_dora.get("/v1/jobs").json()["jobs"] == []
    assert_problem(as_dora.get(f"/v1/jobs/{job.pk}"), 404)
    assert as_dora.get(f"{THERE}/permissions").json()["permissions"] == []


@pytest.mark.parametrize("gone", [delete, rename])
def test_who_sees_both_is_shown_the_new_one(
    collection: Collection, as_alice: APIClient, gone: Any
) -> None:
    hits = search(as_alice).json()["hits"]
    assert {hit["id"] for hit in hits} == {"tea", "guides/coffee", "thé"}
    page = search(as_alice, top_k=1).json()["next_cursor"]

    gone(as_alice)
    assert as_alice.post("/v1/collection", {"name": "drinks"}).status_code == 201
    assert search(as_alice).json()["hits"] == []
    # As many writes as the old one had seen, for a cache that counts nothing else.
    for text in ("One.", "Two.", SECRET):
        document = {"id": "tea", "text": text}
        add = {"collection": "drinks", "documents": [document]}
        assert as_alice.post("/v1/add", add).status_code == 200

    assert [hit["text"] for hit in search(as_alice).json()["hits"]] == [SECRET]
    assert_problem(search(as_alice, top_k=1, cursor=page), 400, "invalid_cursor")


def test_a_user_of_the_same_name_is_another(
    collection: Collection, as_root: APIClient, charlie: User, as_charlie: APIClient
) -> None:
    Grant.objects.create(collection=collection, user=charlie, role=Role.VIEWER)
    job = start_job(owner_id=charlie.pk, kind=JobKind.IMPORT, collection=collection, total=1)
    assert as_charlie.get(THERE).status_code == 200
    charlie.delete()
    assert as_root.post("/v1/users", {"username": "charlie"}).status_code == 201

    as_new = client_of(User.objects.get(username="charlie"))

    assert_unseen(as_new, "GET", THERE, ABSENT)
    assert_problem(as_new.get(f"/v1/jobs/{job.pk}"), 404)
    assert [t["name"] for t in as_new.get("/v1/tokens").json()["tokens"]] == ["test"]
