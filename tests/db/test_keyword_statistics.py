"""The words of documents are stored with them, and their statistics follow."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection

from embeddings.constants import JobKind, JobState
from embeddings.models import Collection, CommonTerm, DocumentTerms, Job, KeywordStatistics
from embeddings.services import keyword_statistics
from embeddings.services.add import add_documents
from embeddings.services.documents import delete_document, update_metadata
from embeddings.services.keyword_statistics import (
    refresh_keywords,
    run_refresh,
    start_due_refreshes,
)
from embeddings.types.document import DocumentInput
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


def weights_of(external_id: str) -> list[float]:
    row = DocumentTerms.objects.get(document__external_id=external_id)
    return sorted(round(float(value), 4) for value in row.weights.values())


def bm25(frequency: int, length: int, average: float) -> float:
    return round(frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / average)), 4)


def fill(collection: Collection, count: int, text: str = "common words") -> None:
    documents = [DocumentInput(f"{text}-{number}", text, {}) for number in range(count)]
    add_documents(collection=collection, documents=documents)


def test_it_works() -> None:
    collection = make_collection()
    make_document(collection, "Cats chase cats. The dog sleeps.", external_id="1")
    row = DocumentTerms.objects.get(document__external_id="1")
    assert row.terms == "'cat':1,3 'chase':2 'dog':5 'sleep':6"
    assert row.length == 5
    assert weights_of("1") == sorted([bm25(2, 5, 5.0)] + 3 * [bm25(1, 5, 5.0)])


def test_a_new_text_replaces_the_words_and_new_metadata_leaves_them() -> None:
    collection = make_collection()
    document = make_document(collection, "cats", external_id="1")
    before = connection_row(document.pk)
    update_metadata(collection=collection, external_id="1", changes={"year": 2024})
    make_document(collection, "cats", external_id="1", year=2025)
    assert connection_row(document.pk) == before
    make_document(collection, "dogs", external_id="1")
    assert DocumentTerms.objects.get().terms == "'dog':1"
    delete_document(collection=collection, external_id="1")
    assert not DocumentTerms.objects.exists()


def connection_row(pk: uuid.UUID) -> tuple[object, ...]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT xmin::text, ctid::text FROM document_terms WHERE document_id = %s", [pk]
        )
        row: tuple[object, ...] = cursor.fetchone()
        return row


def test_weights_of_a_small_collection_follow_its_average_length_at_once() -> None:
    collection = make_collection()
    make_document(collection, "cats", external_id="short")
    make_document(collection, "one two three four five six seven cats", external_id="long")
    average = KeywordStatistics.objects.get().length / 2
    assert weights_of("short") == [bm25(1, 1, average)]


def test_a_refresh_counts_common_words_and_weighs_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embeddings.store.keyword.COMMON", 5)
    monkeypatch.setattr(keyword_statistics, "SMALL", 0)
    collection = make_collection()
    fill(collection, 5)
    fill(collection, 4, "many rarer words about something else entirely")
    stale = DocumentTerms.objects.filter(average_length=2.0)
    assert stale.count() == 5
    assert not CommonTerm.objects.exists()
    changed = refresh_keywords(collection=collection)
    assert changed == 5
    assert not stale.exists()
    found = dict(CommonTerm.objects.values_list("lexeme", "documents"))
    assert found == {"common": 5, "word": 9}
    statistics = KeywordStatistics.objects.get()
    assert statistics.changes == 0
    assert statistics.refreshed_documents == statistics.documents == 9
    average = statistics.length / statistics.documents
    for row in DocumentTerms.objects.all():
        assert abs(row.average_length - average) <= keyword_statistics.DRIFT * average
    assert refresh_keywords(collection=collection) == 0


def test_a_refresh_stores_the_words_that_are_missing() -> None:
    collection = make_collection()
    make_document(collection, "cats", external_id="1")
    DocumentTerms.objects.all().delete()
    assert refresh_keywords(collection=collection) == 1
    assert DocumentTerms.objects.get().terms == "'cat':1"


def test_a_refresh_forgets_what_was_deleted() -> None:
    collection = make_collection()
    make_document(collection, "cats and more words of this", external_id="1")
    make_document(collection, "dogs", external_id="2")
    delete_document(collection=collection, external_id="1")
    refresh_keywords(collection=collection)
    statistics = KeywordStatistics.objects.get()
    assert (statistics.documents, statistics.length) == (1, 1)


def test_a_refresh_is_due_once_enough_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyword_statistics, "CHANGED_DOCUMENTS", 3)
    collection = make_collection()
    fill(collection, 2)
    assert start_due_refreshes() == 0
    fill(collection, 1, "another text")
    assert start_due_refreshes() == 1
    assert start_due_refreshes() == 0
    job = Job.objects.get(kind=JobKind.REFRESH_KEYWORDS.value)
    assert job.owner_id == collection.owner_id
    run_refresh(job_id=job.pk, should_stop=lambda: False)
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    fill(collection, 3, "changed again")
    assert start_due_refreshes() == 0  # the last one was just now
    Job.objects.update(created_at=job.created_at - timedelta(minutes=1))
    assert start_due_refreshes() == 1


def test_a_huge_text_is_stored() -> None:
    """More words than a `sparsevec` holds, more positions than a `tsvector` has, a word longer than
    it takes, hyphens that count twice, letters of four bytes.
    """
    collection = make_collection()
    letters = [chr(0x10400 + number) for number in range(40)]
    words = (f"{a}{b}-{c}" for a in letters for b in letters for c in letters)
    text = " ".join(words)[:190_000] + " " + "y" * 5_000
    make_document(collection, text, external_id="1")
    row = DocumentTerms.objects.get()
    assert len(row.weights.indices()) == 16_000
    make_document(collection, "word " * 39_999, external_id="2")
    assert DocumentTerms.objects.get(document__external_id="2").length == 255
    make_document(collection, "y" * 190_000, external_id="3")
    assert DocumentTerms.objects.get(document__external_id="3").length == 0
