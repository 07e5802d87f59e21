"""Erasing documents: nothing of them is left where the service keeps things, and the report says
what is left elsewhere.
"""

import gzip
from typing import Any

import orjson
import pytest
from django.db import connection
from rest_framework.test import APIClient

from accounts.models import User
from accounts.models.audit import AuditEntry
from accounts.policy import Action, Role
from embeddings.cache import the_cache
from embeddings.constants import JobKind, JobState, OnConflict
from embeddings.models import (
    CacheErasure,
    Chunk,
    Collection,
    CommonTerm,
    Document,
    FrequentQuery,
    Grant,
    Job,
)
from embeddings.services import frequent_queries, imports
from embeddings.services.cache_warming import of_queries, warm
from embeddings.services.collection import visible_collection
from embeddings.services.erase import count_erasable, erase_documents
from embeddings.services.frequent_queries import flush_queries, record_query
from embeddings.services.imports import run_import
from embeddings.services.job_runs import JobLost, take_job
from embeddings.services.jobs import make_job
from embeddings.store import keyword
from embeddings.types.filter import parse_filter
from tests.api.assertions import assert_problem, assert_unseen
from tests.caches import start_cache
from tests.factories import make_collection, make_document
from tests.redis_server import RedisServer
from tests.table_search import tables_with

URL = "/v1/collection/drinks/erase"


def erase(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(URL, body, format="json")
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


def add(client: APIClient, external_id: str, text: str, **metadata: Any) -> None:
    document = {"id": external_id, "text": text, "metadata": metadata}
    body = {"collection": "drinks", "documents": [document]}
    assert client.post("/v1/add", body, format="json").status_code == 200


def search(client: APIClient, query: str) -> list[str]:
    body = {"collection": "drinks", "query": query}
    answer = client.post("/v1/search", body, format="json").json()
    return [hit["id"] for hit in answer["hits"]]


def start_import(client: APIClient, *documents: dict[str, Any]) -> Job:
    lines = b"\n".join(orjson.dumps(document) for document in documents)
    response = client.post(
        "/v1/collection/drinks/import", lines, content_type="application/x-ndjson"
    )
    assert response.status_code == 202, response.content
    return Job.objects.get(pk=response.json()["id"])


def payload(job: Job) -> bytes:
    return b"".join(gzip.decompress(part.content) for part in job.parts.order_by("ordinal"))


@pytest.fixture
def queries(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 10})
    monkeypatch.setattr(frequent_queries, "_waiting", frequent_queries._Waiting())


def test_it_works(as_alice: APIClient, collection: Collection) -> None:
    report = erase(as_alice, ids=["tea", "absent"])
    assert (report["documents"], report["chunks"], report["dry_run"]) == (1, 1, False)
    assert report["remains"]
    assert not Document.objects.filter(collection=collection, external_id="tea").exists()
    assert Chunk.objects.filter(generation=collection.generation).count() == 2
    shown = as_alice.get("/v1/collection/drinks").json()
    assert (shown["count"], shown["version"]) == (2, collection.version + 1)


def test_by_filter(as_alice: APIClient, collection: Collection) -> None:
    which = {"filter": {"year": {"$gte": 2024}}}
    assert erase(as_alice, **which, dry_run=True)["documents"] == 2
    assert Document.objects.filter(collection=collection).count() == 3
    assert erase(as_alice, **which)["documents"] == 2
    assert Document.objects.get(collection=collection).external_id == "tea"


@pytest.mark.parametrize(
    "body", [{}, {"ids": []}, {"ids": ["a"], "filter": {}}, {"ids": [1]}, {"everything": True}]
)
def test_it_must_be_said_which(as_alice: APIClient, collection: Collection, body: Any) -> None:
    assert_problem(as_alice.post(URL, body, format="json"), 400)
    assert Document.objects.filter(collection=collection).count() == 3


def test_the_cast(
    as_bob: APIClient, as_charlie: APIClient, stranger: APIClient, collection: Collection
) -> None:
    body = {"ids": ["tea"]}
    assert_problem(as_bob.post(URL, body, format="json"), 403)
    assert_unseen(as_charlie, "POST", URL, "/v1/collection/absent/erase", body)
    assert_problem(stranger.post(URL, body, format="json"), 401)
    assert Document.objects.filter(collection=collection).count() == 3


def test_the_cache_forgets_vectors_and_searches(
    shared_cache: RedisServer, as_alice: APIClient, as_root: APIClient, collection: Collection
) -> None:
    add(as_alice, "secret", "Jane drinks gin")
    add(as_alice, "other", "Joan drinks rum")
    body = {"input": ["Jane drinks gin", "Joan drinks rum"], "model": "hashing-384"}
    as_root.post("/v1/embed", body, format="json")  # each has cached vectors of its own
    search(as_alice, "gin")
    other_process = the_cache()
    mine = start_cache()
    report = erase(as_root, ids=["secret"])
    assert report["searches"] == 1
    assert report["vectors"] == 2
    for client, cached in ((as_alice, [False, True]), (as_root, [False, True])):
        answer = client.post("/v1/embed", body | {"input_type": "document"}, format="json").json()
        assert [each["cached"] for each in answer["data"]] == cached
    before = other_process.memory.size[0]
    assert other_process.follow_cutoffs(now=True) == 3
    assert other_process.memory.size[0] == before - 3
    assert mine is the_cache()


def test_a_redis_that_does_not_answer(
    shared_cache: RedisServer, as_alice: APIClient, collection: Collection
) -> None:
    shared_cache.kill()
    report = erase(as_alice, ids=["tea"])
    assert (report["documents"], report["vectors"], report["searches"]) == (1, None, None)
    assert report["remains"][-1]["command"] == "manage.py clear_cache"


def test_many_documents_empty_the_models_cache(
    as_root: APIClient, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embeddings.services.erase.BATCH", 1)
    body = {"input": "What nobody erased", "model": "hashing-384"}
    as_root.post("/v1/embed", body, format="json")
    report = erase(as_root, filter={"lang": {"$exists": True}})
    assert (report["documents"], report["vectors"]) == (3, 1)
    assert not CacheErasure.objects.exists()
    answer = as_root.post("/v1/embed", body, format="json").json()
    assert not answer["data"][0]["cached"]


def test_lines_that_wait_to_be_imported(as_alice: APIClient, collection: Collection) -> None:
    job = start_import(
        as_alice,
        {"id": "gin", "text": "Jane's gin", "metadata": {"customer": 42}},
        {"id": "rum", "text": "Joan's rum", "metadata": {"customer": 7}},
        {"text": "Jane's tonic", "metadata": {"customer": 42}},
        {"id": "ice", "text": 17, "metadata": {"customer": 42}},
    )
    assert erase(as_alice, filter={"customer": 42})["lines"] == 3
    assert b"Jane" not in payload(job)
    assert b"Joan" in payload(job)
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("succeeded", 4, 4)
    assert (job.result["added"], job.result["refused"]) == (1, 0)


def test_lines_by_id_whoever_imports_them(as_alice: APIClient, collection: Collection) -> None:
    job = start_import(as_alice, {"_id": "gin", "text": "Jane's gin"}, {"text": "Joan's rum"})
    before = payload(job)
    assert erase(as_alice, ids=["absent"])["lines"] == 0
    assert payload(job) == before
    assert erase(as_alice, ids=["gin"])["lines"] == 1
    assert payload(job) == b'\n{"text":"Joan\'s rum"}'


def test_a_worker_that_has_a_line_in_hand_loses_its_job(
    as_alice: APIClient, collection: Collection
) -> None:
    job = start_import(as_alice, {"id": "gin", "text": "Jane's gin"}, {"text": "Joan's rum"})
    run = take_job(job_id=job.pk)
    assert run is not None
    rows = list(imports._part_rows(run.job, after=0))
    assert erase(as_alice, ids=["gin"])["lines"] == 1
    job.refresh_from_db()
    assert (job.state, job.lease) == (JobState.QUEUED, None)
    with pytest.raises(JobLost):
        imports.import_rows(run=run, rows=rows, on_conflict=OnConflict.UPSERT)
    run_import(job_id=job.pk, should_stop=lambda: False)
    texts = Document.objects.filter(collection=collection).values_list("text", flat=True)
    assert "Joan's rum" in texts
    assert "Jane's gin" not in texts


def test_what_is_told_of_refused_lines(as_alice: APIClient, collection: Collection) -> None:
    lines = '{"id": "tea", "text": "x"}\n{"id": "thé", "text": "x"}\nno JSON'.encode()
    response = as_alice.post(
        "/v1/collection/drinks/import?on_conflict=error",
        lines,
        content_type="application/x-ndjson",
    )
    job = Job.objects.get(pk=response.json()["id"])
    run_import(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert "`thé`" in str(job.refused)
    assert erase(as_alice, ids=["thé"])["refusals"] == 1
    job.refresh_from_db()
    assert "thé" not in str(job.refused)
    assert "`tea`" in str(job.refused)
    assert [refusal["line"] for refusal in sorted(job.refused, key=str)]
    assert len(job.refused) == 3


@pytest.mark.usefixtures("queries")
def test_recorded_queries(as_alice: APIClient, alice: Any, collection: Collection) -> None:
    other = make_collection(owner=alice)
    for made in (collection, other):
        record_query(collection_id=made.pk, owner_id=alice.pk, text="Where does Jane live?")
    flush_queries()
    # Another process has counted, and not yet told.
    elsewhere = frequent_queries._Waiting()
    elsewhere.counts[collection.pk, alice.pk, "What does Jane drink?"] += 1
    elsewhere.counts[other.pk, alice.pk, "What does Jane drink?"] += 1
    warming = make_job(owner_id=alice.pk, kind=JobKind.WARM_CACHE, collection=collection)
    report = erase(as_alice, ids=["tea"])
    assert (report["queries"], report["jobs"]) == (1, 1)
    frequent_queries._waiting = elsewhere
    flush_queries()
    assert set(FrequentQuery.objects.values_list("collection", flat=True)) == {other.pk}
    warming.refresh_from_db()
    assert warming.state == JobState.CANCELLED
    assert warm(wanted=of_queries(collection=collection, limit=9)).texts == 0


def test_words_that_all_of_the_erased_had(
    as_alice: APIClient, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyword, "COMMON", 2)
    for number in range(2):
        make_document(collection, "Janeway drinks", customer=42, number=number)
    keyword.refresh_statistics(collection_id=collection.pk)
    assert CommonTerm.objects.filter(lexeme="janeway").exists()
    erase(as_alice, filter={"customer": 42})
    assert not CommonTerm.objects.filter(lexeme="janeway").exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(most_common_vals::text, '') FROM pg_stats")
        assert "janeway" not in str(cursor.fetchall()).lower()


def test_the_audit_keeps_a_hash(as_alice: APIClient, collection: Collection) -> None:
    add(as_alice, "secret", "Jane drinks gin")
    erase(as_alice, ids=["secret"])
    entry = AuditEntry.objects.get(event="documents.erase")
    assert entry.collection_id == collection.pk
    before = entry.before or {}
    assert (before["count"], len(before["hashes"])) == (1, 1)
    assert "Jane" not in str(list(AuditEntry.objects.values()))


def test_who_sees_a_part_erases_no_more(
    as_alice: APIClient, charlie: User, collection: Collection
) -> None:
    add(as_alice, "gin", "Gin", customer=42)
    Grant.objects.create(
        collection=collection, user=charlie, role=Role.EDITOR, row_filter={"customer": 42}
    )
    seen = visible_collection(principal=charlie.as_principal(), name="drinks", action=Action.WRITE)
    job = start_import(as_alice, {"id": "rum", "text": "Rum", "metadata": {"customer": 7}})
    erasure = erase_documents(collection=seen, ids=["tea", "gin", "rum"])
    assert (erasure.documents, erasure.lines) == (1, 0)
    assert b"rum" in payload(job)
    assert count_erasable(collection=seen, metadata_filter=parse_filter({"lang": "en"})) == 0
    assert Document.objects.filter(collection=collection).count() == 3


def test_nothing_is_left_in_any_table(
    as_alice: APIClient, collection: Collection, queries: None
) -> None:
    add(as_alice, "zebrafish", "Zebrafish quagga okapi", who="quagga", customer=42)
    start_import(as_alice, {"text": "Okapi again", "metadata": {"customer": 42}})
    search(as_alice, "okapi")
    flush_queries()
    assert {"documents", "frequent_queries"} <= tables_with("zebrafish|quagga|okapi")
    erase(as_alice, filter={"customer": 42})
    assert tables_with("zebrafish|quagga|okapi") == set()
