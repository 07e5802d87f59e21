"""A small collection to try the service with, of texts that we wrote for it."""

import json
from importlib.resources import files

from django.conf import settings

from accounts.policy import Action
from accounts.principal import Principal
from embeddings.exceptions import NotFound
from embeddings.models import Collection
from embeddings.services.add import add_documents
from embeddings.services.collection import create_collection, visible_collection
from embeddings.types.document import DocumentInput

DEMO_COLLECTION = "demo"
DESCRIPTION = "Short passages on everyday subjects, to try the service with."


def load_demo(*, principal: Principal) -> Collection:
    """The collection `demo`, made where it is missing, with every passage in it; loading it again
    changes nothing.

    Raises ActionForbidden or CollectionExists when someone else has a collection of that name.
    """
    collection = _collection(principal)
    add_documents(collection=collection, documents=demo_passages())
    collection.refresh_from_db(fields=["document_count", "version", "updated_at"])
    return collection


def demo_passages() -> list[DocumentInput]:
    """The passages, with `topic`, `language`, `year` and `difficulty` as metadata."""
    lines = files("embeddings").joinpath("demo/passages.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [DocumentInput(row["id"], row["text"], row["metadata"]) for row in rows]


def _collection(principal: Principal) -> Collection:
    try:
        return visible_collection(principal=principal, name=DEMO_COLLECTION, action=Action.WRITE)
    except NotFound:
        return create_collection(
            principal=principal,
            name=DEMO_COLLECTION,
            model=settings.EMBED.default_model,
            description=DESCRIPTION,
        )
