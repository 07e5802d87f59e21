"""What collections are searched for most, kept only where the operator has asked for it."""

import threading
import time
import uuid
from collections import Counter

from django.conf import settings
from django.db import Error, transaction

from embeddings.afterwards import put_off
from embeddings.cache import now_ms
from embeddings.models import CacheCutoff, Collection, FrequentQuery
from embeddings.store import frequent_queries as store
from embeddings.telemetry import log

MAX_CHARS = 1_000
"""A longer text is no question that many ask."""

FLUSH_S = 10.0
MAX_WAITING = 1_000
"""Searches are counted in this process first, and together every few seconds in the database."""


class _Waiting:
    """What is counted here and not yet there."""

    def __init__(self) -> None:
        self.counts: Counter[store.Search] = Counter()
        self.since_ms = now_ms()
        self.due = time.monotonic() + FLUSH_S
        self.lock = threading.Lock()


_waiting = _Waiting()


@put_off
def record_query(*, collection_id: uuid.UUID, owner_id: int, text: str) -> None:
    """Count a search; does nothing unless the option `cache_queries` says how many to keep."""
    if settings.EMBED.cache_queries == 0 or len(text) > MAX_CHARS:
        return
    with _waiting.lock:
        if not _waiting.counts:
            _waiting.since_ms = now_ms()
        _waiting.counts[collection_id, owner_id, text] += 1
        due = time.monotonic() >= _waiting.due or len(_waiting.counts) >= MAX_WAITING
    if due:
        flush_queries()


def flush_queries() -> None:
    """Put what was counted here into the database; a failure loses no more than that."""
    with _waiting.lock:
        counts, _waiting.counts = _waiting.counts, Counter()
        since_ms = _waiting.since_ms
        _waiting.due = time.monotonic() + FLUSH_S
    if not counts:
        return
    try:
        with transaction.atomic():
            store.add_counts(counts, since_ms=since_ms)
            for collection_id in {collection_id for collection_id, _, _ in counts}:
                store.keep_most_frequent(
                    collection_id=collection_id, limit=settings.EMBED.cache_queries
                )
    except Error as error:
        log.warning("queries_not_counted", exc_info=error)


def most_frequent(*, collection: Collection, limit: int) -> list[tuple[int, str]]:
    """Owners and texts of the most frequent searches, the most frequent first."""
    flush_queries()
    queries = FrequentQuery.objects.filter(collection=collection).order_by("-count", "pk")
    return list(queries.values_list("owner_id", "text")[:limit])


def recorded_queries(*, collection: Collection, limit: int) -> list[FrequentQuery]:
    """The most frequent searches that are in the database, with their owners."""
    queries = FrequentQuery.objects.filter(collection=collection).select_related("owner")
    return list(queries.order_by("-count", "pk")[:limit])


def forget_queries(*, collection: Collection | None = None) -> int:
    """Delete what is recorded, of one collection or of all; returns how many texts. What other
    processes have counted and not yet recorded is not recorded any more.
    """
    flush_queries()
    scope = store.queries_scope(None if collection is None else collection.pk)
    CacheCutoff.objects.update_or_create(scope=scope, defaults={"before_ms": now_ms()})
    queries = FrequentQuery.objects.all()
    if collection is not None:
        queries = queries.filter(collection=collection)
    deleted, _ = queries.delete()
    return deleted
