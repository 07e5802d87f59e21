"""Erasing documents: from tables, from jobs, from what is cached and counted, for good.

A delete ends what callers see. An erasure also ends what is kept of it elsewhere, and says what it
can't end.
"""

import hashlib
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.apps import apps
from django.db import transaction

from accounts.services.audit import hash_of, record
from embeddings.constants import JobKind
from embeddings.exceptions import NotFound
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services.add import bump
from embeddings.services.cache import clear_cache
from embeddings.services.collection import lock_collection
from embeddings.services.erase_cache import forget_vectors, found
from embeddings.services.erase_jobs import erase_lines, erase_refusals
from embeddings.services.erase_remainders import left_of_documents
from embeddings.services.frequent_queries import forget_queries
from embeddings.services.jobs import start_job
from embeddings.services.keyword_statistics import refresh_keywords
from embeddings.services.row_filter import within_view
from embeddings.store import erase as store
from embeddings.store.documents import delete_ids
from embeddings.types.erase import Erasure
from embeddings.types.filter import MetadataFilter

BATCH = 1_000
"""Documents that are deleted at once. Of so many the texts are read, to find their vectors in the
cache; for more, all vectors of the model are forgotten.
"""

SMALL = 10_000
"""The words of so many documents are counted anew in less than a second, and those of more by a
job."""

OF_USERS = frozenset(
    {"accounts", "admin", "axes", "oauth2_provider", "otp_static", "otp_totp", "sessions"}
)
"""The apps whose rows say who somebody is, and where and how it came in."""

RECORDED = 1_000
"""So many documents the audit names one by one, and any number by one hash of all."""


@dataclass(slots=True)
class _Removed:
    """What was stored: `texts` None where they are too many."""

    documents: int = 0
    chunks: int = 0
    ids: set[str] = field(default_factory=set)
    texts: set[str] | None = field(default_factory=set)
    named: list[str] = field(default_factory=list)
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


def count_erasable(
    *,
    collection: Collection,
    ids: Sequence[str] | None = None,
    metadata_filter: MetadataFilter | None = None,
) -> int:
    """How many stored documents erase_documents would erase."""
    view = within_view(collection=collection, metadata_filter=metadata_filter)
    keys = _keys(collection, ids)
    return store.count_documents(collection_id=collection.pk, ids=keys, metadata_filter=view)


def erase_documents(
    *,
    collection: Collection,
    ids: Sequence[str] | None = None,
    metadata_filter: MetadataFilter | None = None,
) -> Erasure:
    """Erase the documents that the filter lets through, all of them or those with these ids: text,
    metadata, vectors, words; lines of imports that are not stored yet, and what is told of refused
    ones; cached vectors and searches; the collection's recorded queries. The audit keeps a hash.

    Raises InvalidFilter, and NotFound where the collection is gone. No document needs to be there:
    what others keep of it may be.
    """
    view = within_view(collection=collection, metadata_filter=metadata_filter)
    with transaction.atomic():
        lock_collection(collection)
        removed = _remove(collection, _keys(collection, ids), view)
        jobs = erase_lines(collection=collection, ids=ids, metadata_filter=view)
        told = removed.ids | jobs.ids
        if collection.row_filter is None:  # who sees all may know of what is not there any more
            told |= set(ids or ())
        refusals = erase_refusals(collection=collection, ids=told)
        queries = forget_queries(collection=collection)
        bump(collection, added=-removed.documents)
        _record(collection, removed)
        vectors = _forget(collection, removed.texts, jobs.texts)
    searches = clear_cache(collection=collection)
    if removed.documents:
        with suppress(NotFound, Collection.DoesNotExist):  # all of it was deleted meanwhile
            _forget_words(collection)
    entries = found(memory=searches.memory, redis=searches.redis)
    return Erasure(
        documents=removed.documents,
        chunks=removed.chunks,
        lines=jobs.lines,
        refusals=refusals,
        jobs=jobs.jobs,
        queries=queries,
        vectors=vectors,
        searches=entries,
        remains=left_of_documents(
            collection=collection, redis_answered=None not in (vectors, entries)
        ),
    )


def _keys(collection: Collection, ids: Sequence[str] | None) -> list[uuid.UUID] | None:
    if ids is None:
        return None
    return [document_id(collection_id=collection.pk, external_id=each) for each in ids]


def _remove(
    collection: Collection, keys: list[uuid.UUID] | None, view: MetadataFilter | None
) -> _Removed:
    removed = _Removed()
    generations = list(collection.generations.values_list("pk", flat=True))
    while rows := store.take_documents(
        collection_id=collection.pk, ids=keys, metadata_filter=view, limit=BATCH
    ):
        taken = [pk for pk, _, _ in rows]
        if removed.documents:
            removed.texts = None
        for generation_id in generations:
            removed.chunks += store.count_chunks(generation_id=generation_id, document_ids=taken)
            if removed.texts is not None:
                removed.texts |= store.embedded_texts(
                    collection_id=collection.pk, generation_id=generation_id, document_ids=taken
                )
        delete_ids(collection_id=collection.pk, ids=taken)
        removed.documents += len(rows)
        removed.ids |= {external_id for _, external_id, _ in rows}
        for pk, _, content_hash in rows:
            removed.digest.update(pk.bytes + content_hash)
        removed.named += [
            f"{pk} {hash_of(content_hash.hex())}"
            for pk, _, content_hash in rows[: RECORDED - len(removed.named)]
        ]
    return removed


def _forget(
    collection: Collection, stored: set[str] | None, waiting: set[str] | None
) -> int | None:
    texts = None if stored is None or waiting is None else stored | waiting
    forgotten: int | None = 0
    for generation in collection.generations.all():
        entries = forget_vectors(generation=generation, texts=texts)
        forgotten = None if entries is None or forgotten is None else forgotten + entries
    return forgotten


def _forget_words(collection: Collection) -> None:
    """What PostgreSQL and we count of all documents names words of those that are gone."""
    store.analyze(collection_id=collection.pk)
    collection.refresh_from_db(fields=["document_count"])
    if collection.document_count <= SMALL:
        refresh_keywords(collection=collection)
    else:
        start_job(
            owner_id=collection.owner_id, kind=JobKind.REFRESH_KEYWORDS, collection=collection
        )


def _record(collection: Collection, removed: _Removed) -> None:
    record(
        event="documents.erase",
        object_type="collection",
        object_id=str(collection.pk),
        collection_id=collection.pk,
        before={
            "count": removed.documents,
            "hash_of_all": hash_of(removed.digest.hexdigest()),
            "hashes": removed.named,
        },
    )


def rewrite_tables(*, collection: Collection | None) -> list[str]:
    """Write the collection's tables anew, and those that all share, so that their files hold no
    erased rows; without one, those of all collections and of users. Returns the tables' names. Each
    is locked while it is written.
    """
    tables: dict[str, None] = dict.fromkeys(store.SHARED_TABLES)
    for each in Collection.objects.all() if collection is None else [collection]:
        generations = list(each.generations.values_list("pk", flat=True))
        tables |= dict.fromkeys(store.tables_of(collection_id=each.pk, generation_ids=generations))
    if collection is None:
        tables |= dict.fromkeys(_tables_of_users())
    for table in tables:
        store.rewrite(table=table)
    return list(tables)


def _tables_of_users() -> list[str]:
    return [
        model._meta.db_table
        for app in apps.get_app_configs()
        if app.label in OF_USERS
        for model in app.get_models(include_auto_created=True)
        if model._meta.managed
    ]
