"""Collections that redact personal data: nothing of it is stored, and queries find what is left."""

import gzip
from typing import Any

import orjson
import pytest
from rest_framework.test import APIClient

from accounts.models.audit import AuditEntry
from embeddings.constants import JobState
from embeddings.models import Chunk, Collection, Document, FrequentQuery, Job
from embeddings.models.keyword import DocumentTerms
from embeddings.services import frequent_queries, redaction
from embeddings.services.document_input import content_id
from embeddings.services.frequent_queries import flush_queries
from embeddings.services.imports import run_import
from embeddings.services.job_runs import JobRetry
from tests.api.assertions import assert_problem
from tests.factories import make_collection, make_document

TEXT = "Ask jane@example.org or call +49 30 901820."
REDACTED = "Ask [EMAIL] or call [PHONE]."
WANTED = {"entities": ["phone", "email"], "metadata": True}


@pytest.fixture
def letters(as_alice: APIClient) -> Collection:
    body = {"name": "letters", "model": "hashing-384", "redaction": WANTED}
    assert as_alice.post("/v1/collection", body, format="json").status_code == 201
    return Collection.objects.get(name="letters")


def add(client: APIClient, **document: Any) -> Any:
    body = {"collection": "letters", "documents": [{"id": "1", "text": TEXT, **document}]}
    return client.post("/v1/add", body, format="json")


def search(client: APIClient, **params: Any) -> list[str]:
    body = {"collection": "letters", "include": ["text"], **params}
    answer = client.post("/v1/search", body, format="json").json()
    return [hit["text"] for hit in answer["hits"]]


def test_it_works(as_alice: APIClient, letters: Collection) -> None:
    assert add(as_alice, metadata={"from": ["jane@example.org"], "year": 2024}).status_code == 200
    document = Document.objects.get(collection=letters)
    assert document.text == REDACTED
    assert document.metadata == {"from": ["[EMAIL]"], "year": 2024}
    chunk = Chunk.objects.get(generation=letters.generation)
    assert (chunk.start, chunk.end) == (0, len(REDACTED))
    assert "jane" not in DocumentTerms.objects.get(collection=letters).terms
    # Of another letter there is no difference to see: the hash and the vector are of what is left.
    answer = add(as_alice, text=TEXT.replace("jane", "joan"), metadata=document.metadata)
    assert answer.json()["unchanged"] == 1


def test_what_is_shown_and_changed(as_alice: APIClient, letters: Collection) -> None:
    shown = as_alice.get("/v1/collection/letters").json()["redaction"]
    assert shown == {"entities": ["email", "phone"], "metadata": True}
    body: dict[str, Any] = {"redaction": {"entities": ["email"]}}
    changed = as_alice.patch("/v1/collection/letters", body, format="json").json()
    assert changed["redaction"] == {"entities": ["email"], "metadata": False}
    assert changed["version"] == 1  # what is cached of searches is out of date
    entry = AuditEntry.objects.get(event="collection.update")
    assert entry.after == {"redaction": {"entities": ["email"], "metadata": False}}
    add(as_alice, metadata={"from": "jane@example.org"})
    document = Document.objects.get(collection=letters)
    assert document.text == REDACTED.replace("[PHONE]", "+49 30 901820")
    assert document.metadata == {"from": "jane@example.org"}
    as_alice.patch("/v1/collection/letters", {"redaction": None}, format="json")
    add(as_alice)
    assert Document.objects.get(collection=letters).text == TEXT


@pytest.mark.parametrize(
    "value", [[], {"entities": []}, {"entities": ["shoe size"]}, {"entities": ["ip"], "keep": True}]
)
def test_what_is_no_redaction(as_alice: APIClient, value: Any) -> None:
    body = {"name": "letters", "redaction": value}
    assert_problem(as_alice.post("/v1/collection", body, format="json"), 400)
    assert not Collection.objects.exists()


def test_metadata_that_is_changed_later(as_alice: APIClient, letters: Collection) -> None:
    add(as_alice)
    body = {"metadata": {"to": {"phone": "+49 30 901820"}, "from": None}}
    answer = as_alice.patch("/v1/collection/letters/documents/1", body, format="json")
    assert answer.json()["metadata"] == {"to": {"phone": "[PHONE]"}}


def test_a_vector_of_the_original_is_refused(as_alice: APIClient, letters: Collection) -> None:
    vector = [1.0, *[0.0] * 383]
    refused = add(as_alice, embedding=vector)
    assert_problem(refused, 400, "redacted_embedding", param="documents.0.embedding")
    assert not Document.objects.filter(collection=letters).exists()
    assert add(as_alice, text="Nothing personal.", embedding=vector).status_code == 200


@pytest.mark.parametrize("mode", ["semantic", "keyword", "hybrid"])
@pytest.mark.parametrize("again", [False, True])
def test_queries_are_redacted_too(
    as_alice: APIClient, letters: Collection, mode: str, again: bool
) -> None:
    add(as_alice)
    make_document(letters.show_whole(), "Bread and butter.")
    for _ in range(1 + again):  # the second search is of the collection as it was last seen
        assert search(as_alice, query="joan@example.com", mode=mode)[0] == REDACTED
        body = {"collection": "letters", "queries": [{"query": "joan@example.com", "mode": mode}]}
        [result] = as_alice.post("/v1/search", body, format="json").json()["results"]
        assert result["hits"][0]["id"] == "1"
    body = {"collections": ["letters"], "query": "joan@example.com"}
    assert as_alice.post("/v1/search", body, format="json").json()["hits"][0]["id"] == "1"


def test_queries_are_recorded_as_they_are_asked(
    as_alice: APIClient, letters: Collection, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    monkeypatch.setattr(frequent_queries, "_waiting", frequent_queries._Waiting())
    search(as_alice, query="jane@example.org")
    body = {"collection": "letters", "queries": [{"query": "joan@example.org"}]}
    as_alice.post("/v1/search", body, format="json")
    flush_queries()
    assert list(FrequentQuery.objects.values_list("text", "count")) == [("[EMAIL]", 2)]


def test_names_need_an_extra(
    as_alice: APIClient, letters: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redaction, "missing", lambda *, model: ["presidio_analyzer", model])
    body = {"redaction": {"entities": ["name"]}}
    refused = as_alice.patch("/v1/collection/letters", body, format="json")
    problem = assert_problem(refused, 400, "invalid_redaction", param="redaction.entities")
    assert "presidio_analyzer, en_core_web_sm" in problem["detail"]


def test_rather_nothing_than_a_name(
    as_alice: APIClient, letters: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_names(text: str, *, model: str) -> Any:
        raise ImportError

    Collection.objects.update(redaction={"entities": ["name"], "metadata": False})
    monkeypatch.setattr(redaction, "find_names", find_names)
    assert_problem(add(as_alice), 503, "redaction_unavailable")
    assert not Document.objects.filter(collection=letters).exists()


def test_a_choice_made_meanwhile_is_kept(
    as_alice: APIClient, letters: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    Collection.objects.filter(pk=letters.pk).update(redaction={})
    from embeddings.services import add as service

    embed = service._embed_missing

    def embed_meanwhile(*args: Any, **kwargs: Any) -> None:
        embed(*args, **kwargs)
        Collection.objects.filter(pk=letters.pk).update(redaction=letters.redaction)

    monkeypatch.setattr(service, "_embed_missing", embed_meanwhile)
    assert_problem(add(as_alice), 503, "collection_busy")
    assert not Document.objects.filter(collection=letters).exists()


def test_a_new_collection_redacts_nothing(as_alice: APIClient) -> None:
    made = make_collection()
    assert made.redaction == {}
    body = {"name": "plain", "redaction": None}
    assert as_alice.post("/v1/collection", body, format="json").json()["redaction"] is None


def start_import(client: APIClient, *lines: bytes) -> Job:
    response = client.post(
        "/v1/collection/letters/import", b"\n".join(lines), content_type="application/x-ndjson"
    )
    assert response.status_code == 202, response.content
    return Job.objects.get(pk=response.json()["id"])


def test_imports_keep_nothing_of_the_original(as_alice: APIClient, letters: Collection) -> None:
    job = start_import(
        as_alice,
        orjson.dumps({"text": TEXT, "metadata": {"from": "jane@example.org", "year": 2024}}),
        b'{"text": "Of jane@example.org", no JSON',
        b"",
        orjson.dumps({"id": "1", "text": TEXT, "embedding": [1.0, *[0.0] * 383]}),
        orjson.dumps({"id": "2", "text": ["jane@example.org"]}),
        orjson.dumps({"id": "3", "text": "Nothing personal.", "to": "jane@example.org"}),
        orjson.dumps(["jane@example.org"]),
        orjson.dumps({"id": "4", "text": "Nothing personal.", "embedding": [1.0, *[0.0] * 383]}),
        orjson.dumps({"_id": "5", "title": "Of jane@example.org", "text": "Nothing personal."}),
        b'{"text": "Nothing personal.", "embedding": ' + b"[" * 500 + b"]" * 500 + b"}",
    )
    kept = b"".join(gzip.decompress(part.content) for part in job.parts.all())
    assert b"jane" not in kept
    assert REDACTED.encode() in kept
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.result["added"], job.result["refused"]) == (3, 6)
    reasons = {refusal["line"]: refusal["code"] for refusal in job.refused}
    assert reasons[4] == "redacted_embedding"
    assert "jane" not in str(job.refused)
    documents = {each.text: each for each in Document.objects.filter(collection=letters)}
    made = documents[REDACTED]
    assert made.metadata == {"from": "[EMAIL]", "year": 2024}
    assert made.external_id == content_id(made.text, made.metadata)


def test_an_import_follows_a_later_choice(as_alice: APIClient, letters: Collection) -> None:
    Collection.objects.filter(pk=letters.pk).update(redaction={})
    job = start_import(as_alice, orjson.dumps({"text": TEXT}))
    Collection.objects.filter(pk=letters.pk).update(redaction=letters.redaction)
    run_import(job_id=job.pk, should_stop=lambda: False)
    made = Document.objects.get(collection=letters)
    assert made.text == REDACTED
    assert made.external_id == content_id(REDACTED, {})


def test_an_import_waits_for_what_finds_names(
    as_alice: APIClient, letters: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find_names(text: str, *, model: str) -> Any:
        raise ImportError

    job = start_import(as_alice, orjson.dumps({"text": TEXT}))
    Collection.objects.update(redaction={"entities": ["name"], "metadata": False})
    monkeypatch.setattr(redaction, "find_names", find_names)
    with pytest.raises(JobRetry):
        run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.state, job.refused) == (JobState.QUEUED, [])
