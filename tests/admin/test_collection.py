"""Collections in the console."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from embeddings.constants import FieldType
from embeddings.models import Collection, Document, Generation
from embeddings.services.metadata_schema import declare_fields
from embeddings.store.partitions import chunks_table, documents_table
from embeddings.types.metadata_schema import SchemaField
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

    for shown in ("drinks", "alice", "hashing-384", "384", "cosine", "none"):
        assert shown in page
    assert f"/admin/embeddings/document/?collection={collection.pk}" in page


def test_the_list_asks_as_much_for_many_as_for_one(
    as_admin: Client, collection: Collection
) -> None:
    as_admin.get(LIST)
    before = len(queries_of(as_admin, LIST))
    for number in range(5):
        make_collection(f"more-{number}")

    assert len(queries_of(as_admin, LIST)) == before <= 6


def test_it_is_searched_by_name(as_admin: Client, collection: Collection) -> None:
    make_collection("weather")

    page = as_admin.get(LIST, {"q": "drin"}).content.decode()

    assert "drinks" in page
    assert "weather" not in page


@pytest.mark.parametrize(
    "chosen", [{"active__metric": "l2"}, {"active__model": "x"}, {"active__index_state": "ready"}]
)
def test_it_is_filtered(as_admin: Client, collection: Collection, chosen: dict[str, str]) -> None:
    response = as_admin.get(LIST, {f"{name}__exact": value for name, value in chosen.items()})

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


def test_what_it_redacts_is_shown(as_admin: Client, collection: Collection) -> None:
    Collection.objects.update(redaction={"entities": ["email", "iban"], "metadata": True})
    page = as_admin.get(f"/admin/embeddings/collection/{collection.pk}/change/").content.decode()
    assert "email, iban, metadata too" in page


def test_its_declared_fields_are_shown(as_admin: Client, collection: Collection) -> None:
    year = SchemaField("year", FieldType.NUMBER, index=True)
    declare_fields(collection=collection, fields={"year": year})

    page = as_admin.get(change(collection)).content.decode()

    assert "&quot;year&quot;" in page
    assert "&quot;ready&quot;" in page


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
        },
    )

    assert response.status_code == 302, response.content.decode()
    made = Collection.objects.get(name="weather")
    assert (made.owner, made.description, made.generation.metric) == (alice, "Rain.", "l2")
    assert len(tables_of(made)) == 2
    assert make_document(made.show_whole()).text


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "drinks"), ("name", "No!"), ("model", "unknown"), ("metric", "x"), ("owner", "0")],
)
def test_a_wrong_value_is_refused_at_its_field(
    as_admin: Client, alice: User, collection: Collection, field: str, value: str
) -> None:
    values = {"name": "new", "owner": alice.pk, "model": "hashing-384", "metric": "l2"}

    response = as_admin.post(ADD, {**values, field: value})

    assert response.status_code == 200
    assert field in response.context["adminform"].form.errors
    assert Collection.objects.count() == 1


def test_name_and_description_change_and_nothing_else(
    as_admin: Client, admin: User, collection: Collection
) -> None:
    changed = {"name": "beverages", "description": "Hot", "owner": admin.pk, "metric": "l2"}
    changed |= {"grants-TOTAL_FORMS": 0, "grants-INITIAL_FORMS": 0}

    assert as_admin.post(change(collection), changed).status_code == 302

    after = Collection.objects.select_related("active").get(pk=collection.pk)
    assert (after.name, after.description) == ("beverages", "Hot")
    assert (after.owner, after.generation.metric) == (collection.owner, "cosine")
    assert after.document_count == 1


def test_deleting_drops_the_tables(
    as_admin: Client, collection: Collection, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    names = tables_of(collection)
    assert len(names) == 2
    assert b"drinks" in as_admin.get(delete(collection)).content

    with django_capture_on_commit_callbacks(execute=True):
        assert as_admin.post(delete(collection), {"post": "yes"}).status_code == 302

    assert tables(*names) == []
    assert not Collection.objects.exists()
    assert not Generation.objects.exists()
    assert not Document.objects.exists()


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
