"""What people with psql may use: right answers, through the index, within a reader's rights."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from numpy.typing import NDArray
from psycopg.types.json import Jsonb

from embeddings.constants import IndexState, IndexStorage, Metric
from embeddings.models import Collection
from embeddings.services.add import add_documents
from embeddings.services.collection import delete_collection, update_collection
from embeddings.services.search import search_collection
from embeddings.store.index import build_index, index_name
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import SearchParams
from embedsite.management.commands import create_readonly_role as command
from embedsite.postgres import SUPERUSER
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db

random = np.random.default_rng(11)


def fill(collection: Collection, count: int = 60) -> Collection:
    points = random.normal(size=(count, 384)).astype(np.float32)
    documents = [
        DocumentInput(f"d{i}", f"text {i}", {"even": i % 2 == 0, "tags": ["a", f"t{i}"]}, points[i])
        for i in range(count)
    ]
    add_documents(collection=collection, documents=documents)
    return Collection.objects.select_related("active").get(pk=collection.pk).show_whole()


def literal(vector: NDArray[np.float32]) -> str:
    return str(vector.tolist())


def query_vector() -> NDArray[np.float32]:
    return random.normal(size=384).astype(np.float32)


def rows(statement: str, *values: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())


def found(collection: Collection, vector: NDArray[np.float32], *rest: Any) -> list[Any]:
    places = ", ".join(["%s", "%s", *["%s"] * len(rest)])
    return rows(f"SELECT * FROM embed_search({places})", collection.name, literal(vector), *rest)  # noqa: S608


@pytest.mark.parametrize("metric", Metric)
def test_it_finds_what_the_service_finds(metric: Metric) -> None:
    collection, vector = fill(make_collection(metric=metric)), query_vector()
    hits = search_collection(collection=collection, params=SearchParams(vector=vector)).hits
    answer = found(collection, vector)
    assert [row[0] for row in answer] == [hit.external_id for hit in hits]
    assert np.allclose([row[1] for row in answer], [hit.score for hit in hits])
    assert np.allclose([row[2] for row in answer], [hit.distance or 0.0 for hit in hits])
    assert answer[0][3] == hits[0].text
    assert isinstance(answer[0][4], str | dict)


TAGGED: list[Any] = ["a", ["a", "b"], ["b"], "it's \"\\", 1, [1, None], None, True, {"name": "a"}]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        *(
            ({"tag": value}, {"tag": value})
            for value in ("a", "b", "it's \"\\", 1, None, True, "c")
        ),
        ({"tag": {"name": "a"}}, {"tag.name": "a"}),
        ({"tag": "a", "even": True}, {"tag": "a", "even": True}),
        ({"tag": ["a", "b"]}, {"$and": [{"tag": {"$contains": value}} for value in ("a", "b")]}),
        ({}, {}),
    ],
)
def test_a_filter_lets_through_what_the_service_does(ours: Any, theirs: Any) -> None:
    collection, vector = make_collection(), query_vector()
    for number, tag in enumerate(TAGGED):
        make_document(collection, external_id=str(number), tag=tag, even=number % 2 == 0)
    where = parse_filter(theirs) if theirs else None
    params = SearchParams(vector=vector, top_k=100, metadata_filter=where)
    expected = {h.external_id for h in search_collection(collection=collection, params=params).hits}
    assert {row[0] for row in found(collection, vector, 100, Jsonb(ours))} == expected
    for function in ("embed_documents", "embed_chunks"):
        listed = rows(f"SELECT id FROM {function}(%s, %s)", collection.name, Jsonb(ours))  # noqa: S608
        assert {row[0] for row in listed} == expected


def test_the_filter_is_containment() -> None:
    collection, vector = fill(make_collection()), query_vector()
    answer = found(collection, vector, 100, '{"even": true}')
    params = SearchParams(vector=vector, top_k=100, metadata_filter=parse_filter({"even": True}))
    hits = search_collection(collection=collection, params=params).hits
    assert [row[0] for row in answer] == [hit.external_id for hit in hits]
    assert len(answer) == 30
    assert [row[0] for row in found(collection, vector, 10, '{"tags": ["t7"]}')] == ["d7"]
    assert found(collection, vector, 10, '{"even": "true"}') == []
    assert len(found(collection, vector, 10, None)) == 10


@contextmanager
def superuser() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(**(command.parameters() | {"user": SUPERUSER})) as session:
        yield session


def plans(collection: Collection, *rest: Any) -> list[str]:
    """Of the statements that a call runs, as PostgreSQL tells a superuser."""
    told: list[str] = []
    with superuser() as session:
        session.add_notice_handler(lambda notice: told.append(notice.message_primary or ""))
        session.execute("LOAD 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_level": "notice",
            "auto_explain.log_analyze": "on",
        }.items():
            session.execute("SELECT set_config(%s, %s, false)", [name, value])
        session.execute(
            f"SELECT * FROM embed_search(%s, %s{', %s' * len(rest)})",  # noqa: S608
            [collection.name, literal(query_vector()), *rest],
        )
    return [text for text in told if "Query Text: WITH" in text]


def make_ready(collection: Collection, **changes: Any) -> None:
    for name, value in {**changes, "index_state": IndexState.READY.value}.items():
        setattr(collection.generation, name, value)
    build_index(generation=collection.generation)
    collection.generation.save()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("storage", IndexStorage)
def test_it_uses_the_index_that_is_there(storage: IndexStorage) -> None:
    collection = fill(make_collection(), 300)
    make_ready(collection, storage=storage.value)
    name = index_name(collection.generation.pk)
    (plan,) = plans(collection)
    assert f"Index Scan using {name}" in plan
    assert "Seq Scan" not in plan
    (exact,) = plans(collection, 10, '{"even": true}')
    assert name not in exact
    vector = query_vector()
    params = SearchParams(vector=vector, exact=True)
    expected = {h.external_id for h in search_collection(collection=collection, params=params).hits}
    assert len(expected & {row[0] for row in found(collection, vector)}) >= 8


@pytest.mark.django_db(transaction=True)
def test_it_never_returns_too_few() -> None:
    collection = fill(make_collection(), 150)
    make_ready(collection)
    rows(  # the index still has them
        "DELETE FROM documents WHERE collection_id = %s AND external_id <> ALL (%s) RETURNING id",
        collection.pk,
        [f"d{i}" for i in range(10)],
    )
    assert len(found(collection, query_vector())) == 10
    assert len(found(collection, query_vector(), 100)) == 10
    assert len(found(collection, query_vector(), 10_000)) == 10


@pytest.mark.django_db(transaction=True)
def test_settings_end_with_the_call() -> None:
    collection = fill(make_collection(), 20)
    make_ready(collection)
    with transaction.atomic():
        before = rows("SELECT name, setting FROM pg_settings ORDER BY name")
        found(collection, query_vector())
        assert rows("SELECT name, setting FROM pg_settings ORDER BY name") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent", "[1]"], "There is no collection 'absent'"),
        (["x'; DROP TABLE chunks; --", "[1]"], "There is no collection"),
        ([None, "[1]"], "There is no collection NULL"),
        (["here", "[1]"], "has 1 dimensions; collection here has 384"),
        (["here", None], "has no dimensions"),
        (["here", str([0] * 384)], "has length 0"),
        (["here", str([1.0] * 384), 0], "top_k must be"),
        (["here", str([1.0] * 384), None], "top_k must be"),
        (["here", str([1.0] * 384), 10_001], "top_k must be"),
        (["here", str([1.0] * 384), 10, "[]"], "A filter is a JSON object"),
    ],
)
def test_faults_are_told(arguments: list[Any], message: str) -> None:
    make_document(make_collection("here"))
    places = ", ".join(["%s"] * len(arguments))
    with pytest.raises(DatabaseError, match=message), transaction.atomic():
        rows(f"SELECT * FROM embed_search({places})", *arguments)  # noqa: S608


def test_documents_and_chunks_of_a_collection() -> None:
    collection = make_collection("drinks")
    make_document(collection, "Green tea.", external_id="tea", lang="en")
    make_document(collection, "Kaffee.", external_id="coffee", lang="de")
    make_document(make_collection())
    assert rows(
        "SELECT id, text, metadata ->> 'lang' FROM embed_documents('drinks') ORDER BY id"
    ) == [
        ("coffee", "Kaffee.", "de"),
        ("tea", "Green tea.", "en"),
    ]
    filtered = "SELECT id FROM embed_documents('drinks', '{\"lang\": \"de\"}')"
    assert rows(filtered) == [("coffee",)]
    assert len(rows("SELECT * FROM embed_documents('drinks', max_rows => 1)")) == 1
    chunks = (
        'SELECT id, ordinal, start, "end", text, vector_dims(embedding)'
        " FROM embed_chunks('drinks') ORDER BY id"
    )
    assert rows(chunks) == [
        ("coffee", 0, 0, 7, "Kaffee.", 384),
        ("tea", 0, 0, 10, "Green tea.", 384),
    ]
    assert rows("SELECT documents, model, metric FROM embed_collections WHERE name = 'drinks'") == [
        (2, "hashing-384", "cosine")
    ]


@pytest.mark.django_db(transaction=True)
def test_they_follow_a_rename_and_a_drop() -> None:
    collection = make_collection("drinks")
    make_document(collection)
    update_collection(collection=collection, name="tea")
    assert len(rows("SELECT * FROM embed_documents('tea')")) == 1
    with pytest.raises(DatabaseError, match="no collection 'drinks'"):
        rows("SELECT * FROM embed_documents('drinks')")
    delete_collection(collection=collection)
    with pytest.raises(DatabaseError, match="no collection 'tea'"):
        rows("SELECT * FROM embed_chunks('tea')")


@pytest.mark.django_db(transaction=True)
def test_one_partition_is_opened_of_many() -> None:
    first = fill(make_collection(), 5)
    for _ in range(3):
        make_document(make_collection())
    with transaction.atomic():
        found(first, query_vector(), 3, '{"even": true}')
        rows("SELECT * FROM embed_chunks(%s)", first.name)
        locked = rows(
            "SELECT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
            " JOIN pg_inherits i ON i.inhrelid = c.oid WHERE l.pid = pg_backend_pid()"
            " AND c.relkind = 'r'"
        )
    assert len({name for (name,) in locked}) == 2
