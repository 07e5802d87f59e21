"""Searches, embeddings and refusals are on record, and no text is."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import AuditEntry, User
from accounts.services.audit_buffer import flush_notes
from embeddings.models import Collection
from embeddings.services import rerank
from tests.rerankers import WordOverlap


def noted(event: str) -> list[AuditEntry]:
    flush_notes()
    return list(AuditEntry.objects.filter(event=event).order_by("id"))


def test_a_search(as_alice: APIClient, alice: User, collection: Collection) -> None:
    for _ in range(2):  # the second is remembered
        as_alice.post("/v1/search", {"collection": "drinks", "query": "private tea", "top_k": 2})
    first, second = noted("documents.search")
    assert (first.user_id, first.collection_id) == (alice.pk, collection.pk)
    assert first.after == second.after == {"mode": "semantic", "hits": 2, "searches": 1}


def test_a_batch_is_one_entry(as_alice: APIClient, collection: Collection) -> None:
    queries = [{"query": "tea", "top_k": 1}, {"query": "tea", "mode": "keyword", "top_k": 1}]
    as_alice.post("/v1/search", {"collection": "drinks", "queries": queries})
    (made,) = noted("documents.search")
    assert made.after == {"mode": "keyword,semantic", "hits": 2, "searches": 2}


@pytest.mark.parametrize(
    ("path", "body", "event", "count"),
    [
        ("/v1/embed", {"input": ["private", "private too"]}, "texts.embed", 2),
        ("/v1/embeddings", {"input": "private", "model": "hashing-384"}, "texts.embed", 1),
        ("/v1/rerank", {"query": "private", "documents": ["private"]}, "texts.rerank", 1),
    ],
    ids=["embed", "openai", "rerank"],
)
def test_texts(
    as_alice: APIClient,
    path: str,
    body: Any,
    event: str,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rerank, "get_reranker", lambda name: WordOverlap())
    assert as_alice.post(path, body).status_code == 200
    (made,) = noted(event)
    assert made.after is not None
    assert made.after["count"] == count
    assert "private" not in str(vars(made))


def test_not_where_the_operator_wants_none(
    as_alice: APIClient, as_charlie: APIClient, collection: Collection, settings: Any
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"audit_reads": "none"})
    as_alice.post("/v1/search", {"collection": "drinks", "query": "tea"})
    as_alice.post("/v1/embed", {"input": "tea"})
    as_charlie.post("/v1/search", {"collection": "drinks", "query": "tea"})
    assert not noted("documents.search")
    assert not noted("texts.embed")
    assert noted("request.deny")


def test_the_unseen(as_charlie: APIClient, charlie: User, collection: Collection) -> None:
    assert as_charlie.get("/v1/collection/drinks").status_code == 404
    assert as_charlie.get("/v1/collection/nothing").status_code == 404
    seen, absent = noted("request.deny")
    assert (seen.user_id, seen.outcome) == (charlie.pk, "denied")
    assert (seen.object_type, seen.object_id) == ("collection", "drinks")
    assert (seen.collection_id, absent.collection_id) == (collection.pk, None)
    assert seen.after == {
        "method": "GET",
        "route": "v1:collection",
        "status": 404,
        "code": "not_found",
        "action": None,
    }


def test_the_forbidden(as_bob: APIClient, collection: Collection) -> None:
    assert as_bob.delete("/v1/collection/drinks").status_code == 403
    (made,) = noted("request.deny")
    assert (made.username, made.collection_id) == ("bob", collection.pk)
    assert made.after is not None
    assert (made.after["status"], made.after["action"]) == (403, "manage")


def test_strangers(stranger: APIClient) -> None:
    stranger.get("/v1/jobs", REMOTE_ADDR="203.0.113.9")
    stranger.get("/v1/jobs", HTTP_AUTHORIZATION="Bearer nonsense")
    without, wrong = noted("request.deny")
    assert (without.user_id, without.address, without.object_id) == (
        None,
        "203.0.113.9",
        "v1:jobs",
    )
    assert wrong.after is not None
    assert wrong.after["code"] == "invalid_token"
    assert "nonsense" not in str(vars(wrong))


def test_an_absent_document_refuses_nobody(as_alice: APIClient, collection: Collection) -> None:
    assert as_alice.get("/v1/collection/drinks/documents/nothing").status_code == 404
    assert not noted("request.deny")
