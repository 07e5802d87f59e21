"""What collections are searched for most."""

import math
from typing import Any

import pytest

from embeddings.models import Collection, FrequentQuery
from embeddings.services import frequent_queries
from embeddings.services.frequent_queries import (
    flush_queries,
    forget_queries,
    most_frequent,
    record_query,
)
from tests.factories import make_collection, make_user
from tests.statements import recorded_statements

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recording(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is written when the test asks, however long that takes."""
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 3})
    monkeypatch.setattr(frequent_queries, "_waiting", frequent_queries._Waiting())
    monkeypatch.setattr(frequent_queries, "FLUSH_S", math.inf)
    frequent_queries._waiting.due = math.inf


@pytest.fixture
def collection() -> Collection:
    return make_collection()


def record(collection: Collection, *texts: str, owner_id: int | None = None) -> None:
    for text in texts:
        owner = owner_id or collection.owner_id
        record_query(collection_id=collection.pk, owner_id=owner, text=text)


def test_it_works(collection: Collection) -> None:
    other = make_user().pk
    record(collection, "tea", "milk", "tea")
    flush_queries()
    record(collection, "tea", "milk")
    record(collection, "tea", owner_id=other)
    owner = collection.owner_id
    assert most_frequent(collection=collection, limit=10) == [
        (owner, "tea"),
        (owner, "milk"),
        (other, "tea"),
    ]
    assert most_frequent(collection=collection, limit=1) == [(owner, "tea")]
    assert most_frequent(collection=make_collection(), limit=10) == []


def test_searches_are_counted_here_before_they_are_written(collection: Collection) -> None:
    with recorded_statements() as statements:
        record(collection, *["tea"] * 100)
    assert statements == []
    assert most_frequent(collection=collection, limit=1) == [(collection.owner_id, "tea")]
    assert FrequentQuery.objects.get().count == 100


def test_they_are_written_every_few_seconds_or_when_they_are_many(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    frequent_queries._waiting.due = 0.0
    record(collection, "tea")
    assert FrequentQuery.objects.count() == 1
    monkeypatch.setattr(frequent_queries, "MAX_WAITING", 2)
    record(collection, "milk", "water")
    assert FrequentQuery.objects.count() == 3


def test_only_the_most_frequent_are_kept_and_fade(collection: Collection) -> None:
    record(collection, *["one"] * 8, *["two"] * 6, *["three"] * 4, "a", "b", "c")
    flush_queries()
    assert FrequentQuery.objects.count() == 6  # room for new ones
    record(collection, "d")
    flush_queries()
    kept = FrequentQuery.objects.order_by("-count").values_list("text", "count")
    assert list(kept) == [("one", 4), ("two", 3), ("three", 2)]


def test_other_collections_keep_theirs(collection: Collection) -> None:
    other = make_collection()
    record(other, "x", "y")
    record(collection, *"abcdefgh")
    flush_queries()
    assert len(most_frequent(collection=other, limit=10)) == 2
    assert len(most_frequent(collection=collection, limit=10)) == 3


def test_what_is_gone_meanwhile_is_left_out(collection: Collection) -> None:
    gone = make_collection()
    record(gone, "tea")
    record(collection, "tea")
    gone.delete()
    flush_queries()
    assert FrequentQuery.objects.count() == 1
    collection.delete()
    assert FrequentQuery.objects.count() == 0


def test_long_texts_are_not_recorded(collection: Collection) -> None:
    record(collection, "x" * 1001)
    assert most_frequent(collection=collection, limit=1) == []


def test_nothing_is_recorded_when_it_is_off(collection: Collection, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_queries": 0})
    record(collection, "tea")
    assert not frequent_queries._waiting.counts


def test_forgetting(collection: Collection) -> None:
    other = make_collection()
    record(collection, "tea", "milk")
    record(other, "tea")
    assert forget_queries(collection=collection) == 2
    assert FrequentQuery.objects.count() == 1
    assert forget_queries() == 1
