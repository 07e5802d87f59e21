"""`/v1/collection/{name}/import`."""

import gzip
import io
from typing import Any

import orjson
import pytest
from django.conf import settings
from rest_framework.test import APIClient

from embeddings.models import Collection, Document, Job, JobPart
from embeddings.services.imports import run_import
from tests.api.assertions import assert_problem, assert_unseen

URL = "/v1/collection/drinks/import"
NDJSON = "application/x-ndjson"
LINES = b'{"id": "mate", "text": "How to brew mate"}\nnot json\n{"text": "No id"}\n'


def post(
    client: APIClient, body: bytes = LINES, content_type: str = NDJSON, url: str = URL, **extra: Any
) -> Any:
    # The stubs know of text only.
    return client.generic("POST", url, body, content_type=content_type, **extra)  # type: ignore[arg-type]


def limit(monkeypatch: pytest.MonkeyPatch, **limits: int) -> None:
    monkeypatch.setattr(settings, "EMBED", settings.EMBED.model_copy(update=limits))


def assert_nothing_stored() -> None:
    assert not Job.objects.exists()
    assert not JobPart.objects.exists()


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    answer = post(as_alice)
    assert answer.status_code == 202, answer.content
    job = answer.json()
    assert answer["Location"] == f"/v1/jobs/{job['id']}"
    assert (job["state"], job["kind"], job["done"], job["total"]) == ("queued", "import", 0, 3)
    assert (job["collection"], job["owner"]) == ("drinks", "alice")

    run_import(job_id=job["id"], should_stop=lambda: False)

    job = as_alice.get(answer["Location"]).json()
    assert (job["state"], job["done"]) == ("succeeded", 3)
    assert job["result"] == {
        "added": 2,
        "updated": 0,
        "unchanged": 0,
        "truncated": 0,
        "refused": 1,
    }
    assert job["refused"] == [
        {
            "line": 2,
            "param": None,
            "code": "invalid",
            "detail": "The line is not valid JSON; see character 1.",
        }
    ]
    shown = as_alice.get("/v1/collection/drinks/documents/mate")
    assert shown.json()["text"] == "How to brew mate"


def test_the_words_of_beir(collection: Collection, as_alice: APIClient) -> None:
    body = b"\n".join(
        [
            b'{"_id": "mate", "title": "Mate", "text": "How to brew mate", "metadata": {"n": 1}}',
            b'{"id": 7, "title": "", "text": "How to brew tea"}',
            b'{"id": "a", "_id": "b", "text": "Coffee"}',
            b'{"id": "c", "title": 5, "text": "Coffee"}',
            b'{"_id": "d", "text": "Coffee", "metadata": ' + b"[" * 500 + b"]" * 500 + b"}",
        ]
    )
    answer = post(as_alice, body)
    assert answer.status_code == 202, answer.content
    run_import(job_id=answer.json()["id"], should_stop=lambda: False)

    job = as_alice.get(answer["Location"]).json()
    assert [row["line"] for row in job["refused"]] == [3, 4, 5]
    stored = dict(Document.objects.values_list("external_id", "text"))
    assert (stored["mate"], stored["7"]) == ("Mate\nHow to brew mate", "How to brew tea")
    assert not {"a", "b", "c", "d"} & stored.keys()
    assert Document.objects.get(external_id="mate").metadata == {"n": 1}


@pytest.mark.parametrize("content_type", [NDJSON, "application/jsonl", f"{NDJSON}; charset=utf-8"])
@pytest.mark.parametrize("encoding", ["gzip", "", "identity"])
def test_the_kinds_of_body(
    collection: Collection, as_alice: APIClient, content_type: str, encoding: str
) -> None:
    body = gzip.compress(LINES) if encoding == "gzip" else LINES
    answer = post(as_alice, body, content_type, HTTP_CONTENT_ENCODING=encoding)
    assert answer.status_code == 202, answer.content
    assert answer.json()["total"] == 3


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json", ""),
        ("text/plain", ""),
        ("", ""),
        ("multipart/form-data; boundary=x", ""),
        (NDJSON, "br"),
        (NDJSON, "gzip, gzip"),
    ],
)
def test_other_bodies_are_refused(
    collection: Collection, as_alice: APIClient, content_type: str, encoding: str
) -> None:
    answer = post(as_alice, content_type=content_type, HTTP_CONTENT_ENCODING=encoding)
    problem = assert_problem(answer, 415, "unsupported_media_type")
    assert NDJSON in problem["detail"]
    assert_nothing_stored()


def test_how_conflicts_end_is_chosen(collection: Collection, as_alice: APIClient) -> None:
    line = orjson.dumps({"id": "tea", "text": "new"})
    answer = post(as_alice, line, url=f"{URL}?on_conflict=skip")
    run_import(job_id=answer.json()["id"], should_stop=lambda: False)
    stored = Document.objects.get(collection_id=collection.pk, external_id="tea")
    assert stored.text == "How to brew green tea"


@pytest.mark.parametrize("query", ["on_conflict=replace", "onconflict=skip"])
def test_a_bad_query_is_refused(collection: Collection, as_alice: APIClient, query: str) -> None:
    assert_problem(post(as_alice, url=f"{URL}?{query}"), 400, param=query.partition("=")[0])
    assert_nothing_stored()


@pytest.mark.parametrize(
    "body",
    [gzip.compress(LINES)[:-5], gzip.compress(LINES) + b"rest", LINES, b""],
    ids=["cut off", "more behind it", "not gzip", "nothing"],
)
def test_what_is_not_whole_gzip_is_refused(
    collection: Collection, as_alice: APIClient, body: bytes
) -> None:
    answer = post(as_alice, body, HTTP_CONTENT_ENCODING="gzip")
    assert_problem(answer, 400, "unreadable_import")
    assert_nothing_stored()


def test_an_empty_body_is_refused(collection: Collection, as_alice: APIClient) -> None:
    assert_problem(post(as_alice, b""), 400, "unreadable_import")
    assert_nothing_stored()


def test_a_body_that_ends_too_early_is_refused(collection: Collection, as_alice: APIClient) -> None:
    cut_off: dict[str, Any] = {
        "wsgi.input": io.BytesIO(LINES),
        "CONTENT_LENGTH": str(len(LINES) + 10),
    }
    answer = post(as_alice, **cut_off)
    assert_problem(answer, 400, "unreadable_import")
    assert_nothing_stored()


def test_a_line_over_the_limit_is_refused(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_body_bytes=30)
    problem = assert_problem(post(as_alice), 400, "unreadable_import")
    assert "line 1 is longer than 30 bytes" in problem["detail"]
    assert_nothing_stored()


def test_only_unpacked_bytes_count_and_the_limit_of_other_bodies_does_not(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(monkeypatch, max_body_bytes=100, import_max_bytes=10_000)
    line = b'{"text": "Some text."}\n'
    assert post(as_alice, line * 100).status_code == 202
    Job.objects.all().delete()
    bomb = gzip.compress(line * 1_000)
    assert len(bomb) < 1_000
    assert_problem(post(as_alice, bomb, HTTP_CONTENT_ENCODING="gzip"), 413, "too_large")
    assert_nothing_stored()


def test_only_who_may_write_may_import(
    collection: Collection, as_bob: APIClient, as_charlie: APIClient, stranger: APIClient
) -> None:
    assert_problem(post(as_bob), 403, "forbidden")
    assert_unseen(as_charlie, "POST", URL, "/v1/collection/nothing/import")
    assert_problem(post(stranger), 401, "not_authenticated")
    assert_nothing_stored()
