"""Operations on a collection of which the caller sees a part, each beside what Python expects."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from accounts.exceptions import ActionForbidden, Problem
from accounts.policy import Action
from accounts.principal import Principal
from embeddings.constants import JobKind, OnConflict, SearchMode
from embeddings.exceptions import DocumentExists, NotFound, OutsideView
from embeddings.models import Collection
from embeddings.readers.rows import Row
from embeddings.services.add import add_documents
from embeddings.services.collection import visible_collection
from embeddings.services.documents import (
    delete_document,
    delete_documents,
    get_document,
    list_documents,
    update_metadata,
)
from embeddings.services.imports import import_rows
from embeddings.services.job_runs import take_job
from embeddings.services.jobs import make_job
from embeddings.services.row_filter import count_shown
from embeddings.services.search import search_visible
from embeddings.types.document import DocumentInput
from embeddings.types.filter import parse_filter
from embeddings.types.search import Facet, FieldGroups, SearchParams
from tests.filter_oracle import matches

IDS = [f"d{number}" for number in range(8)]
VECTORS = {pk: np.eye(384, dtype=np.float32)[at] + 0.1 for at, pk in enumerate(IDS)}
ANYTHING = parse_filter({"$not": {"none": 1}})


@dataclass
class World:
    """The collection, what Python thinks is in it, and what the caller may read and write."""

    collection: Collection
    principal: Principal
    reads: list[Any]
    writes: list[Any]
    narrowing: Any
    stored: dict[str, Any] = field(default_factory=dict)

    def readable(self, value: dict[str, Any]) -> bool:
        return self._passes(value, self.reads + self.writes)

    def writable(self, value: dict[str, Any]) -> bool:
        return self._passes(value, self.writes)

    def _passes(self, value: dict[str, Any], granted: list[Any]) -> bool:
        narrowed = self.narrowing is None or matches(self.narrowing, value, set())
        return narrowed and any(each is None or matches(each, value, set()) for each in granted)

    def seen(self, condition: Any = None) -> set[str]:
        """What a read under this filter shows."""
        return {
            pk
            for pk, value in self.stored.items()
            if self.readable(value) and (condition is None or matches(condition, value, set()))
        }

    def door(self, action: Action) -> Collection:
        return visible_collection(
            principal=self.principal, name=self.collection.name, action=action
        )

    def refused(self, pk: str, value: dict[str, Any]) -> bool:
        """Whether the document may not be written with this metadata."""
        there = pk in self.stored and not self.writable(self.stored[pk])
        return there or not self.writable(value)


def search(world: World, mode: SearchMode, condition: Any, exact: bool) -> None:
    params = SearchParams(
        query="word",
        top_k=20,
        mode=mode,
        exact=exact,
        metadata_filter=condition and parse_filter(condition),
        facets=(Facet(("t",), 20, "t"),),
    )
    result = run(world, params)
    seen = world.seen(condition)
    assert {hit.external_id for hit in result.hits} == seen
    counts = (result.facets or {})["t"]
    assert counts.null + counts.absent <= len(seen)
    assert all(count <= len(seen) for _, count in counts.values)
    assert result.plan.matches in (None, len(seen))


def run(world: World, params: SearchParams) -> Any:
    return search_visible(principal=world.principal, name=world.collection.name, params=params)


def near(world: World, pk: str) -> None:
    for params in (SearchParams(document_id=pk, top_k=20), SearchParams(positive=(pk,), top_k=20)):
        if pk in world.seen():
            excluded = {pk} if params.positive else set()
            hits = {hit.external_id for hit in run(world, params).hits}
            assert hits == world.seen() - excluded
        else:
            with pytest.raises(NotFound):
                run(world, params)


def grouped(world: World, condition: Any) -> None:
    params = SearchParams(
        vector=VECTORS["d0"],
        top_k=20,
        group_by=FieldGroups(("t",), 20),
        metadata_filter=condition and parse_filter(condition),
    )
    groups = run(world, params).groups
    assert {hit.external_id for group in groups for hit in group.hits} <= world.seen(condition)


def list_(world: World, condition: Any) -> None:
    collection = world.door(Action.READ)
    parsed = condition and parse_filter(condition)
    listed = list_documents(collection=collection, metadata_filter=parsed, limit=20)
    assert {document.external_id for document in listed} == world.seen(condition)
    assert count_shown(collections=[collection]) == {collection.pk: len(world.seen())}


def get(world: World, pk: str) -> None:
    collection = world.door(Action.READ)
    if pk in world.seen():
        assert get_document(collection=collection, external_id=pk).metadata == world.stored[pk]
    else:
        with pytest.raises(NotFound):
            get_document(collection=collection, external_id=pk)


def add(world: World, pk: str, value: Any, mode: OnConflict) -> None:
    document = DocumentInput(pk, "word", value, VECTORS[pk])
    taken = mode == OnConflict.ERROR and pk in world.stored
    expected = OutsideView if world.refused(pk, value) else DocumentExists if taken else None
    try:
        add_documents(collection=world.door(Action.WRITE), documents=[document], on_conflict=mode)
    except Problem as problem:
        assert type(problem) is expected
        return
    assert expected is None
    if mode == OnConflict.UPSERT or pk not in world.stored:
        world.stored[pk] = value


def import_(world: World, first: str, one: Any, second: str, other: Any) -> None:
    job = make_job(
        owner_id=world.principal.user_id,
        kind=JobKind.IMPORT,
        collection=world.door(Action.WRITE),
    )
    taken = take_job(job_id=job.pk)
    assert taken is not None
    lines = [(first, one), (second, other)]
    rows = [
        Row(at, {"id": pk, "text": "word", "metadata": value, "embedding": VECTORS[pk].tolist()})
        for at, (pk, value) in enumerate(lines, 1)
    ]
    import_rows(run=taken, rows=rows, on_conflict=OnConflict.UPSERT)
    refused = []
    for at, (pk, value) in enumerate(lines, 1):
        if world.refused(pk, value):
            refused.append(at)
        else:
            world.stored[pk] = value
    assert [each["line"] for each in taken.job.refused] == refused


def patch(world: World, pk: str, value: Any) -> None:
    merged = {**world.stored.get(pk, {}), **value}
    merged = {key: inner for key, inner in merged.items() if inner is not None}
    expected = absence(world, pk) or (None if world.writable(merged) else OutsideView)
    try:
        update_metadata(collection=world.door(Action.WRITE), external_id=pk, changes=value)
    except Problem as problem:
        assert type(problem) is expected
        return
    assert expected is None
    world.stored[pk] = merged


def absence(world: World, pk: str) -> type[Problem] | None:
    if pk not in world.seen():
        return NotFound
    return None if world.writable(world.stored[pk]) else ActionForbidden


def delete(world: World, pk: str) -> None:
    expected = absence(world, pk)
    try:
        delete_document(collection=world.door(Action.WRITE), external_id=pk)
    except Problem as problem:
        assert type(problem) is expected
        return
    assert expected is None
    del world.stored[pk]


def delete_many(world: World, condition: Any) -> None:
    chosen = {pk for pk in world.seen(condition) if world.writable(world.stored[pk])}
    parsed = parse_filter(condition) if condition else ANYTHING
    for dry_run in (True, False):
        result = delete_documents(
            collection=world.door(Action.WRITE), metadata_filter=parsed, dry_run=dry_run
        )
        assert result.deleted == len(chosen)
    world.stored = {pk: value for pk, value in world.stored.items() if pk not in chosen}


DO: dict[str, Any] = {
    "search": search,
    "near": near,
    "grouped": grouped,
    "list": list_,
    "get": get,
    "add": add,
    "import": import_,
    "patch": patch,
    "delete": delete,
    "delete_many": delete_many,
}
