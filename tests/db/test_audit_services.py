"""Each change of the product leaves its entry, and does not happen without."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError
from pytest import MonkeyPatch

from accounts.models import AuditEntry
from accounts.services import audit
from accounts.services.audit import hash_of
from embeddings.constants import JobKind
from embeddings.models import CacheCutoff, Collection, Document, Job
from embeddings.services.add import add_documents
from embeddings.services.cache import clear_cache
from embeddings.services.cache_warming import of_texts, start_warming
from embeddings.services.collection import delete_collection, update_collection
from embeddings.services.documents import delete_document, delete_documents, update_metadata
from embeddings.services.jobs import cancel_job, start_job
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    made = make_collection("drinks")
    make_document(made, "Green tea", external_id="tea", lang="en")
    return made


def run_job(collection: Collection) -> Job:
    return start_job(
        owner_id=collection.owner_id, kind=JobKind.MEASURE_RECALL, collection=collection
    )


ACTS: dict[str, Callable[[Collection], Any]] = {
    "collection.create": lambda _: make_collection("more"),
    "collection.update": lambda c: update_collection(collection=c, name="teas"),
    "collection.delete": lambda c: delete_collection(collection=c),
    "documents.add": lambda c: add_documents(
        collection=c, documents=[DocumentInput("coffee", "Coffee", {})]
    ),
    "document.update": lambda c: update_metadata(
        collection=c, external_id="tea", changes={"lang": "fr"}
    ),
    "document.delete": lambda c: delete_document(collection=c, external_id="tea"),
    "documents.delete": lambda c: delete_documents(
        collection=c, metadata_filter=parse_filter({"lang": "en"})
    ),
    "job.create": run_job,
    "cache.clear": lambda c: clear_cache(collection=c),
    "cache.warm": lambda c: start_warming(
        owner_id=c.owner_id,
        wanted=of_texts(owner_id=c.owner_id, texts=["tea"], input_type="query"),
        collection=c,
    ),
}


def state() -> list[Any]:
    return [
        list(model.objects.order_by("pk").values())
        for model in (Collection, Document, Job, CacheCutoff)
    ]


@pytest.mark.parametrize("event", ACTS)
def test_it_is_on_record(collection: Collection, event: str) -> None:
    last, pk = AuditEntry.objects.latest("id"), collection.pk
    ACTS[event](collection)
    (made,) = AuditEntry.objects.filter(id__gt=last.pk)
    assert (made.event, made.outcome, made.credential) == (event, "success", "system")
    assert (made.collection_id == pk) == (event != "collection.create")


@pytest.mark.parametrize("event", ACTS)
def test_no_audit_no_write(collection: Collection, event: str, monkeypatch: MonkeyPatch) -> None:
    before = state()

    def broken(entries: Any) -> None:
        raise DatabaseError

    monkeypatch.setattr(audit, "write_entries", broken)
    with pytest.raises(DatabaseError):
        ACTS[event](collection)
    assert state() == before


def test_what_an_entry_tells(collection: Collection) -> None:
    pk = Document.objects.get(external_id="tea").pk
    update_metadata(collection=collection, external_id="tea", changes={"lang": "fr"})
    made = AuditEntry.objects.latest("id")
    assert (made.object_type, made.object_id) == ("document", str(pk))
    assert made.before == {"metadata": hash_of({"lang": "en"})}
    assert made.after == {"metadata": hash_of({"lang": "fr"}), "fields": ["lang"]}
    update_collection(collection=collection, description="Hot ones")
    made = AuditEntry.objects.latest("id")
    assert (made.before, made.after) == ({"description": ""}, {"description": "Hot ones"})


def test_added_documents(collection: Collection) -> None:
    documents = [DocumentInput("tea", "Green tea", {}), DocumentInput("new", "Black tea", {})]
    add_documents(collection=collection, documents=documents)
    made = AuditEntry.objects.latest("id").after
    assert made is not None
    ids = {str(pk) for pk in Document.objects.values_list("pk", flat=True)}
    assert (made["added"], made["updated"], set(made["ids"])) == (1, 1, ids)
    assert made["texts"].startswith("hmac-sha256:")


def test_a_cancelled_job(collection: Collection) -> None:
    cancel_job(job=run_job(collection))
    made = AuditEntry.objects.latest("id")
    assert (made.event, made.after) == ("job.cancel", {"kind": "measure_recall", "done": 0})
