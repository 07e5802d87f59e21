"""Remembered searches: never out of date, never another's."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from accounts.principal import Principal
from embeddings.constants import IndexState, SearchMode
from embeddings.exceptions import NotFound
from embeddings.models import Collection, Generation
from embeddings.services import search as service
from embeddings.services.add import add_documents
from embeddings.services.documents import delete_document, delete_documents, update_metadata
from embeddings.services.search import search_visible
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import Facet, FieldGroups, SearchParams, SearchResult, Weights
from tests.caches import start_cache
from tests.factories import make_collection, make_documents, make_user
from tests.redis_server import RedisServer
from tests.statements import recorded_statements
from tests.unit.cache.embedders import counted

pytestmark = pytest.mark.django_db

QUERY = SearchParams(query="green tea", top_k=3, include=frozenset({"text", "metadata", "vector"}))
METADATA = {"large": 10**22, "deep": {"list": [1, 1.0, "1", None, True]}, "ä": 0.1}


@pytest.fixture
def collection() -> Collection:
    made = make_collection()
    make_documents(
        made,
        DocumentInput("tea", "green tea", METADATA),
        DocumentInput("coffee", "black coffee", {"n": 1}),
    )
    return made


@pytest.fixture
def search(collection: Collection) -> Callable[..., SearchResult]:
    def run(params: SearchParams = QUERY, **options: Any) -> SearchResult:
        principal = options.pop("principal", None) or collection.owner.as_principal()
        return search_visible(principal=principal, name=collection.name, params=params, **options)

    return run


def statements_of(search: Callable[..., SearchResult], *args: Any, **options: Any) -> int:
    with recorded_statements() as statements:
        search(*args, **options)
    return len(statements)


def assert_same(one: SearchResult, other: SearchResult) -> None:
    assert replace(one.plan, took_ms=0.0) == replace(other.plan, took_ms=0.0)
    assert [replace(hit, vector=None) for hit in one.hits] == [
        replace(hit, vector=None) for hit in other.hits
    ]
    for mine, theirs in zip(one.hits, other.hits, strict=True):
        assert mine.vector is not None
        assert theirs.vector is not None
        assert np.array_equal(mine.vector, theirs.vector)
        assert repr(mine.metadata) == repr(theirs.metadata)


def test_a_search_again_costs_the_look_up_alone(search: Callable[..., SearchResult]) -> None:
    first = search()
    assert (first.tokens, first.cached_tokens) == (2, 0)
    with recorded_statements() as statements:
        again = search()
    (door,) = statements
    assert "collections" in door
    assert_same(first, again)
    assert (again.tokens, again.cached_tokens) == (2, 2)
    assert counted("memory", "hit", cache="search") >= 1


def test_another_process_finds_it_in_redis(
    shared_cache: RedisServer, search: Callable[..., SearchResult]
) -> None:
    first = search()
    start_cache()
    service._seen.clear()
    assert statements_of(search) == 1
    assert_same(first, search())


WRITES: dict[str, Callable[[Collection], object]] = {
    "add": lambda c: add_documents(collection=c, documents=[DocumentInput("new", "green tea")]),
    "update": lambda c: add_documents(collection=c, documents=[DocumentInput("tea", "milk")]),
    "metadata": lambda c: update_metadata(collection=c, external_id="tea", changes={"large": None}),
    "delete": lambda c: delete_document(collection=c, external_id="tea"),
    "delete by filter": lambda c: delete_documents(
        collection=c, metadata_filter=parse_filter({"n": 1}, param="filter")
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_is_seen_at_once(
    collection: Collection,
    search: Callable[..., SearchResult],
    write: Callable[[Collection], object],
) -> None:
    before = search()
    write(collection)
    after = search()
    assert [(h.external_id, h.metadata) for h in after.hits] != [
        (h.external_id, h.metadata) for h in before.hits
    ]
    assert_same(after, search(fresh=True))
    assert_same(after, search())


def test_a_write_that_changes_nothing_keeps_it(
    collection: Collection, search: Callable[..., SearchResult]
) -> None:
    search()
    add_documents(
        collection=collection, documents=[DocumentInput("coffee", "black coffee", {"n": 1})]
    )
    assert statements_of(search) == 1


def test_another_state_of_the_index_is_another_search(
    collection: Collection, search: Callable[..., SearchResult]
) -> None:
    search()
    Generation.objects.filter(pk=collection.generation.pk).update(
        index_state=IndexState.BUILDING.value
    )
    assert statements_of(search) > 1


OTHERS = [
    replace(QUERY, query="green tea "),
    replace(QUERY, query=None, document_id="tea"),
    replace(QUERY, query=None, vector=np.ones(384, dtype=np.float32)),
    replace(QUERY, query=None, vector=np.full(384, 2, dtype=np.float32)),
    replace(QUERY, top_k=4),
    replace(QUERY, metadata_filter=parse_filter({"n": 1}, param="filter")),
    replace(QUERY, metadata_filter=parse_filter({"n": 1.5}, param="filter")),
    replace(QUERY, metadata_filter=parse_filter({"n": True}, param="filter")),
    replace(QUERY, metadata_filter=parse_filter({"n": "1"}, param="filter")),
    replace(QUERY, include=frozenset({"text"})),
    replace(QUERY, min_score=0.0),
    replace(QUERY, min_score=0.5),
    replace(QUERY, exact=True),
    replace(QUERY, mode=SearchMode.KEYWORD),
    replace(QUERY, mode=SearchMode.HYBRID),
    replace(QUERY, mode=SearchMode.HYBRID, weights=Weights(semantic=1, keyword=2)),
    replace(QUERY, mode=SearchMode.HYBRID, weights=Weights(semantic=1, keyword=3)),
    replace(QUERY, group_by="chunk"),
    replace(QUERY, group_by=FieldGroups(path=("n",), size=2)),
    replace(QUERY, group_by=FieldGroups(path=("n",), size=3)),
    replace(QUERY, group_by=FieldGroups(path=("n.n",), size=3)),
    replace(QUERY, group_by=FieldGroups(path=("n", "n"), size=3)),
    replace(QUERY, diversity=0.5),
    replace(QUERY, diversity=0.6),
    replace(QUERY, facets=(Facet(("n",), 1, "n"),)),
    replace(QUERY, facets=(Facet(("n",), 2, "n"),)),
    replace(QUERY, query=None, positive=("tea",)),
    replace(QUERY, query=None, positive=("coffee",)),
    replace(QUERY, query=None, positive=("coffee",), negative=("tea",)),
]


RICH = [
    replace(QUERY, mode=SearchMode.KEYWORD, include=frozenset({"text", "highlights"})),
    replace(QUERY, mode=SearchMode.HYBRID),
    replace(QUERY, group_by=FieldGroups(path=("n",), size=2)),
    replace(QUERY, facets=(Facet(("n",), 1, "n"), Facet(("deep", "list"), 9, "deep.list"))),
    replace(QUERY, top_k=1),
    replace(QUERY, query=None, positive=("tea",), diversity=0.5),
]


@pytest.mark.parametrize("params", RICH)
def test_whatever_a_search_has_is_remembered(
    search: Callable[..., SearchResult], params: SearchParams
) -> None:
    first = search(params)
    assert statements_of(search, params) == 1
    again = search(params)
    for part in ("hits", "groups", "facets", "next_cursor", "plan", "plans"):
        found, expected = getattr(again, part), getattr(first, part)
        assert type(found) is type(expected)
        assert repr(found) == repr(expected), part
    assert any((first.hits, first.groups))


def test_every_parameter_counts(search: Callable[..., SearchResult]) -> None:
    for params in (QUERY, *OTHERS):
        assert statements_of(search, params) > 1, params
    for params in (QUERY, *OTHERS):
        assert statements_of(search, params) == 1, params


def test_no_caller_gets_anothers(
    collection: Collection, search: Callable[..., SearchResult]
) -> None:
    owner = collection.owner
    admin = make_user()
    admin.is_superuser = True
    callers: list[Principal] = [
        owner.as_principal(),
        owner.as_principal(token_id=1),
        owner.as_principal(token_id=2),
        admin.as_principal(),
    ]
    for principal in callers:
        assert statements_of(search, principal=principal) > 1


def test_what_a_caller_may_no_longer_see_is_not_remembered_for_it(
    collection: Collection, search: Callable[..., SearchResult]
) -> None:
    principal = collection.owner.as_principal()
    search(principal=principal)
    Collection.objects.filter(pk=collection.pk).update(owner=make_user())
    with pytest.raises(NotFound):
        search(principal=principal)


def test_a_collection_of_the_same_name_is_another(
    collection: Collection, search: Callable[..., SearchResult]
) -> None:
    search()
    owner, name = collection.owner, collection.name
    collection.delete()
    make_documents(make_collection(name, owner=owner), DocumentInput("other", "green tea"))
    assert [hit.external_id for hit in search(principal=owner.as_principal()).hits] == ["other"]


def test_a_fresh_answer_passes_it_by(search: Callable[..., SearchResult]) -> None:
    assert statements_of(search, fresh=True) > 1
    assert statements_of(search) > 1
    assert statements_of(search, fresh=True) > 1
    assert statements_of(search) == 1


def test_the_operator_may_switch_it_off(search: Callable[..., SearchResult], settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"cache_search_ttl_s": 0})
    search()
    assert statements_of(search) > 1


def test_long_answers_are_not_kept(search: Callable[..., SearchResult]) -> None:
    for _ in range(2):
        assert statements_of(search, replace(QUERY, top_k=101)) > 1
