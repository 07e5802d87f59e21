"""Exports, as the database sees them."""

import pytest
from django.db import connection

from embeddings.services import export
from embeddings.services.export import export_documents
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
