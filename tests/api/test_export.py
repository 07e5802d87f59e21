"""`/v1/collection/{name}/export`."""

import csv
import io
from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from accounts.policy import Role
from embeddings.constants import ChunkingMethod
from embeddings.models import Collection, Grant
from embeddings.services import export
from embeddings.services.imports import run_import
from embeddings.types.chunking import ChunkingWish
from embeddings.types.document import DocumentInput
from tests.api.assertions import assert_problem, assert_unseen
from tests.factories import make_collection, make_document, make_documents

URL = "/v1/collection/drinks/export"
FORMULAS = ("=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1")


def get(client: APIClient, accept: str | None = None, url: str = URL, **query: Any) -> bytes:
    headers: dict[str, Any] = {} if accept is None else {"HTTP_ACCEPT": accept}
    answer: Any = client.get(url, query, **headers)
    assert answer.status_code == 200, answer.content
    body: bytes = answer.getvalue()
    return body


def rows_of(client: APIClient, **query: Any) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in get(client, **query).splitlines()]


def ids_of(client: APIClient, **query: Any) -> set[str]:
    return {row["id"] for row in rows_of(client, **query)}


def cells_of(client: APIClient, **query: Any) -> list[dict[str, str]]:
    text = get(client, "text/csv", **query).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    assert {row["id"]: row for row in rows_of(as_alice)} == {
        "tea": {
            "id": "tea",
            "text": "How to brew green tea",
            "metadata": {"lang": "en", "year": 2020, "by": {"name": "X"}},
        },
        "guides/coffee": {
            "id": "guides/coffee",
            "text": "How to brew coffee",
            "metadata": {"lang": "en", "year": 2024},
        },
        "thé": {
            "id": "thé",
            "text": "Le thé vert se boit chaud",
            "metadata": {"lang": "fr", "year": 2024},
        },
    }


def test_the_media_types(collection: Collection, as_alice: APIClient) -> None:
    for accept, content_type in {
        "*/*": "application/x-ndjson",
        "application/x-ndjson": "application/x-ndjson",
        "text/csv": "text/csv",
    }.items():
        assert as_alice.get(URL, HTTP_ACCEPT=accept)["Content-Type"] == content_type
    assert_problem(as_alice.get(URL, HTTP_ACCEPT="application/xml"), 406)


def test_every_document_comes_once_over_batches(
    collection: Collection, as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH_DOCUMENTS", 2)
    made = {make_document(collection).external_id for _ in range(3)}
    rows = rows_of(as_alice)
    assert len(rows) == 6
    assert {row["id"] for row in rows} == made | {"tea", "guides/coffee", "thé"}


def test_a_filter(collection: Collection, as_alice: APIClient) -> None:
    assert ids_of(as_alice, filter='{"year": {"$gte": 2024}}') == {"guides/coffee", "thé"}
    assert get(as_alice, filter='{"lang": "xx"}') == b""
    assert_problem(as_alice.get(URL, {"filter": '{"$no": 1}'}), 400, "invalid_filter")
    assert_problem(as_alice.get(URL, {"filters": "{}"}), 400, param="filters")


def test_with_vectors(collection: Collection, as_alice: APIClient) -> None:
    [row] = rows_of(as_alice, vectors="true", filter='{"year": 2020}')
    shown = as_alice.post(
        "/v1/search",
        {"collection": "drinks", "document_id": "tea", "top_k": 1, "include": ["vector"]},
    ).json()["hits"][0]
    assert shown["id"] == "tea"
    assert row["embedding"] == shown["vector"]
    [cells] = cells_of(as_alice, vectors="true", filter='{"year": 2020}')
    assert orjson.loads(cells["embedding"]) == shown["vector"]


def test_a_long_text_has_the_vectors_of_its_chunks(as_alice: APIClient, alice: User) -> None:
    collection = make_collection(
        "long", owner=alice, chunking=ChunkingWish(method=ChunkingMethod.TOKENS, size=16, overlap=0)
    )
    text = " ".join(f"word{number}" for number in range(40))
    make_document(collection, text, external_id="long")

    [row] = rows_of(as_alice, url="/v1/collection/long/export", vectors="true")

    shown = as_alice.get("/v1/collection/long/documents/long").json()["chunks"]
    assert [{"start": c["start"], "end": c["end"]} for c in row["chunks"]] == shown
    assert len(shown) > 1
    assert all(len(chunk["embedding"]) == 384 for chunk in row["chunks"])
    assert "embedding" not in row


def test_a_spreadsheet_takes_nothing_for_a_formula(
    collection: Collection, as_alice: APIClient
) -> None:
    make_documents(
        collection,
        *(DocumentInput(f"{each}!", each, {"f": True}) for each in FORMULAS),
    )
    rows = cells_of(as_alice, filter='{"f": true}')
    assert {row["text"] for row in rows} == {f"'{each}" for each in FORMULAS}
    assert {row["id"] for row in rows} == {f"'{each}!" for each in FORMULAS}
    assert {row["metadata"] for row in rows} == {'{"f":true}'}


def test_integers_beyond_64_bits_stay_what_they_are(
    collection: Collection, as_alice: APIClient
) -> None:
    make_document(collection, external_id="big", n=2**70)
    body = get(as_alice, filter='{"n": {"$exists": true}}')
    assert str(2**70).encode() in body


@pytest.mark.parametrize("vectors", ["false", "true"])
def test_what_is_exported_can_be_imported(
    collection: Collection, as_alice: APIClient, alice: User, vectors: str
) -> None:
    chunking = ChunkingWish(method=ChunkingMethod.TOKENS, size=16, overlap=0)
    copy = make_collection("copy", owner=alice, chunking=chunking)
    long = make_collection("long", owner=alice, chunking=chunking)
    make_document(long, " ".join(f"word{n}" for n in range(40)), external_id="long")
    lines = get(as_alice, vectors=vectors)
    lines += get(as_alice, url="/v1/collection/long/export", vectors=vectors)

    job: Any = as_alice.generic(
        "POST",
        "/v1/collection/copy/import",
        lines,  # type: ignore[arg-type]  # the stubs know of text only
        content_type="application/x-ndjson",
    )
    run_import(job_id=job.json()["id"], should_stop=lambda: False)

    result = as_alice.get(job["Location"]).json()
    assert (result["result"]["added"], result["refused"]) == (4, [])
    copied = rows_of(as_alice, url=f"/v1/collection/{copy.name}/export")
    assert sorted(copied, key=str) == sorted(
        rows_of(as_alice) + rows_of(as_alice, url="/v1/collection/long/export"), key=str
    )


def test_only_what_one_sees_is_exported(
    collection: Collection, as_charlie: APIClient, charlie: User, stranger: APIClient
) -> None:
    assert_unseen(as_charlie, "GET", URL, "/v1/collection/nothing/export")
    assert_problem(stranger.get(URL), 401, "not_authenticated")

    Grant.objects.create(
        collection=collection, user=charlie, role=Role.VIEWER, row_filter={"lang": "fr"}
    )

    assert ids_of(as_charlie) == {"thé"}
    assert ids_of(as_charlie, filter='{"$or": [{"lang": "en"}, {"lang": "fr"}]}') == {"thé"}


def test_it_is_on_record_without_the_filter(
    collection: Collection, as_alice: APIClient, alice: User
) -> None:
    get(as_alice, filter='{"lang": "fr"}')
    made = AuditEntry.objects.get(event="documents.export")
    assert (made.username, made.object_id) == ("alice", str(collection.pk))
    assert made.after
    assert made.after["with_vectors"] is False
    assert made.after["filter"].startswith("hmac-sha256:")
