"""The command palette: pages, collections and users, of those that the session may see."""

from django.test import Client
from django.urls import reverse

from embeddings.models import Collection
from tests.admin.conftest import queries_of
from tests.factories import make_collection

SEARCH = reverse("admin:search")


def found(client: Client, sought: str) -> str:
    return client.get(SEARCH, {"s": sought, "extended": "1"}).content.decode()


def test_it_works(as_admin: Client, collection: Collection) -> None:
    assert reverse("admin:embeddings_collection_change", args=[collection.pk]) in found(
        as_admin, "DRINK"
    )
    assert reverse("admin:models") in found(as_admin, "model")
    assert "alice" in found(as_admin, "ali")
    assert "Nothing is called so" in found(as_admin, "zzz")


def test_nothing_is_sought_without_a_word(as_admin: Client, collection: Collection) -> None:
    assert "drinks" not in found(as_admin, " ")


def test_an_operator_finds_what_he_may_open(as_operator: Client, as_member: Client) -> None:
    assert reverse("admin:models") in found(as_operator, "model")
    assert reverse("admin:models") not in found(as_member, "model")


def test_a_member_finds_no_collections(as_member: Client, collection: Collection) -> None:
    assert "drinks" not in found(as_member, "drinks")
    assert "alice" not in found(as_member, "alice")


def test_what_it_found_is_kept_by_nobody(as_admin: Client, collection: Collection) -> None:
    assert "drinks" in found(as_admin, "drinks")
    Collection.objects.filter(pk=collection.pk).update(name="juices")
    assert "Nothing is called so" in found(as_admin, "drinks")


def test_it_is_bounded(as_admin: Client, collection: Collection) -> None:
    for number in range(12):
        make_collection(f"many-{number:02}", owner=collection.owner)
    page = found(as_admin, "many")
    assert "many-09" in page
    assert "many-10" not in page
    assert len(queries_of(as_admin, SEARCH, {"s": "many"})) <= 4
