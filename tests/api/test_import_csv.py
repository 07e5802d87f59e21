"""CSV at `/v1/collection/{name}/import`."""

import gzip
from typing import Any

import orjson
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from embeddings.models import Collection, Document, Job
from embeddings.services.imports import run_import
from tests.api.assertions import assert_problem

URL = "/v1/collection/drinks/import"
TABLE = b"key,body,lang,year\nmate,How to brew mate,es,2021\nshort\n,No id,en,\n"
COLUMNS = '{"text": "body", "id": "key"}'


def post(client: APIClient, body: bytes = TABLE, columns: str = COLUMNS, **extra: Any) -> Any:
    url = f"{URL}?columns={columns}" if columns else URL
    # The stubs know of text only.
    return client.generic("POST", url, body, content_type="text/csv; charset=utf-8", **extra)  # type: ignore[arg-type]


def imported(client: APIClient, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.content
    run_import(job_id=answer.json()["id"], should_stop=lambda: False)
    job: dict[str, Any] = client.get(answer["Location"]).json()
    return job


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    schema = {"metadata_schema": {"year": "number"}}
    assert as_alice.patch("/v1/collection/drinks", schema).status_code == 200

    job = imported(as_alice, post(as_alice))

    assert (job["done"], job["total"], job["result"]["added"]) == (3, 3, 2)
    assert [(row["line"], row["detail"]) for row in job["refused"]] == [
        (2, "The row has not as many cells as the header.")
    ]
    mate = as_alice.get("/v1/collection/drinks/documents/mate").json()
    assert mate["text"] == "How to brew mate"
    assert mate["metadata"] == {"lang": "es", "year": 2021}


def test_a_cell_that_is_no_value_of_its_field_is_refused(
    collection: Collection, as_alice: APIClient
) -> None:
    as_alice.patch("/v1/collection/drinks", {"metadata_schema": {"year": "number"}})
    job = imported(as_alice, post(as_alice, b"text,year\nx,old\ny,1999\n", ""))
    assert [(row["line"], row["code"]) for row in job["refused"]] == [(1, "invalid_metadata")]
    assert job["result"]["added"] == 1


def test_gzip_and_the_names_of_the_columns(collection: Collection, as_alice: APIClient) -> None:
    body = gzip.compress(b"id,title,text\na,Mate,How to brew\n")
    imported(as_alice, post(as_alice, body, "", HTTP_CONTENT_ENCODING="gzip"))
    stored = Document.objects.get(collection_id=collection.pk, external_id="a")
    assert stored.text == "Mate\nHow to brew"


@pytest.mark.parametrize("columns", ["{", "[]", '{"body": "text"}'])
def test_bad_columns_are_refused(collection: Collection, as_alice: APIClient, columns: str) -> None:
    assert_problem(post(as_alice, columns=columns), 400, param="columns")
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "Send a header and rows below it."),
        (b"key,body\n", "Send a header and rows below it."),
        (b"body\nx\n", "no column named key"),
        (b'key,body\n"', "no well-formed CSV"),
    ],
)
def test_what_is_no_such_table_is_refused(
    collection: Collection, as_alice: APIClient, body: bytes, detail: str
) -> None:
    problem = assert_problem(post(as_alice, body), 400, "unreadable_import")
    assert detail in problem["detail"]
    assert not Job.objects.exists()


def test_what_it_becomes_counts_too(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = settings.EMBED.model_copy(update={"import_max_bytes": 10_000})
    monkeypatch.setattr(settings, "EMBED", limited)
    body = b"text," + b"n" * 1_000 + b"\n" + b"x,1\n" * 20
    assert len(body) < 2_000
    assert_problem(post(as_alice, body, ""), 413, "too_large")
    assert not Job.objects.exists()


def test_a_line_of_json_that_is_a_string_is_no_fault_of_csv(
    collection: Collection, as_alice: APIClient
) -> None:
    line = orjson.dumps("The row is mine.")
    answer: Any = as_alice.generic("POST", URL, line, content_type="application/x-ndjson")  # type: ignore[arg-type]
    [refused] = imported(as_alice, answer)["refused"]
    assert refused["detail"] == "Send a JSON object with the document's text."
