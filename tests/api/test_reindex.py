"""`/v1/collection/{name}/reindex`, and the index in `/v1/collection`."""

import uuid
from typing import Any

import pytest
from django.conf import settings
from rest_framework.test import APIClient

from accounts.models import User
from embeddings.constants import IndexState, JobKind
from embeddings.models import Collection, Generation, Job
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.row_filters import narrowed

LIST = "/v1/collection"
URL = "/v1/collection/drinks/reindex"


def make_ready(collection: Collection) -> None:
    Generation.objects.filter(pk=collection.generation.pk).update(
        index_state=IndexState.READY.value
    )


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    response = as_alice.post(URL, {"index": {"m": 8}})

    assert response.status_code == 202
    job = Job.objects.get()
    assert response["Location"] == f"/v1/jobs/{job.pk}"
    assert (response.json()["kind"], response.json()["state"]) == ("reindex", "queued")
    assert (job.owner, job.collection) == (collection.owner, collection)
    assert job.params["m"] == 8
    assert as_alice.get(f"{LIST}/drinks").json()["index"]["state"] == "building"


def test_an_operator_may_and_an_outsider_may_not(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    assert_unseen(as_charlie, "POST", URL, f"{LIST}/nothing/reindex", {})
    assert_problem(stranger.post(URL, {}), 401)
    assert not Job.objects.exists()
    job = as_bob.post(URL, {}).json()
    assert as_bob.get(f"/v1/jobs/{job['id']}").json()["owner"] == "alice"


def test_who_sees_some_documents_learns_nothing_of_the_index_of_all(
    collection: Collection, alice: User, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = narrowed(alice, lang="fr")
    assert_problem(client.post(URL, {}), 403, "forbidden")

    monkeypatch.setattr(settings, "EMBED", settings.EMBED.model_copy(update={"index_threshold": 4}))
    document = {"id": "vin", "text": "Le vin", "metadata": {"lang": "fr"}}
    body = {"collection": "drinks", "documents": [document]}
    assert client.post("/v1/add", body).status_code == 200
    job = Job.objects.get()
    assert (job.kind, job.row_filter) == (JobKind.BUILD_INDEX, {"lang": "fr"})
    assert client.get("/v1/jobs").json()["jobs"] == []
    assert_unseen(client, "GET", f"/v1/jobs/{job.pk}", f"/v1/jobs/{uuid.uuid4()}")
    assert as_alice.get(f"/v1/jobs/{job.pk}").status_code == 200


def test_one_at_a_time(collection: Collection, as_alice: APIClient) -> None:
    job = as_alice.post(URL, {}).json()
    problem = assert_problem(as_alice.post(URL, {}), 409, "index_busy")
    assert job["id"] in problem["detail"]
    changed = as_alice.patch(f"{LIST}/drinks", {"name": "tea", "index": {"m": 8}})
    assert_problem(changed, 409, "index_busy")
    assert Collection.objects.get().name == "drinks"

    as_alice.post(f"/v1/jobs/{job['id']}/cancel")
    assert as_alice.post(URL, {}).status_code == 202


def test_a_collection_is_made_with_its_index(as_alice: APIClient) -> None:
    index = {"m": 24, "ef_construction": 100, "storage": "vector"}
    response = as_alice.post(LIST, {"name": "drinks", "index": index})
    assert response.status_code == 201
    assert response.json()["index"] == {"state": "none", **index}


def test_an_index_that_is_not_there_yet_changes_at_once(
    collection: Collection, as_alice: APIClient
) -> None:
    response = as_alice.patch(f"{LIST}/drinks", {"index": {"ef_construction": 200}})
    assert response.status_code == 200
    assert response.json()["index"]["ef_construction"] == 200
    assert "Location" not in response
    assert not Job.objects.exists()


def test_an_index_that_serves_is_changed_by_a_job(
    collection: Collection, as_alice: APIClient
) -> None:
    make_ready(collection)
    response = as_alice.patch(f"{LIST}/drinks", {"index": {"storage": "bit"}})
    job = Job.objects.get()
    assert response["Location"] == f"/v1/jobs/{job.pk}"
    assert response.json()["index"] == {
        "state": "ready",
        "m": 16,
        "ef_construction": 128,
        "storage": "halfvec",
    }
    assert (job.kind, job.params["storage"]) == (JobKind.REINDEX, "bit")


@pytest.mark.parametrize(
    ("index", "param"),
    [
        ({"m": 1}, "index.m"),
        ({"m": 101}, "index.m"),
        ({"m": "16"}, "index.m"),
        ({"m": True}, "index.m"),
        ({"m": 65}, "index.ef_construction"),
        ({"ef_construction": 3}, "index.ef_construction"),
        ({"ef_construction": 1001}, "index.ef_construction"),
        ({"ef_construction": 31}, "index.ef_construction"),
        ({"storage": "sparsevec"}, "index.storage"),
        ({"lists": 100}, "index.lists"),
        ("halfvec", "index"),
        (None, "index"),
    ],
)
def test_bad_input_is_refused_by_name(
    collection: Collection, as_alice: APIClient, index: Any, param: str
) -> None:
    assert_problem(as_alice.post(LIST, {"name": "new", "index": index}), 400, param=param)
    assert_problem(as_alice.patch(f"{LIST}/drinks", {"index": index}), 400, param=param)
    assert_problem(as_alice.post(URL, {"index": index}), 400, param=param)
    assert Collection.objects.count() == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize(("dimensions", "storage"), [(2_001, "vector"), (4_001, "halfvec")])
def test_a_storage_holds_so_many_dimensions(
    collection: Collection, as_alice: APIClient, dimensions: int, storage: str
) -> None:
    Generation.objects.update(dimensions=dimensions, storage="bit")
    problem = assert_problem(
        as_alice.patch(f"{LIST}/drinks", {"index": {"storage": storage}}), 400, "invalid_index"
    )
    assert f"up to {dimensions - 1} dimensions" in problem["errors"][0]["detail"]
