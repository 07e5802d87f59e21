"""`metadata_schema` of `/v1/collection`, and what it asks of documents and filters."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection, Document, Job
from embeddings.services.imports import run_import
from embeddings.services.metadata_schema import index_metadata
from tests.api.assertions import assert_problem, assert_unseen

URL = "/v1/collection/drinks"
YEAR = {"type": "number", "index": True, "required": True}


def test_it_works(as_alice: APIClient) -> None:
    body = {"name": "books", "metadata_schema": {"year": YEAR, "lang": "string", "old": None}}

    answer = as_alice.post("/v1/collection", body)

    assert answer.status_code == 201, answer.content
    shown = as_alice.get("/v1/collection/books").json()
    assert shown["metadata_schema"] == {
        "year": YEAR,
        "lang": {"type": "string", "index": False, "required": False},
    }
    assert shown["metadata_indexes"] == {"year": "ready"}
    assert not Job.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_alice_declares_fields_of_what_is_there(
    collection: Collection, as_alice: APIClient
) -> None:
    answer = as_alice.patch(URL, {"metadata_schema": {"year": YEAR, "lang": "string"}})

    assert answer.status_code == 200, answer.content
    assert answer.json()["metadata_indexes"] == {"year": "building"}
    [job] = as_alice.get("/v1/jobs").json()["jobs"]
    assert (job["kind"], job["collection"], job["owner"]) == ("index_metadata", "drinks", "alice")
    index_metadata(job_id=job["id"], should_stop=lambda: False)
    shown = as_alice.get(URL).json()
    assert shown["metadata_indexes"] == {"year": "ready"}
    assert set(shown["metadata_schema"]) == {"year", "lang"}

    again = as_alice.patch(URL, {"metadata_schema": shown["metadata_schema"]}).json()
    assert again["version"] == shown["version"]
    gone = as_alice.patch(URL, {"metadata_schema": {"year": None}}).json()
    assert (set(gone["metadata_schema"]), gone["metadata_indexes"]) == ({"lang"}, {})


def test_the_cast(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    body = {"metadata_schema": {"year": "number"}}
    assert_problem(as_bob.patch(URL, body), 403, "forbidden")
    assert as_bob.get(URL).json()["metadata_schema"] == {}
    assert_unseen(as_charlie, "PATCH", URL, "/v1/collection/nothing", body)
    assert_problem(stranger.patch(URL, body), 401)
    collection.refresh_from_db()
    assert collection.metadata_schema == {}


def test_what_documents_break_is_refused_with_an_example(
    collection: Collection, as_alice: APIClient
) -> None:
    body = {"description": "New.", "metadata_schema": {"lang": "number"}}

    problem = assert_problem(
        as_alice.patch(URL, body), 409, "schema_violated", param="metadata_schema.lang"
    )

    assert "3 stored documents" in problem["detail"]
    assert "`guides/coffee`" in problem["detail"]
    collection.refresh_from_db()
    assert (collection.description, collection.metadata_schema) == ("", {})


@pytest.mark.parametrize(
    ("schema", "param"),
    [
        (None, "metadata_schema"),
        ({"a": "int"}, "metadata_schema.a.type"),
        ({"a" * 65_536: "string"}, "metadata_schema"),
        ({"a": {"type": "string[]", "index": True}}, "metadata_schema.a.index"),
        ({f"a{i}": "string" for i in range(10_000)}, "metadata_schema"),
    ],
)
def test_a_malformed_schema_changes_nothing(
    collection: Collection, as_alice: APIClient, schema: Any, param: str
) -> None:
    assert_problem(as_alice.patch(URL, {"metadata_schema": schema}), 400, param=param)
    collection.refresh_from_db()
    assert collection.metadata_schema == {}


@pytest.fixture
def declared(collection: Collection, as_alice: APIClient) -> APIClient:
    fields = {"year": {"type": "number", "required": True}, "at": "datetime"}
    assert as_alice.patch(URL, {"metadata_schema": fields}).status_code == 200
    return as_alice


def add(client: APIClient, **metadata: Any) -> Any:
    document = {"id": "new", "text": "A text.", "metadata": metadata}
    return client.post("/v1/add", {"collection": "drinks", "documents": [document]})


def test_documents_are_checked_on_every_way_in(declared: APIClient) -> None:
    for metadata, param in (({"year": "x"}, "year"), ({}, "year"), ({"year": 1, "at": 5}, "at")):
        param = f"documents.0.metadata.{param}"
        assert_problem(add(declared, **metadata), 400, "invalid_metadata", param=param)
    assert not Document.objects.filter(external_id="new").exists()
    answer = declared.patch(f"{URL}/documents/tea", {"metadata": {"year": None}})
    assert_problem(answer, 400, "invalid_metadata", param="metadata.year")
    assert add(declared, year=2024, at="2024-01-01", other=[1]).status_code == 200


LINES = b"""{"id": "good", "text": "A text.", "metadata": {"year": 2024}}
{"id": "bad", "text": "A text.", "metadata": {"year": "2024"}}
"""


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_an_import_refuses_the_lines_that_break_the_schema(
    collection: Collection, as_alice: APIClient, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declare() -> None:
        assert as_alice.patch(URL, {"metadata_schema": {"year": "number"}}).status_code == 200

    started = as_alice.generic(
        "POST",
        f"{URL}/import",
        LINES,  # type: ignore[arg-type]
        content_type="application/x-ndjson",
    ).json()
    if when == "before":
        declare()
    else:

        def should_stop() -> bool:
            monkeypatch.undo()
            declare()
            return False

        monkeypatch.setattr("tests.api.test_metadata_schema.never", should_stop)
    run_import(job_id=started["id"], should_stop=lambda: never())

    job = as_alice.get(f"/v1/jobs/{started['id']}").json()
    assert job["state"] == "succeeded", job
    assert (job["result"]["added"], job["result"]["refused"]) == (1, 1)
    [refused] = job["refused"]
    assert (refused["line"], refused["param"]) == (2, "metadata.year")
    assert refused["code"] == "invalid_metadata"


def never() -> bool:
    return False


def test_searches_and_lists_compare_datetimes_as_such(declared: APIClient) -> None:
    add(declared, year=2024, at="2024-01-01T00:30:00+01:00")
    search = {"collection": "drinks", "query": "text", "filter": {"at": {"$lt": "2024-01-01"}}}

    hits = declared.post("/v1/search", search).json()["hits"]

    assert [hit["id"] for hit in hits] == ["new"]
    listed = declared.get(f"{URL}/documents", {"filter": '{"at": {"$lt": "2024-01-01"}}'}).json()
    assert [document["id"] for document in listed["documents"]] == ["new"]
    declared.patch(URL, {"metadata_schema": {"at": None}})
    assert declared.post("/v1/search", search).json()["hits"] == []  # nor remembered


def test_a_search_that_was_sent_by_an_older_schema_is_done_again(
    declared: APIClient, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_search_ttl_s": 0})
    make = [("before", "Last summer.", "2023-06-01"), ("new", "A text.", "2024-01-01T00:30+01")]
    documents = [
        {"id": pk, "text": text, "metadata": {"year": 1, "at": at}} for pk, text, at in make
    ]
    declared.post("/v1/add", {"collection": "drinks", "documents": documents})
    search = {"collection": "drinks", "query": "A text.", "top_k": 1}
    search["filter"] = {"at": {"$lt": "2024-01-01"}}
    assert [hit["id"] for hit in declared.post("/v1/search", search).json()["hits"]] == ["new"]
    declared.patch(URL, {"metadata_schema": {"at": None}})
    assert [hit["id"] for hit in declared.post("/v1/search", search).json()["hits"]] == ["before"]


def test_a_datetime_is_compared_with_one(declared: APIClient) -> None:
    for operand in ("soon", 5, True):
        search = {"collection": "drinks", "query": "text", "filter": {"at": {"$lte": operand}}}
        answer = declared.post("/v1/search", search)
        param = "filter.at.$lte"
        assert_problem(answer, 400, "invalid_filter", param=param)
        answer = declared.delete(f"{URL}/documents", {"filter": {"at": {"$in": [operand]}}})
        assert_problem(answer, 400, "invalid_filter", param="filter.at.$in.0")


def test_collections_that_mean_different_things_are_not_searched_together(
    declared: APIClient,
) -> None:
    other = {"name": "other", "metadata_schema": {"at": "string"}}
    assert declared.post("/v1/collection", other).status_code == 201
    search: dict[str, Any] = {"collections": ["drinks", "other"], "query": "text"}
    search["filter"] = {"at": {"$lt": "2024-01-01"}}
    assert_problem(declared.post("/v1/search", search), 400, "invalid_filter", param="filter")
    search["filter"] = {"year": {"$lt": 2024}}
    assert declared.post("/v1/search", search).status_code == 200
