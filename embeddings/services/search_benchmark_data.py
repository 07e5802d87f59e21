"""A collection to benchmark searches on: real documents, of which known shares pass a filter."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice
from typing import Any

from accounts.principal import Principal
from embeddings.models import Collection
from embeddings.services.add import add_documents
from embeddings.services.collection import create_collection
from embeddings.services.import_batches import BATCH_DOCUMENTS
from embeddings.services.quality import Step
from embeddings.types.document import DocumentInput
from embeddings.types.filter import MetadataFilter, parse_filter

SELECTIVITIES = (100.0, 30.0, 10.0, 1.0, 0.1, 0.01)
"""Per cent of the documents."""

BUCKETS = 10_000
"""So many make the smallest selectivity one of them."""


def marks(external_id: str) -> dict[str, Any]:
    """Metadata for the document: a bucket in 0…9999 that its id's hash chooses, and within which
    selectivities the bucket is.
    """
    digest = hashlib.blake2b(external_id.encode(), digest_size=8).digest()
    bucket = int.from_bytes(digest) % BUCKETS
    within = [share for share in SELECTIVITIES if bucket < share / 100 * BUCKETS]
    return {"bucket": bucket, "within": within}


def share_filter(percent: float) -> MetadataFilter:
    """Lets so much of a prepared collection through, at random; an index finds it."""
    return parse_filter({"within": {"$contains": percent}})


def range_filter(percent: float) -> MetadataFilter:
    """Lets the same documents through, which only the index of a declared field finds."""
    return parse_filter({"bucket": {"$lt": round(percent / 100 * BUCKETS)}})


def prepare_collection(
    *,
    principal: Principal,
    name: str,
    model: str,
    documents: Iterable[DocumentInput],
    step: Step = lambda *_: None,
) -> Collection:
    """A new collection with the documents, marked. Raises CollectionExists, UnknownModel, and what
    add_documents raises.
    """
    collection = create_collection(principal=principal, name=name, model=model)
    remaining = iter(documents)
    while batch := list(islice(remaining, BATCH_DOCUMENTS)):
        marked = [
            replace(each, metadata={**each.metadata, **marks(each.external_id)}) for each in batch
        ]
        add_documents(collection=collection, documents=marked)
        step("documents", len(batch))
    collection.refresh_from_db()
    return collection
