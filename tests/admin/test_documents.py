"""Documents in the console."""

import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from embeddings.admin import documents as module
from embeddings.admin import paging
from embeddings.models import Chunk, Collection, Document
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_document

LIST = reverse("admin:embeddings_document_changelist")
SCRIPT = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def of(collection: Collection) -> dict[str, Any]:
    return {"collection": collection.pk}


def page_of(collection: Collection, verb: str) -> str:
    """As the list links to it."""
    key = Document.objects.get(collection_id=collection.pk, external_id="tea").pk
    url = reverse(f"admin:embeddings_document_{verb}", args=[key])
    return f"{url}?_changelist_filters=collection%3D{collection.pk}"


def test_it_works(as_operator: Client, collection: Collection) -> None:
    page = as_operator.get(LIST, of(collection)).content.decode()

    assert ">tea</a>" in page
    assert ESCAPED in page
    assert SCRIPT not in page


@pytest.mark.parametrize("chosen", [{}, {"collection": "x"}, {"q": "tea"}])
def test_without_a_collection_it_reads_no_table(
    as_admin: Client, collection: Collection, chosen: dict[str, str]
) -> None:
    page = as_admin.get(LIST, chosen).content.decode()

    assert module.CHOOSE in page
    assert ">tea</a>" not in page
    assert not [sql for sql in queries_of(as_admin, LIST, chosen) if 'FROM "documents"' in sql]


def test_only_the_chosen_collection_is_read(as_admin: Client, collection: Collection) -> None:
    make_document(make_collection("weather"), "rain", external_id="rain")
    assert "rain" not in as_admin.get(LIST, of(collection)).content.decode()

    queries = queries_of(as_admin, LIST, of(collection))
    queries += queries_of(as_admin, page_of(collection, "change"))

    documents = [sql for sql in queries if 'FROM "documents"' in sql]
    assert len(documents) == 3
    assert all(f"'{collection.pk.hex}'" in sql for sql in documents)


def test_the_list_asks_as_much_for_many_as_for_one(
    as_admin: Client, collection: Collection
) -> None:
    as_admin.get(LIST, of(collection))
    before = len(queries_of(as_admin, LIST, of(collection)))
    for _ in range(5):
        make_document(collection)

    assert len(queries_of(as_admin, LIST, of(collection))) == before <= 6


def test_it_counts_no_further_than_its_bound(
    as_admin: Client, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        make_document(collection)
    monkeypatch.setattr(paging, "COUNTED", 2)

    response = as_admin.get(LIST, of(collection))

    assert response.context["cl"].result_count == 2


def test_it_finds_a_document_by_its_whole_id(as_admin: Client, collection: Collection) -> None:
    make_document(collection, "coffee", external_id="coffee")

    found = as_admin.get(LIST, {**of(collection), "q": "coffee"}).content.decode()
    part = as_admin.get(LIST, {**of(collection), "q": "coff"}).content.decode()

    assert ">coffee</a>" in found
    assert ">tea</a>" not in found
    assert ">coffee</a>" not in part


def test_the_page_of_a_document_is_escaped_and_read_only(
    as_admin: Client, collection: Collection
) -> None:
    response = as_admin.get(page_of(collection, "change"))

    page = response.content.decode()
    assert ESCAPED in page
    assert SCRIPT not in page
    assert "&lt;b&gt;hot&lt;/b&gt;" in page
    assert 'name="_save"' not in page
    assert as_admin.post(page_of(collection, "change"), {"text": "x"}).status_code == 403


def test_a_page_without_the_list_behind_it_works_too(
    as_admin: Client, collection: Collection
) -> None:
    assert as_admin.get(page_of(collection, "change").partition("?")[0]).status_code == 200
    nowhere = reverse("admin:embeddings_document_change", args=[uuid.uuid4()])
    assert as_admin.get(nowhere).status_code == 302


def test_deleting_keeps_the_count(as_admin: Client, collection: Collection) -> None:
    assert b"tea" in as_admin.get(page_of(collection, "delete")).content

    assert as_admin.post(page_of(collection, "delete"), {"post": "yes"}).status_code == 302

    after = Collection.objects.get()
    assert (after.document_count, after.version) == (0, collection.version + 1)
    assert not Document.objects.exists()
    assert not Chunk.objects.exists()


def test_deleting_those_on_a_page(as_admin: Client, collection: Collection) -> None:
    coffee = make_document(collection, external_id="coffee")
    milk = make_document(collection, external_id="milk")
    url = f"{LIST}?collection={collection.pk}"
    chosen = {"action": "delete_selected", "_selected_action": [coffee.pk, milk.pk]}
    assert as_admin.post(url, chosen).status_code == 200

    assert as_admin.post(url, {**chosen, "post": "yes"}).status_code == 302

    assert [document.external_id for document in Document.objects.all()] == ["tea"]
    assert Collection.objects.get().document_count == 1


def test_nobody_deletes_a_whole_collection_by_selecting_across_pages(
    as_admin: Client, collection: Collection
) -> None:
    url = f"{LIST}?collection={collection.pk}"
    chosen = {"action": "delete_selected", "_selected_action": "x", "post": "yes"}

    response = as_admin.post(url, {**chosen, "select_across": "1"}, follow=True)

    assert b"through the API" in response.content
    assert Document.objects.count() == 1


def test_the_list_offers_no_selection_across_pages(
    as_admin: Client, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_document(collection)
    monkeypatch.setattr(module.DocumentAdmin, "list_per_page", 1)

    page = as_admin.get(LIST, of(collection)).content.decode()

    assert 'class="question' not in page


def test_an_operator_deletes_nothing_and_a_member_sees_nothing(
    as_operator: Client, as_member: Client, collection: Collection
) -> None:
    assert as_operator.get(page_of(collection, "delete")).status_code == 403
    assert as_operator.get(reverse("admin:embeddings_document_add")).status_code == 403
    for verb in ("change", "delete"):
        assert as_member.get(page_of(collection, verb)).status_code == 403
    assert as_member.get(LIST, of(collection)).status_code == 403
