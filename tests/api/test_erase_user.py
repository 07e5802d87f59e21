"""Erasing a user: the account and all that hangs on it; what it owns gets another owner or goes."""

import gzip
import json
from typing import Any

from axes.models import AccessAttempt
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import ApiToken, User
from accounts.models.audit import AuditEntry
from accounts.policy import Role
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, FrequentQuery, Grant, Job, JobPart
from embeddings.services.jobs import make_job
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.conftest import client_of
from tests.factories import make_collection, make_user
from tests.table_search import tables_with

URL = "/v1/users/alice/erase"


def erase(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(URL, body, format="json")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def test_it_works(as_root: APIClient, as_alice: APIClient, alice: User, charlie: User) -> None:
    shared = make_collection(owner=charlie)
    Grant.objects.create(collection=shared, user=alice, role=Role.VIEWER)
    FrequentQuery.objects.create(collection=shared, owner=alice, text="tea", digest=b"")
    make_job(owner_id=alice.pk, kind=JobKind.IMPORT, collection=shared)
    as_alice.post("/v1/embed", {"input": "tea", "model": "hashing-384"}, format="json")
    report = erase(as_root)
    counts = {"tokens": 1, "grants": 1, "queries": 1, "jobs": 1, "vectors": 1, "collections": 0}
    assert report.items() >= counts.items()
    assert not User.objects.filter(username="alice").exists()
    assert not Job.objects.exists()
    assert_problem(as_alice.get("/v1/me"), 401)
    assert Collection.objects.get() == shared


def test_no_table_names_the_user_but_the_audit(as_root: APIClient, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(username="quagga", email="quagga@example.org")
    user = User.objects.get(pk=alice.pk)
    client_of(user).get("/v1/me")
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    browser.post("/admin/login/", {"username": "quagga", "password": "wrong"})
    assert AccessAttempt.objects.filter(username="quagga").exists()
    report = as_root.post("/v1/users/quagga/erase", {}, format="json").json()
    assert report["sessions"] == 1
    assert {name for name in tables_with("quagga") if not name.startswith("audit_")} == set()
    entry = AuditEntry.objects.get(event="user.erase")
    assert entry.object_id == str(alice.pk)
    assert "quagga" not in str(entry.before)


def test_what_it_owns(as_root: APIClient, alice: User, root: User) -> None:
    make_collection("letters", owner=alice)
    assert_problem(as_root.post(URL, {}, format="json"), 409, "owns_collections")
    for heir in ("alice", "nobody"):
        body = {"transfer_to": heir}
        assert_problem(as_root.post(URL, body, format="json"), 400, param="transfer_to")
    both = {"transfer_to": "root", "delete_collections": True}
    assert_problem(as_root.post(URL, both, format="json"), 400)
    assert User.objects.filter(username="alice").exists()
    assert erase(as_root, transfer_to="root")["collections"] == 1
    assert Collection.objects.get().owner == root


def test_with_what_it_owns(as_root: APIClient, collection: Collection) -> None:
    assert erase(as_root, delete_collections=True)["collections"] == 1
    assert not Collection.objects.exists()


def test_a_new_user_of_the_name_gets_nothing(
    as_root: APIClient, as_alice: APIClient, alice: User, charlie: User
) -> None:
    shared = make_collection("letters", owner=charlie)
    Grant.objects.create(collection=shared, user=alice, role=Role.VIEWER)
    body = {"input": "tea", "model": "hashing-384"}
    as_alice.post("/v1/embed", body, format="json")
    erase(as_root)
    again = client_of(make_user("alice"))
    assert again.get("/v1/collection/letters").status_code == 404
    assert not again.post("/v1/embed", body, format="json").json()["data"][0]["cached"]
    assert_problem(as_alice.get("/v1/me"), 401)


def test_texts_that_others_warm_for_it(as_root: APIClient, alice: User, charlie: User) -> None:
    jobs = []
    for owner in (alice, charlie):
        job = make_job(owner_id=charlie.pk, kind=JobKind.WARM_CACHE, collection=None)
        items = gzip.compress(json.dumps([(owner.pk, "tea")]).encode())
        JobPart.objects.create(job=job, ordinal=0, first_line=1, content=items)
        jobs.append(job)
    erase(as_root)
    states = [Job.objects.get(pk=job.pk).state for job in jobs]
    assert states == [JobState.CANCELLED, JobState.QUEUED]
    assert JobPart.objects.count() == 1


def test_the_last_administrator_stays(as_root: APIClient, root: User) -> None:
    refused = as_root.post("/v1/users/root/erase", {}, format="json")
    assert_problem(refused, 409)
    assert User.objects.filter(pk=root.pk).exists()


def test_the_cast(as_bob: APIClient, as_alice: APIClient, stranger: APIClient, alice: User) -> None:
    for client in (as_bob, as_alice):
        assert_problem(client.post(URL, {}, format="json"), 403)
    assert_problem(stranger.post(URL, {}, format="json"), 401)
    assert User.objects.filter(pk=alice.pk).exists()
    assert ApiToken.objects.filter(user=alice).exists()


def test_nobody_of_that_name(as_root: APIClient, alice: User) -> None:
    assert_unseen(as_root, "POST", "/v1/users/nobody/erase", "/v1/users/no-one/erase", {})
