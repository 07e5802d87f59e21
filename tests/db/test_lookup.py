"""Look-ups that are compiled once answer as their querysets do."""

import pytest
from django.db import DatabaseError

from accounts.lookup import Slot, compile_lookup, look_up
from accounts.models import ApiToken
from accounts.services.tokens import create_api_token
from embeddings.models import Collection
from tests.factories import make_collection, make_user

pytestmark = pytest.mark.django_db


def test_it_works() -> None:
    for _ in range(2):
        create_api_token(user=make_user(), name="a token")
    lookup = compile_lookup(ApiToken.objects.filter(key="?"), related="user", key="?")
    for expected in ApiToken.objects.select_related("user"):
        found = look_up(lookup, key=expected.key)
        assert found is not None
        for row, other in ((found, expected), (found.user, expected.user)):
            for field in row._meta.concrete_fields:
                assert getattr(row, field.attname) == getattr(other, field.attname)
        assert not found._state.adding
    assert look_up(lookup, key="nothing") is None


def test_what_is_no_stand_in_stays() -> None:
    rows = ApiToken.objects.filter(key="?", name="fixed")
    assert set(compile_lookup(rows, related="user", key="?").params) == {Slot("key"), "fixed"}


def test_a_related_row_may_be_missing() -> None:
    collection = make_collection()
    lookup = compile_lookup(Collection.objects.filter(name="?"), related="active", name="?")
    Collection.objects.update(active=None)
    found = look_up(lookup, name=collection.name)
    assert found is not None
    assert found.active is None


def test_a_query_for_nothing_finds_nothing() -> None:
    lookup = compile_lookup(Collection.objects.none(), related="active", name="?")
    assert look_up(lookup, name="?") is None


def test_errors_are_djangos() -> None:
    lookup = compile_lookup(Collection.objects.filter(name="?"), related="active", name="?")
    with pytest.raises(DatabaseError):
        look_up(lookup, name="\x00")
