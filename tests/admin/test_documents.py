"""Documents in the console."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry
from embeddings.admin import documents as module
from embeddings.models import Collection, Document
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_document

LIST = reverse("admin:embeddings_document_changelist")
ADD = reverse("admin:embeddings_document_add")
DELETE = reverse("admin:documents_delete")
SIMILAR = reverse("admin:documents_similar")
SCRIPT = "<script>alert(1)</script>"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;"


def of(collection: Collection) -> dict[str, Any]:
    return {"collection": collection.pk}


def page_of(collection: Collection, verb: str = "change", external_id: str = "tea") -> str:
    """As the list links to it."""
    key = Document.objects.get(collection_id=collection.pk, external_id=external_id).pk
    return f"{reverse(f'admin:embeddings_document_{verb}', args=[key])}?collection={collection.pk}"


def text_of(client: Client, url: str, params: dict[str, Any] | None = None) -> str:
    response = client.get(url, params)
    assert response.status_code == 200
    return response.content.decode()


def test_it_works(as_operator: Client, collection: Collection) -> None:
    page = text_of(as_operator, LIST, of(collection))

    assert ">tea</a>" in page
    assert ESCAPED in page
    assert SCRIPT not in page
    assert "1 document<" in page


@pytest.mark.parametrize("chosen", [{}, {"collection": "x"}, {"id": "tea"}, {"filter": "{"}])
def test_without_a_collection_it_reads_no_table(
    as_admin: Client, collection: Collection, chosen: dict[str, str]
) -> None:
    page = text_of(as_admin, LIST, chosen)

    assert module.CHOOSE in page
    assert ">tea</a>" not in page
    assert not [sql for sql in queries_of(as_admin, LIST, chosen) if "documents" in sql]


def test_a_collection_is_chosen_by_its_name_too(as_admin: Client, collection: Collection) -> None:
    assert ">tea</a>" in text_of(as_admin, LIST, {"collection": "drinks"})
    assert 'value="drinks"' in text_of(as_admin, LIST, of(collection))


def test_only_the_chosen_collection_is_read(as_admin: Client, collection: Collection) -> None:
    make_document(make_collection("weather"), "rain", external_id="rain")
    assert "rain" not in text_of(as_admin, LIST, of(collection))

    queries = queries_of(as_admin, page_of(collection))

    documents = [sql for sql in queries if 'FROM "documents"' in sql]
    assert len(documents) == 1
    assert collection.pk.hex in documents[0]


def test_the_list_asks_as_much_for_many_as_for_one(
    as_admin: Client, collection: Collection
) -> None:
    as_admin.get(LIST, of(collection))
    before = len(queries_of(as_admin, LIST, of(collection)))
    for _ in range(5):
        make_document(collection)

    assert len(queries_of(as_admin, LIST, of(collection))) == before <= 7


def test_page_after_page(
    as_admin: Client, collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PER_PAGE", 2)
    made = {make_document(collection).external_id for _ in range(4)} | {"tea"}
    seen: list[str] = []
    key: str | None = ""
    while key is not None:
        context = as_admin.get(LIST, {**of(collection), "after": key}).context
        seen += [row.external_id for row, *_ in context["documents"]]
        key = context["next"]
    assert sorted(seen) == sorted(made)
    assert len(seen) == 5


def test_it_finds_a_document_by_its_whole_id(as_admin: Client, collection: Collection) -> None:
    make_document(collection, "coffee", external_id="coffee")

    found = text_of(as_admin, LIST, {**of(collection), "id": "coffee"})
    part = text_of(as_admin, LIST, {**of(collection), "id": "coff"})

    assert ">coffee</a>" in found
    assert ">tea</a>" not in found
    assert ">coffee</a>" not in part


def test_it_finds_documents_by_a_filter(as_admin: Client, collection: Collection) -> None:
    make_document(collection, external_id="old", year=1999)
    make_document(collection, external_id="new", year=2024)

    page = text_of(as_admin, LIST, {**of(collection), "filter": '{"year": {"$gte": 2020}}'})

    assert ">new</a>" in page
    assert ">old</a>" not in page


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ('{"a": 1,\n "b" 2}', "Line 2, column 6: expecting &#x27;:&#x27; delimiter."),
        ('{"year": {"$foo": 1}}', "there is no operator"),
        ("[" * 100_000, "It nests too deep."),
        ('{"a": NaN}', "NaN is no JSON."),
        ('{"a": ' + "9" * 5_000 + "}", "A number has too many digits."),
    ],
    ids=["syntax", "operator", "deep", "nan", "digits"],
)
def test_what_is_wrong_with_a_filter_is_told_with_its_place(
    as_admin: Client, collection: Collection, spelled: str, told: str
) -> None:
    assert told in text_of(as_admin, LIST, {**of(collection), "filter": spelled})


def test_the_page_of_a_document_is_escaped(as_admin: Client, collection: Collection) -> None:
    make_document(collection, "{{7*7}} =HYPERLINK(1)", external_id='"><b>', note="</textarea>")
    for url in (page_of(collection), page_of(collection, external_id='"><b>')):
        page = text_of(as_admin, url)
        assert SCRIPT not in page
        assert "<b>hot</b>" not in page
        assert '"><b>' not in page
        assert "&lt;/textarea&gt;" in page or ESCAPED in page
        assert ">49 " not in page


def test_an_operator_reads_and_changes_nothing(as_operator: Client, collection: Collection) -> None:
    page = text_of(as_operator, page_of(collection))
    assert 'name="metadata"' not in page
    assert "&lt;b&gt;hot&lt;/b&gt;" in page
    assert as_operator.post(page_of(collection), {"metadata": "{}"}).status_code == 403
    assert as_operator.get(page_of(collection, "delete")).status_code == 403
    assert as_operator.get(ADD).status_code == 403
    assert as_operator.post(DELETE, {**of(collection), "id": "tea"}).status_code == 403


def test_a_member_sees_nothing(as_member: Client, collection: Collection) -> None:
    for verb in ("change", "delete"):
        assert as_member.get(page_of(collection, verb)).status_code == 403
    assert as_member.get(LIST, of(collection)).status_code == 403


def test_a_page_without_the_list_behind_it_works_too(
    as_admin: Client, collection: Collection
) -> None:
    assert as_admin.get(page_of(collection).partition("?")[0]).status_code == 200
    nowhere = reverse("admin:embeddings_document_change", args=[uuid.uuid4()])
    assert as_admin.get(nowhere).status_code == 302
    nowhere = reverse("admin:embeddings_document_change", args=["x"])
    assert as_admin.get(nowhere).status_code == 302


def test_chunks_and_their_tokens(as_admin: Client, collection: Collection) -> None:
    context = as_admin.get(page_of(collection)).context
    [piece] = context["pieces"]
    assert (piece.chunks, piece.begins) == ((0,), (0,))
    [chunk] = context["chunks"]
    assert (chunk["start"], chunk["end"]) == (0, len(context["document"].text))
    assert chunk["tokens"] == 5  # as the hashing model counts: words


def test_metadata_is_changed_by_its_service(as_admin: Client, collection: Collection) -> None:
    make_document(collection, external_id="m", a=1, b=2, c={"d": 1}, e=True)
    url = page_of(collection, external_id="m")

    response = as_admin.post(url, {"metadata": '{"b": 2, "c": {"d": 2}, "f": "x", "e": 1}'})

    assert response.status_code == 302
    stored = Document.objects.get(external_id="m").metadata
    assert repr(stored["e"]) == "1"
    assert stored == {"b": 2, "c": {"d": 2}, "e": 1, "f": "x"}
    made = AuditEntry.objects.get(event="document.update")
    assert made.after
    assert (made.username, made.after["fields"]) == ("root", ["a", "c", "e", "f"])


def test_what_others_change_meanwhile_stays(as_admin: Client, collection: Collection) -> None:
    Document.objects.filter(external_id="tea").update(metadata={"note": "<b>hot</b>", "new": 1})
    as_admin.post(page_of(collection), {"metadata": '{"note": "cold", "new": 1}'})
    assert Document.objects.get(external_id="tea").metadata == {"note": "cold", "new": 1}


def test_what_others_changed_since_the_page_was_shown_stays(
    as_admin: Client, collection: Collection
) -> None:
    form = as_admin.get(page_of(collection)).context["form"]
    stored = Document.objects.filter(external_id="tea")
    stored.update(metadata={"note": "cold", "new": 1})

    was = form["was"].value()
    metadata = json.dumps({**json.loads(was), "mine": 2})
    as_admin.post(page_of(collection), {"metadata": metadata, "was": was})

    assert stored.get().metadata == {"note": "cold", "new": 1, "mine": 2}


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ('{"a": 1,}', "Line 1, column"),
        ("[]", "Send a JSON object."),
        ("", "This field is required."),
        ('{"a": 1e999}', "a is not a finite number."),
        ('{"year": "old"}', "year"),
    ],
)
def test_what_is_wrong_with_metadata_is_told(
    as_admin: Client, collection: Collection, spelled: str, told: str
) -> None:
    schema = {"year": {"type": "number", "index": False, "required": False, "state": "none"}}
    Collection.objects.update(metadata_schema=schema)

    response = as_admin.post(page_of(collection), {"metadata": spelled})

    assert response.status_code == 200
    assert told in str(response.context["form"].errors["metadata"])
    assert Document.objects.get().metadata == {"note": "<b>hot</b>"}


def test_similar_documents(as_operator: Client, collection: Collection) -> None:
    make_document(collection, "alert tea", external_id="more")
    found = as_operator.post(SIMILAR, {**of(collection), "id": "tea"}).content.decode()
    assert ">more</a>" in found
    assert ">tea</a>" not in found
    gone = as_operator.post(SIMILAR, {**of(collection), "id": "gone"}).content.decode()
    assert "console-error" in gone
    assert as_operator.get(SIMILAR).status_code == 405
