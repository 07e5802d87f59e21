"""Searches and embeddings go on record, without their texts, where the operator wants it."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings

from accounts.services.audit_buffer import note
from embeddings.models import Collection


def note_search(
    *,
    collections: Iterable[Collection],
    mode: str,
    hits: int,
    searches: int = 1,
    as_user: str | None = None,
) -> None:
    """So many searches of these collections, which found so many hits together. One with the eyes
    of another user is always recorded, with the name of this one.
    """
    if settings.EMBED.audit_reads == "none" and as_user is None:
        return
    after: dict[str, Any] = {"mode": mode, "hits": hits, "searches": searches}
    if as_user is not None:
        after["as_user"] = as_user
    for collection in collections:
        note(
            event="documents.search",
            object_type="collection",
            object_id=str(collection.pk),
            collection_id=collection.pk,
            after=after,
        )


def note_use(*, event: str, model: str, count: int, tokens: int) -> None:
    """A model has read so many texts, with so many tokens, for a caller."""
    if settings.EMBED.audit_reads == "none":
        return
    after = {"count": count, "tokens": tokens}
    note(event=event, object_type="model", object_id=model, after=after)
