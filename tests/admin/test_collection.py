"""Collections in the console."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from embeddings.models import Collection, Document, Generation
from embeddings.store.partitions import chunks_table, documents_table
from embeddings.types.index import IndexSettings
from tests.admin.conftest import queries_of
from tests.factories import make_collection, make_document

LIST = reverse("admin:embeddings_collection_changelist")
ADD = reverse("admin:embeddings_collection_add")


def change(collection: Collection) -> str:
    return reverse("admin:embeddings_collection_change", args=[collection.pk])


def delete(collection: Collection) -> str:
    return reverse("admin:embeddings_collection_delete", args=[collection.pk])


def tables(*names: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY (%s)", [list(names)])
        return [name for (name,) in cursor.fetchall()]


def tables_of(collection: Collection) -> list[str]:
    return tables(documents_table(collection.pk), chunks_table(collection.generation.pk))


def test_it_works(as_admin: Client, collection: Collection) -> None:
    page = as_admin.get(LIST).content.decode()

    for shown in ("drinks", "alice", "hashing-384, 384, cosine", "none", "KiB"):
        assert shown in page
    assert f"/admin/embeddings/document/?collection={collection.pk}" in page


def test_the_list_asks_as_much_for_many_as_for_one(
    as_admin: Client, collection: Collection
) -> None:
    as_admin.get(LIST)
    before = len(queries_of(as_admin, LIST))
    for number in range(5):
        make_collection(f"more-{number}")

    assert len(queries_of(as_admin, LIST)) == before <= 9


def test_it_is_searched_by_name(as_admin: Client, collection: Collection) -> None:
    make_collection("weather")

    page = as_admin.get(LIST, {"q": "drin"}).content.decode()

    assert "drinks" in page
    assert "weather" not in page


@pytest.mark.parametrize(
    "chosen",
    [
        {"active__metric__exact": "l2"},
        {"active__model": "x"},
        {"active__index_state__exact": "ready"},
        {"owner__id__exact": "0"},
        {"recall": "low"},
        {"recall": "good"},
    ],
    ids=str,
)
def test_it_is_filtered(as_admin: Client, collection: Collection, chosen: dict[str, str]) -> None:
    response = as_admin.get(LIST, chosen)

    page = response.content.decode()
    assert response.status_code == 200
    assert f">{collection.name}</a>" not in page


def test_an_operator_looks_and_a_member_stays_outside(
    as_operator: Client, as_member: Client, collection: Collection
) -> None:
    assert as_operator.get(LIST).status_code == 200
    assert as_operator.get(change(collection)).status_code == 200
    for url in (ADD, delete(collection)):
        assert as_operator.get(url).status_code == 403
    assert as_operator.post(change(collection), {"name": "mine"}).status_code == 403
    for url in (LIST, ADD, change(collection), delete(collection)):
        assert as_member.get(url).status_code == 403


def test_what_it_redacts_is_shown(as_operator: Client, collection: Collection) -> None:
    Collection.objects.update(redaction={"entities": ["email", "iban"], "metadata": True})
    page = as_operator.get(change(collection)).content.decode()
    assert "email, iban, in metadata too" in page


def test_a_stranger_is_sent_to_the_login(client: Client) -> None:
    assert client.get(LIST).headers["Location"].startswith("/admin/login/")


def test_one_is_made_for_somebody_with_its_tables(as_admin: Client, alice: User) -> None:
    assert as_admin.get(ADD).status_code == 200

    response = as_admin.post(
        ADD,
        {
            "name": "weather",
            "description": "Rain.",
            "owner": alice.pk,
            "model": "hashing-384",
            "metric": "l2",
            "language": "english",
        },
    )

    assert response.status_code == 302, response.content.decode()
    made = Collection.objects.get(name="weather")
    assert (made.owner, made.description, made.generation.metric) == (alice, "Rain.", "l2")
    assert len(tables_of(made)) == 2
    assert make_document(made.show_whole()).text


def test_all_that_the_api_takes_can_be_chosen(as_admin: Client, alice: User) -> None:
    chosen = {
        "name": "weather",
        "owner": alice.pk,
        "model": "hashing-384",
        "metric": "ip",
        "language": "german",
        "chunking__method": "code",
        "chunking__size": 64,
        "chunking__overlap": 8,
        "chunking__language": "python",
        "index__m": 24,
        "index__ef_construction": 128,
        "index__storage": "vector",
        "redaction__entities": ["iban", "email"],
        "redaction__metadata": "on",
        "metadata_schema-0-name": "year",
        "metadata_schema-0-type": "number",
        "metadata_schema-0-index": "1",
        "metadata_schema-3-name": "lang",
        "metadata_schema-3-type": "string",
        "metadata_schema-3-required": "1",
    }
    assert as_admin.post(ADD, chosen).status_code == 302

    made = Collection.objects.select_related("active").get()
    assert made.language == "german"
    assert made.chunking == {"method": "code", "size": 64, "overlap": 8, "language": "python"}
    assert IndexSettings.of(made.generation).as_columns() == {
        "m": 24,
        "ef_construction": 128,
        "storage": "vector",
    }
    assert made.redaction == {"entities": ["email", "iban"], "metadata": True}
    assert made.metadata_schema == {
        "year": {"type": "number", "index": True, "required": False, "state": "ready"},
        "lang": {"type": "string", "index": False, "required": True, "state": "none"},
    }


WRONG: list[tuple[str, dict[str, str]]] = [
    ("name", {"name": "drinks"}),
    ("name", {"name": "No!"}),
    ("model", {"model": "unknown"}),
    ("metric", {"metric": "x"}),
    ("owner", {"owner": "0"}),
    ("language", {"language": "klingon"}),
    ("chunking__size", {"chunking__size": "1"}),
    ("chunking__overlap", {"chunking__size": "64", "chunking__overlap": "60"}),
    ("chunking__language", {"chunking__language": "python"}),
    ("index__m", {"index__m": "1000"}),
    ("index__ef_construction", {"index__m": "90"}),
    ("redaction__entities", {"redaction__metadata": "on"}),
    ("metadata_schema", {"metadata_schema-0-name": "a..b", "metadata_schema-0-type": "string"}),
    ("metadata_schema", {"metadata_schema-0-name": "a", "metadata_schema-0-type": "x"}),
    (
        "metadata_schema",
        {
            "metadata_schema-0-name": "a",
            "metadata_schema-0-type": "string",
            "metadata_schema-1-name": "a",
            "metadata_schema-1-type": "number",
        },
    ),
]
"""What is wrong, each with its field."""


def test_wrong_values_are_refused_at_their_fields(
    as_admin: Client, alice: User, collection: Collection
) -> None:
    values = {"name": "new", "owner": alice.pk, "model": "hashing-384", "metric": "l2"}
    for field, wrong in WRONG:
        response = as_admin.post(ADD, {**values, "language": "english", **wrong})
        assert response.status_code == 200, wrong
        errors = response.context["adminform"].form.errors
        assert {name: len(told) for name, told in errors.items()} == {field: 1}, wrong
    assert Collection.objects.count() == 1


def test_deleting_drops_the_tables(
    as_admin: Client, collection: Collection, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    names = tables_of(collection)
    assert len(names) == 2
    page = as_admin.get(delete(collection)).content.decode()
    assert "drinks: 1 documents" in page

    with django_capture_on_commit_callbacks(execute=True):
        answer = as_admin.post(delete(collection), {"post": "yes", "name": "drinks"})
        assert answer.status_code == 302

    assert tables(*names) == []
    assert not Collection.objects.exists()
    assert not Generation.objects.exists()
    assert not Document.objects.exists()


@pytest.mark.parametrize("typed", [{}, {"name": ""}, {"name": "Drinks"}], ids=str)
def test_nothing_is_deleted_without_its_name(
    as_admin: Client, collection: Collection, typed: dict[str, str]
) -> None:
    page = as_admin.post(delete(collection), {"post": "yes", **typed}, follow=True)
    assert "Nothing was deleted" in page.content.decode()
    assert Collection.objects.exists()


def test_deleting_several_drops_all_their_tables(
    as_admin: Client, collection: Collection, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    others = [make_collection("a"), make_collection("b")]
    names = [*tables_of(collection), *tables_of(others[0])]
    chosen = {"action": "delete_selected", "_selected_action": [collection.pk, others[0].pk]}
    assert as_admin.post(LIST, chosen).status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        assert as_admin.post(LIST, {**chosen, "post": "yes"}).status_code == 302

    assert tables(*names) == []
    assert list(Collection.objects.all()) == [others[1]]
    assert len(tables_of(others[1])) == 2
