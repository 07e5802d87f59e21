"""Adding and deleting documents in the console."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, User
from embeddings.admin import document_delete
from embeddings.constants import JobKind
from embeddings.models import Chunk, Collection, Document, Job, Usage
from embeddings.services.usage import flush_usage
from tests.admin.test_documents import ADD, DELETE, LIST, of, page_of, text_of
from tests.factories import make_document


def stored_ids() -> set[str]:
    return set(Document.objects.values_list("external_id", flat=True))


def test_adding_one(as_admin: Client, collection: Collection) -> None:
    sent = {"collection": "drinks", "id": "new", "text": "A\r\ntext", "metadata": '{"year": 2024}'}

    assert as_admin.post(ADD, sent).status_code == 302
    again = as_admin.post(ADD, sent)
    replaced = as_admin.post(ADD, {**sent, "text": "Another", "replace": "on"})

    assert "exists already" in str(again.context["form"].errors)
    assert replaced.status_code == 302
    stored = Document.objects.get(external_id="new")
    assert (stored.text, stored.metadata) == ("Another", {"year": 2024})
    assert AuditEntry.objects.filter(event="documents.add", username="root").count() == 2


def test_an_integer_beyond_64_bits_needs_no_id_either(
    as_admin: Client, collection: Collection
) -> None:
    sent = {"collection": "drinks", "text": "A text", "metadata": f'{{"n": {2**70}}}'}
    assert as_admin.post(ADD, sent).status_code == 302
    assert Document.objects.exclude(external_id="tea").get().metadata == {"n": 2**70}


def test_who_adds_one_pays(as_admin: Client, collection: Collection) -> None:
    assert as_admin.post(ADD, {"collection": "drinks", "text": "A text"}).status_code == 302

    flush_usage()
    used = Usage.objects.get()
    assert (used.user.username, used.documents) == ("root", 1)
    assert used.tokens > 0


def test_the_form_of_a_document_that_is_there(as_admin: Client, collection: Collection) -> None:
    form = as_admin.get(ADD, {**of(collection), "id": "tea"}).context["form"]
    assert form["text"].value() == "<script>alert(1)</script> tea"
    assert form["replace"].value() is True
    assert as_admin.get(ADD, {**of(collection), "id": "gone"}).status_code == 404


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"collection": "nothing"}, "collection"),
        ({"collection": ""}, "collection"),
        ({"text": " "}, "text"),
        ({"text": "x\0y"}, "text"),
        ({"id": "x" * 2_000}, "id"),
        ({"metadata": "{"}, "metadata"),
    ],
)
def test_what_is_wrong_with_a_new_one_is_told(
    as_admin: Client, collection: Collection, sent: dict[str, str], field: str
) -> None:
    response = as_admin.post(ADD, {"collection": "drinks", "text": "A text", **sent})
    assert response.status_code == 200
    assert field in response.context["form"].errors
    assert stored_ids() == {"tea"}


def test_deleting_keeps_the_count(as_admin: Client, collection: Collection) -> None:
    assert "tea" in text_of(as_admin, page_of(collection, "delete"))

    response = as_admin.post(page_of(collection, "delete"), {"post": "yes"})

    assert response["Location"] == f"{LIST}?collection={collection.pk}"
    after = Collection.objects.get()
    assert (after.document_count, after.version) == (0, collection.version + 1)
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()


def test_deleting_those_on_a_page(as_admin: Client, collection: Collection) -> None:
    for name in ("coffee", "milk"):
        make_document(collection, external_id=name)
    chosen = {**of(collection), "id": ["coffee", "milk", "gone"]}

    asked = as_admin.post(DELETE, chosen).content.decode()

    assert "deletes 3 documents" in asked
    assert stored_ids() == {"tea", "coffee", "milk"}
    assert as_admin.post(DELETE, {**chosen, "confirmed": "yes"}).status_code == 302
    assert stored_ids() == {"tea"}
    assert Collection.objects.get().document_count == 1


def test_deleting_those_behind_a_filter(as_admin: Client, collection: Collection) -> None:
    for year in (1999, 2000):
        make_document(collection, external_id=f"in {year}", year=year)
    chosen = {**of(collection), "filter": '{"year": {"$lt": 2000}}'}

    asked = as_admin.post(DELETE, chosen).content.decode()

    assert "deletes 1 document of" in asked
    assert "in 1999" in asked
    assert len(stored_ids()) == 3
    as_admin.post(DELETE, {**chosen, "confirmed": "yes"})
    assert stored_ids() == {"tea", "in 2000"}


def test_more_than_was_agreed_to_is_asked_again(as_admin: Client, collection: Collection) -> None:
    chosen = {**of(collection), "filter": '{"year": 1990}'}
    make_document(collection, external_id="old", year=1990)
    assert 'name="count" value="1"' in as_admin.post(DELETE, chosen).content.decode()
    make_document(collection, external_id="old too", year=1990)

    again = as_admin.post(DELETE, {**chosen, "count": "1", "confirmed": "yes"}).content.decode()

    assert "This deletes 2 documents" in again
    assert stored_ids() == {"tea", "old", "old too"}
    as_admin.post(DELETE, {**chosen, "count": "2", "confirmed": "yes"})
    assert stored_ids() == {"tea"}


@pytest.mark.parametrize(
    "sent", [{}, {"filter": ""}, {"filter": "{"}, {"filter": "{}"}, {"collection": "gone"}]
)
def test_nothing_is_deleted_by_what_says_nothing(
    as_admin: Client, collection: Collection, sent: dict[str, str]
) -> None:
    chosen = {**of(collection), "confirmed": "yes", **sent}
    assert as_admin.post(DELETE, chosen).status_code == 302
    assert stored_ids() == {"tea"}


def test_many_are_deleted_by_a_job(
    as_admin: Client, admin: User, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_delete, "AT_ONCE", 1)
    make_document(collection, note="<b>hot</b>")
    sent = {**of(collection), "filter": '{"note": "<b>hot</b>"}'}

    assert "2 documents" in as_admin.post(DELETE, sent).content.decode()
    assert not Job.objects.exists()
    response = as_admin.post(DELETE, {**sent, "confirmed": "yes"}, follow=True)

    job = Job.objects.get()
    assert f"/job/{job.pk}/change/" in response.content.decode()
    assert (job.kind, job.owner, job.total) == (JobKind.DELETE_DOCUMENTS, admin, 2)
    assert job.params == {"filter": {"note": "<b>hot</b>"}}
    assert Document.objects.count() == 2
