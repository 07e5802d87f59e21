"""The tables behind a collection: made whole, dropped whole, and strict about vectors."""

import threading
import uuid

import numpy as np
import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from numpy.typing import NDArray

from embeddings.models import Collection, Document
from embeddings.services.collection import delete_collection
from embeddings.store import partitions
from embeddings.store.chunks import ChunkRow, all_vectors, replace_chunks
from embeddings.store.search import Target
from tests.factories import make_collection, make_document, make_user

pytestmark = pytest.mark.django_db


def tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(documents|chunks)_'"
        )
        return {name for (name,) in cursor.fetchall()}


def chunk(document_id: uuid.UUID, embedding: NDArray[np.float32]) -> ChunkRow:
    return ChunkRow(document_id=document_id, ordinal=0, start=0, end=1, embedding=embedding)


def unit_vector(dimensions: int = 384) -> NDArray[np.float32]:
    vector = np.zeros(dimensions, dtype=np.float32)
    vector[0] = 1
    return vector


def test_it_works() -> None:
    collection = make_collection()
    assert partitions.documents_table(collection.pk) in tables()
    assert partitions.chunks_table(collection.generation.pk) in tables()


@pytest.mark.parametrize(
    ("embedding", "reason"),
    [
        (unit_vector(383), "dimensions"),
        (unit_vector(385), "dimensions"),
        (np.zeros(384, dtype=np.float32), "finite_not_zero"),
        (np.full(384, np.nan, dtype=np.float32), "NaN"),
        (np.full(384, np.inf, dtype=np.float32), "infinite"),
    ],
)
def test_the_database_refuses_vectors_that_no_metric_can_order(
    embedding: NDArray[np.float32], reason: str
) -> None:
    collection = make_collection()
    document = make_document(collection)
    with pytest.raises(DatabaseError, match=reason), transaction.atomic():
        replace_chunks(generation_id=collection.generation.pk, rows=[chunk(document.pk, embedding)])


def test_a_chunk_needs_its_document() -> None:
    collection = make_collection()
    with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
        replace_chunks(
            generation_id=collection.generation.pk, rows=[chunk(uuid.uuid4(), unit_vector())]
        )


def test_an_id_stands_once_in_a_collection() -> None:
    document = make_document(make_collection())
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.create(
            id=document.pk,
            collection_id=document.collection_id,
            external_id="other",
            text="other",
            content_hash=b"\x00" * 32,
        )


def test_chunks_go_with_their_document() -> None:
    collection = make_collection()
    document = make_document(collection)
    assert all_vectors(target=Target.of(collection.generation), document_ids=[document.pk]) != {}
    Document.objects.filter(collection_id=collection.pk, id=document.pk).delete()
    assert all_vectors(target=Target.of(collection.generation), document_ids=[document.pk]) == {}


@pytest.mark.django_db(transaction=True)
def test_deleting_a_collection_drops_its_tables_and_no_others() -> None:
    kept, dropped = make_collection(), make_collection()
    before = tables()
    gone = {
        partitions.documents_table(dropped.pk),
        partitions.chunks_table(dropped.generation.pk),
    }
    delete_collection(collection=dropped)
    assert before - tables() == gone
    assert Collection.objects.get() == kept


@pytest.mark.django_db(transaction=True)
def test_what_a_crash_left_behind_is_swept() -> None:
    partitions.drop_orphaned_partitions()
    kept, crashed = make_collection(), make_collection()
    Collection.objects.filter(pk=crashed.pk).update(active=None)
    crashed.generations.all().delete()
    Collection.objects.filter(pk=crashed.pk).delete()
    assert partitions.drop_orphaned_partitions() == 3
    assert partitions.drop_orphaned_partitions() == 0
    assert tables() == {
        partitions.documents_table(kept.pk),
        partitions.chunks_table(kept.generation.pk),
    }


@pytest.mark.django_db(transaction=True)
def test_making_a_collection_does_not_wait_for_readers() -> None:
    owner = make_user()
    make_document(make_collection(owner=owner))
    done = threading.Event()

    def create() -> None:
        try:
            make_collection(owner=owner)
            done.set()
        finally:
            connection.close()

    with transaction.atomic():
        assert Document.objects.count() == 1  # holds ACCESS SHARE on the parent and the partition
        thread = threading.Thread(target=create)
        thread.start()
        made_while_reading = done.wait(timeout=30)
    thread.join()
    assert made_while_reading
