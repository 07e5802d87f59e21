"""`/v1/jobs`, `/v1/jobs/{id}` and `/v1/jobs/{id}/cancel`."""

import uuid

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import Role
from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, Grant, Job
from embeddings.services.jobs import start_job
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.conftest import client_of
from tests.factories import make_user

LIST = "/v1/jobs"


@pytest.fixture
def job(collection: Collection) -> Job:
    return make_job(collection)


def make_job(collection: Collection, kind: JobKind = JobKind.IMPORT) -> Job:
    return start_job(owner_id=collection.owner_id, kind=kind, collection=collection, total=3)


def ids(client: APIClient, **query: str) -> list[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200, response.content
    return [job["id"] for job in response.json()["jobs"]]


def test_it_works(job: Job, as_alice: APIClient) -> None:
    Job.objects.update(refused=[{"line": 2, "param": None, "code": "invalid", "detail": "No."}])
    shown = as_alice.get(f"{LIST}/{job.pk}").json()
    listed = as_alice.get(LIST).json()
    assert shown.pop("created_at").endswith("Z")
    assert shown == {
        "id": str(job.pk),
        "kind": "import",
        "state": "queued",
        "owner": "alice",
        "collection": "drinks",
        "done": 0,
        "total": 3,
        "rate": None,
        "result": {},
        "error": "",
        "attempts": 0,
        "request_id": "",
        "started_at": None,
        "finished_at": None,
        "refused": [{"line": 2, "param": None, "code": "invalid", "detail": "No."}],
    }
    assert listed["next_cursor"] is None
    assert [row["id"] for row in listed["jobs"]] == [str(job.pk)]
    assert "refused" not in listed["jobs"][0]


def test_what_failed_is_retried(job: Job, as_alice: APIClient, as_charlie: APIClient) -> None:
    again = f"{LIST}/{job.pk}/retry"
    assert_problem(as_alice.post(again), 409, "job_not_retriable")
    Job.objects.update(state=JobState.PARKED.value, error="It broke.", attempts=5)
    job.parts.create(ordinal=0, first_line=1, content=b"")
    assert_unseen(as_charlie, "POST", again, f"{LIST}/{uuid.uuid4()}/retry")
    shown = as_alice.post(again)
    assert shown.status_code == 200
    found = {
        name: shown.json()[name] for name in ("id", "state", "error", "attempts", "collection")
    }
    assert found == {
        "id": str(job.pk),
        "state": "queued",
        "error": "",
        "attempts": 0,
        "collection": "drinks",
    }


def test_each_sees_what_the_policy_shows(
    job: Job, as_alice: APIClient, as_bob: APIClient, as_charlie: APIClient
) -> None:
    assert ids(as_alice) == ids(as_bob) == [str(job.pk)]
    assert ids(as_charlie) == []
    for method, tail in (("GET", ""), ("POST", "/cancel")):
        there, absent = f"{LIST}/{job.pk}{tail}", f"{LIST}/{uuid.uuid4()}{tail}"
        assert_unseen(as_charlie, method, there, absent)
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_owners_see_the_jobs_of_others_on_their_collection(
    collection: Collection, as_alice: APIClient, as_charlie: APIClient, charlie: User
) -> None:
    kind = JobKind.IMPORT
    job = start_job(owner_id=charlie.pk, kind=kind, collection=collection, total=3)
    dora = make_user("dora")
    Grant.objects.create(collection=collection, user=dora, role=Role.EDITOR)
    assert ids(as_alice) == [str(job.pk)]
    assert as_alice.get(f"{LIST}/{job.pk}").json()["owner"] == "charlie"
    assert_unseen(client_of(dora), "GET", f"{LIST}/{job.pk}", f"{LIST}/{uuid.uuid4()}")
    assert ids(client_of(dora)) == []
    assert as_alice.post(f"{LIST}/{job.pk}/cancel").json()["state"] == "cancelled"
    assert as_charlie.get(f"{LIST}/{job.pk}").json()["state"] == "cancelled"


def test_a_job_names_no_collection_that_is_hidden(
    collection: Collection, as_alice: APIClient, as_charlie: APIClient, charlie: User
) -> None:
    grant = Grant.objects.create(collection=collection, user=charlie, role=Role.EDITOR)
    job = start_job(owner_id=charlie.pk, kind=JobKind.IMPORT, collection=collection, total=3)
    assert as_charlie.get(f"{LIST}/{job.pk}").json()["collection"] == "drinks"
    assert ids(as_charlie, collection="drinks") == [str(job.pk)]

    grant.delete()
    as_alice.patch("/v1/collection/drinks", {"name": "secret"})

    assert as_charlie.get(f"{LIST}/{job.pk}").json()["collection"] is None
    assert as_charlie.get(LIST).json()["jobs"][0]["collection"] is None
    assert ids(as_charlie, collection="secret") == []
    assert as_charlie.post(f"{LIST}/{job.pk}/cancel").json()["collection"] is None


def test_strangers_see_nothing(job: Job, stranger: APIClient) -> None:
    for response in (
        stranger.get(LIST),
        stranger.get(f"{LIST}/{job.pk}"),
        stranger.post(f"{LIST}/{job.pk}/cancel"),
    ):
        assert_problem(response, 401, "not_authenticated")


def test_pages_hold_every_job_once_newest_first(
    collection: Collection, as_alice: APIClient
) -> None:
    made = [str(make_job(collection).pk) for _ in range(5)]
    Job.objects.update(created_at=Job.objects.all()[0].created_at)
    seen: list[str] = []
    query = {"limit": "2"}
    for expected in (2, 2, 1):
        answer = as_alice.get(LIST, query).json()
        assert len(answer["jobs"]) == expected
        seen += [row["id"] for row in answer["jobs"]]
        query = {"limit": "2", "cursor": answer["next_cursor"]}
    assert answer["next_cursor"] is None
    assert seen == sorted(made, reverse=True)


def test_the_list_is_narrowed(collection: Collection, as_alice: APIClient) -> None:
    job, build = make_job(collection), make_job(collection, JobKind.BUILD_INDEX)
    Job.objects.filter(pk=build.pk).update(state=JobState.FAILED.value)
    assert ids(as_alice, kind="import") == [str(job.pk)]
    assert ids(as_alice, state="failed") == [str(build.pk)]
    assert ids(as_alice, collection="drinks") == [str(build.pk), str(job.pk)]
    assert ids(as_alice, collection="others") == []


@pytest.mark.parametrize(
    ("param", "value"),
    [
        ("state", "done"),
        ("kind", "re-index"),
        ("collection", "No Name"),
        ("limit", "0"),
        ("limit", "1001"),
        ("cursor", "?"),
        ("cursor", "bm90IGEga2V5"),
        ("cursor", "MjAyNi0xMS0yMlQwOTowMDowMCA1ZjBjOWUwYjZhN2Q0ZjZjOWE1ZDFmM2YwYjdjMmExZQ"),
        ("stat", "failed"),
    ],
)
def test_a_bad_query_is_refused(as_alice: APIClient, param: str, value: str) -> None:
    assert_problem(as_alice.get(LIST, {param: value}), 400, param=param)


@pytest.mark.parametrize("who", ["as_alice", "as_bob"])
def test_owners_and_operators_cancel(job: Job, who: str, request: pytest.FixtureRequest) -> None:
    client: APIClient = request.getfixturevalue(who)
    Job.objects.update(done=2)
    answer = client.post(f"{LIST}/{job.pk}/cancel")
    assert answer.status_code == 200
    assert answer.json()["state"] == "cancelled"
    assert answer.json()["error"] == "Cancelled on request after 2 of 3; what was stored stays."
    assert answer.json()["finished_at"]
    assert_problem(client.post(f"{LIST}/{job.pk}/cancel"), 409, "job_finished")


@pytest.mark.parametrize("path", [f"{LIST}/1", f"{LIST}/{uuid.UUID(int=7).hex}x", f"{LIST}/"])
def test_what_is_no_job_id_is_not_there(as_alice: APIClient, path: str) -> None:
    assert_problem(as_alice.get(path), 404, "not_found")


def test_a_job_remembers_the_request_that_started_it(
    collection: Collection, as_alice: APIClient
) -> None:
    answer = as_alice.generic(
        "POST",
        "/v1/collection/drinks/import",
        '{"text": "one"}\n',
        content_type="application/x-ndjson",
        HTTP_X_REQUEST_ID="from-the-caller",
    )
    assert answer.json()["request_id"] == "from-the-caller"
