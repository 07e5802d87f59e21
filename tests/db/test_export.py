"""Exports, as the database sees them."""

from typing import Any

import pytest
from django.db import connection

from embeddings.services import export
from embeddings.services.export import export_documents
from embeddings.store.chunks import span_vectors
from tests.factories import make_collection, make_document


@pytest.mark.django_db(transaction=True)
def test_who_takes_its_time_over_a_batch_holds_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(export, "BATCH_DOCUMENTS", 1)
    collection = make_collection("drinks")
    for _ in range(2):
        make_document(collection)
    for batch in export_documents(collection=collection.show_whole()):
        assert len(batch) == 1
        assert connection.connection is None


@pytest.mark.django_db
def test_it_goes_on_behind_a_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "BATCH_DOCUMENTS", 2)
    collection = make_collection("drinks").show_whole()
    keys = sorted(make_document(collection).pk for _ in range(5))
    batches = export_documents(collection=collection, after=keys[1])
    assert [[row.document.pk for row in batch] for batch in batches] == [keys[2:4], keys[4:]]


@pytest.mark.django_db
def test_a_text_is_never_exported_with_the_vectors_of_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collection = make_collection("drinks").show_whole()
    changed = make_document(collection, "tea", external_id="changed")
    kept = make_document(collection, "coffee", external_id="kept")

    def read_later(**wanted: Any) -> Any:
        make_document(collection, "juice", external_id="changed")
        return span_vectors(**wanted)

    monkeypatch.setattr(export, "span_vectors", read_later)
    [batch] = export_documents(collection=collection, vectors=True)

    found = {row.document.pk: (row.document.text, len(row.chunks)) for row in batch}
    assert found == {changed.pk: ("tea", 0), kept.pk: ("coffee", 1)}
