"""Listing, changing and deleting documents, below HTTP."""

import pytest

from embeddings.exceptions import NotFound
from embeddings.models import Chunk, Collection
from embeddings.services.documents import (
    delete_document,
    delete_documents,
    get_document,
    list_documents,
    update_metadata,
)
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from tests.factories import make_collection, make_document, make_documents
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    collection = make_collection()
    make_documents(collection, *[DocumentInput(f"d{i}", f"text {i}", {"n": i}) for i in range(25)])
    return collection


def test_it_works(collection: Collection) -> None:
    document = get_document(collection=collection, external_id="d3")
    assert (document.text, document.metadata) == ("text 3", {"n": 3})
    with pytest.raises(NotFound):
        get_document(collection=make_collection(), external_id="d3")


def test_pages_hold_every_document_once_while_others_write(collection: Collection) -> None:
    seen: list[str] = []
    after = None
    while page := list_documents(collection=collection, after=after, limit=10):
        seen += [document.external_id for document in page]
        after = page[-1].pk
        make_document(collection, external_id=f"new{len(seen)}")
    original = [external_id for external_id in seen if external_id.startswith("d")]
    assert len(set(seen)) == len(seen)
    assert sorted(original) == sorted(f"d{i}" for i in range(25))


def test_a_page_is_one_statement(collection: Collection) -> None:
    """What is deleted or moved out of a view between two would be missing, or seen after all."""
    with recorded_statements() as statements:
        list_documents(collection=collection, limit=10)
    assert len(statements) == 1


def test_listing_under_a_filter(collection: Collection) -> None:
    few = parse_filter({"n": {"$gte": 20}})
    found = list_documents(collection=collection, metadata_filter=few, limit=100)
    assert sorted(d.external_id for d in found) == ["d20", "d21", "d22", "d23", "d24"]


def test_metadata_is_merged_and_null_removes(collection: Collection) -> None:
    before = collection.version
    update_metadata(collection=collection, external_id="d3", changes={"lang": "en"})
    document = update_metadata(
        collection=collection, external_id="d3", changes={"n": None, "tags": ["x"]}
    )
    assert document.metadata == {"lang": "en", "tags": ["x"]}
    collection.refresh_from_db()
    assert collection.version > before
    with pytest.raises(NotFound):
        update_metadata(collection=collection, external_id="absent", changes={"a": 1})


def test_a_stored_null_that_is_not_named_stays(collection: Collection) -> None:
    make_document(collection, "tea", external_id="null", a=None, b=None, n=1)
    document = update_metadata(
        collection=collection, external_id="null", changes={"b": None, "n": 2}
    )
    assert document.metadata == {"a": None, "n": 2}


def test_deleting_one(collection: Collection) -> None:
    delete_document(collection=collection, external_id="d3")
    with pytest.raises(NotFound):
        delete_document(collection=collection, external_id="d3")
    collection.refresh_from_db()
    assert collection.document_count == 24
    assert Chunk.objects.filter(generation_id=collection.generation.pk).count() == 24


def test_deleting_by_filter_after_a_dry_run(collection: Collection) -> None:
    many = parse_filter({"n": {"$lt": 20}})
    dry = delete_documents(collection=collection, metadata_filter=many, dry_run=True)
    assert (dry.deleted, dry.dry_run, len(dry.sample)) == (20, True, 10)
    collection.refresh_from_db()
    assert collection.document_count == 25
    done = delete_documents(collection=collection, metadata_filter=many)
    assert (done.deleted, done.dry_run) == (20, False)
    collection.refresh_from_db()
    assert collection.document_count == 5
    assert Chunk.objects.filter(generation_id=collection.generation.pk).count() == 5
