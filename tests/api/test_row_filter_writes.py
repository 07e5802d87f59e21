"""What a row filter keeps from being written: where it may not be read it is not there either."""

from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.policy import Role
from embeddings.models import Collection, Document, Grant, Job
from embeddings.services.imports import run_import
from tests.api.assertions import assert_problem, assert_unseen
from tests.api.row_filters import HIDDEN, MINE, make_mixed, narrowed


@pytest.fixture
def mixed(alice: User, charlie: User) -> Collection:
    return make_mixed(alice, charlie)


def test_a_hidden_document_is_not_found(mixed: Collection, as_charlie: APIClient) -> None:
    there, absent = (f"/v1/collection/mixed/documents/{pk}" for pk in ("zebra", "absent"))
    assert_unseen(as_charlie, "GET", there, absent)
    assert_unseen(as_charlie, "DELETE", there, absent)
    assert_unseen(as_charlie, "PATCH", there, absent, {"metadata": {"tenant": 1}})
    for field in ({"document_id": "zebra"}, {"positive": ["zebra"]}):
        answer = as_charlie.post("/v1/search", {"collection": "mixed"} | field)
        assert answer.status_code == 404
    answer = as_charlie.post(
        "/v1/search", {"collection": "mixed", "positive": ["tea"], "negative": ["tea", "zebra"]}
    )
    assert_problem(answer, 404, "not_found", param="negative.1")


def test_what_may_be_read_but_not_written(mixed: Collection, as_charlie: APIClient) -> None:
    coffee = "/v1/collection/mixed/documents/coffee"
    assert as_charlie.get(coffee).status_code == 200
    assert_problem(as_charlie.delete(coffee), 403, "forbidden")
    assert_problem(as_charlie.patch(coffee, {"metadata": {"tenant": 1}}), 403, "forbidden")
    assert Document.objects.get(external_id="coffee").metadata["tenant"] == 2


@pytest.mark.parametrize("on_conflict", ["upsert", "skip", "error"])
@pytest.mark.parametrize(
    ("pk", "metadata"),
    [
        ("new", {"tenant": 2}),
        ("new", {"tenant": True}),
        ("new", {}),
        ("tea", {"tenant": 2}),
        ("coffee", {"tenant": 1}),
        ("zebra", {"tenant": 1}),
    ],
)
def test_nothing_is_added_outside(
    mixed: Collection, as_charlie: APIClient, pk: str, metadata: Any, on_conflict: str
) -> None:
    before = everything(mixed)
    documents = [
        {"id": "good", "text": "good", "metadata": {"tenant": 1}},
        {"id": pk, "text": "bad", "metadata": metadata},
    ]
    body = {"collection": "mixed", "documents": documents, "on_conflict": on_conflict}
    answer = as_charlie.post("/v1/add", body)
    problem = assert_problem(answer, 403, "outside_view", param="documents")
    assert pk in problem["detail"]
    assert everything(mixed) == before
    as_charlie.post("/v1/add", body | {"documents": documents[:1]})
    assert len(everything(mixed)) == len(before) + 1


def test_a_document_does_not_move_out_of_the_view(mixed: Collection, as_charlie: APIClient) -> None:
    tea = "/v1/collection/mixed/documents/tea"
    for metadata in ({"tenant": 2}, {"tenant": None}):
        assert_problem(as_charlie.patch(tea, {"metadata": metadata}), 403, "outside_view")
    assert as_charlie.patch(tea, {"metadata": {"hot": True}}).json()["metadata"]["hot"]


def test_deleting_by_filter_takes_what_may_be_written(
    mixed: Collection, as_charlie: APIClient
) -> None:
    path = "/v1/collection/mixed/documents"
    everywhere = {"$not": {"none": 1}}
    dry = as_charlie.delete(path, {"filter": everywhere, "dry_run": True}).json()
    assert (dry["deleted"], sorted(dry["sample"])) == (2, ["mate", "tea"])
    assert as_charlie.delete(path, {"filter": everywhere}).json()["deleted"] == 2
    assert sorted(everything(mixed)) == sorted(each.external_id for each in [*MINE[2:], *HIDDEN])


def test_an_import_stores_what_its_owner_may_write_when_it_runs(
    mixed: Collection, charlie: User, as_charlie: APIClient
) -> None:
    lines = [("new", 1), ("coffee", 1), ("zebra", 1), ("other", 2), ("tea", 1)]
    body = b"\n".join(
        orjson.dumps({"id": pk, "text": "imported", "metadata": {"tenant": tenant}})
        for pk, tenant in lines
    )
    jobs = [
        as_charlie.generic(
            "POST",
            "/v1/collection/mixed/import",
            body,  # type: ignore[arg-type]
            content_type="application/x-ndjson",
        ).json()["id"]
        for _ in range(2)
    ]
    run_import(job_id=jobs[0], should_stop=lambda: False)
    job = as_charlie.get(f"/v1/jobs/{jobs[0]}").json()
    assert [each["line"] for each in job["refused"]] == [2, 3, 4]
    assert {each["code"] for each in job["refused"]} == {"outside_view"}
    assert (job["result"]["added"], job["result"]["updated"]) == (1, 1)
    Grant.objects.filter(user=charlie, role=Role.EDITOR).delete()
    before = everything(mixed)
    run_import(job_id=jobs[1], should_stop=lambda: False)
    job = as_charlie.get(f"/v1/jobs/{jobs[1]}").json()
    assert (job["state"], everything(mixed)) == ("cancelled", before)


def everything(collection: Collection) -> dict[str, tuple[str, Any]]:
    return {
        document.external_id: (document.text, document.metadata)
        for document in Document.objects.filter(collection=collection)
    }


def test_a_narrowed_token_does_not_manage_the_whole(mixed: Collection, alice: User) -> None:
    client = narrowed(alice, tenant=1)
    assert_problem(client.delete("/v1/collection/mixed"), 403, "forbidden")
    assert_problem(client.patch("/v1/collection/mixed", {"name": "x"}), 403, "forbidden")


def test_jobs_are_shown_to_credentials_with_the_same_filter(
    mixed: Collection, alice: User, as_alice: APIClient
) -> None:
    ones = narrowed(alice, tenant=1)
    for client in (ones, as_alice):
        client.generic(
            "POST",
            "/v1/collection/mixed/import",
            orjson.dumps({"text": "x", "metadata": {"tenant": 3}}),  # type: ignore[arg-type]
            content_type="application/x-ndjson",
        )
    mine, whole = Job.objects.order_by("created_at")
    assert mine.row_filter == {"tenant": 1}
    assert [job["id"] for job in ones.get("/v1/jobs").json()["jobs"]] == [str(mine.pk)]
    assert_unseen(ones, "GET", f"/v1/jobs/{whole.pk}", f"/v1/jobs/{mixed.pk}")
    assert len(as_alice.get("/v1/jobs").json()["jobs"]) == 2
    for job in (mine, whole):
        run_import(job_id=job.pk, should_stop=lambda: False)
    mine.refresh_from_db()
    whole.refresh_from_db()
    assert (mine.result["refused"], whole.result["refused"]) == (1, 0)
