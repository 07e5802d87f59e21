"""What of a collection its caller sees: every read and every write of documents asks here.

The door leaves a collection's row filter, which grants and credentials make, on the collection. It
is part of the SQL of whatever reads; what is written is judged by the same SQL.
"""

import uuid
from collections.abc import Sequence
from typing import Any, Protocol, overload

from accounts.exceptions import ActionForbidden, Problem
from accounts.policy import Action
from embeddings.exceptions import InvalidFilter, NotFound, OutsideView
from embeddings.models import Collection
from embeddings.services.metadata_schema import typed_filter
from embeddings.store import documents as store
from embeddings.types.filter import NOTHING, And, MetadataFilter


@overload
def within_view(*, collection: Collection, metadata_filter: MetadataFilter) -> MetadataFilter: ...
@overload
def within_view(
    *, collection: Collection, metadata_filter: MetadataFilter | None = None
) -> MetadataFilter | None: ...
def within_view(
    *, collection: Collection, metadata_filter: MetadataFilter | None = None
) -> MetadataFilter | None:
    """What the caller sees of what the filter lets through, compared as the collection's schema has
    it. Raises InvalidFilter for the filter; a row filter that can't be compared shows nothing.
    """
    asked = typed_filter(collection=collection, metadata_filter=metadata_filter)
    row_filter = collection.row_filter
    if row_filter is None:
        return asked
    try:
        # Spelled: the field may have been declared since, or be no datetime in other collections.
        seen = typed_filter(collection=collection, metadata_filter=row_filter, spelled=True)
    except InvalidFilter:
        return NOTHING
    return seen if asked is None else And((seen, asked))


def same_view(one: Collection, other: Collection) -> bool:
    """Whether both show the same documents of a collection. By their spelling: in Python `1` equals
    `True`, and in JSON it does not.
    """
    mine, others = one.row_filter, other.row_filter
    return mine is others or repr(mine) == repr(others)


def count_shown(*, collections: Sequence[Collection]) -> dict[uuid.UUID, int]:
    """How many documents of each collection its caller sees, counted where that is not all."""
    views = {
        each.pk: within_view(collection=each) for each in collections if each.row_filter is not None
    }
    counted = store.count_in_each(views=views) if views else {}
    return {each.pk: counted.get(each.pk, each.document_count) for each in collections}


class _Row(Protocol):
    @property
    def id(self) -> uuid.UUID: ...
    @property
    def external_id(self) -> str: ...
    @property
    def metadata(self) -> dict[str, Any]: ...


def check_writable(*, collection: Collection, rows: Sequence[_Row]) -> None:
    """Raises OutsideView for the rows that the caller may not write, naming the first: those that
    their metadata put outside of the view, and those whose documents are there outside of it.
    """
    if collection.row_filter is None or not rows:
        return
    view = within_view(collection=collection)
    passing = store.passing(metadata=[row.metadata for row in rows], metadata_filter=view)
    hidden = store.ids_without(
        collection_id=collection.pk, ids=[row.id for row in rows], metadata_filter=view
    )
    outside = [
        row.external_id
        for place, row in enumerate(rows)
        if place not in passing or row.id in hidden
    ]
    if outside:
        raise OutsideView(param="documents", external_ids=outside)


def refusal(*, collection: Collection, document_id: uuid.UUID) -> Problem:
    """What to say of a document that is not among those that the caller may write: ActionForbidden
    where it may be read, else NotFound.
    """
    if collection.row_filter is None or collection.shown_to is None:
        return NotFound()
    readable = Collection.objects.visible_to(collection.shown_to, Action.READ)
    shown = readable.filter(pk=collection.pk).first()
    if shown is None:
        return NotFound()
    shown.narrow_to(collection.shown_to, Action.READ)
    view = within_view(collection=shown)
    if store.select_documents(collection_id=shown.pk, metadata_filter=view, ids=[document_id]):
        return ActionForbidden(action=Action.WRITE.value)
    return NotFound()
