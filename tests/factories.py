"""Rows for tests, made through the services that make them in production."""

from itertools import count
from typing import Any

from accounts.models import User
from accounts.policy import SiteRole
from embeddings.constants import Metric
from embeddings.models import Collection, Document, RecallMeasurement
from embeddings.services.add import add_documents
from embeddings.services.collection import create_collection
from embeddings.services.documents import get_document
from embeddings.types.chunking import NO_WISH, ChunkingWish
from embeddings.types.document import DocumentInput

_numbers = count(1)


def make_user(username: str | None = None, role: SiteRole = SiteRole.MEMBER) -> User:
    """A user without a password, who can only come with an API token."""
    return User.objects.create_user(username or f"user{next(_numbers)}", role=role.value)


def make_collection(
    name: str | None = None,
    *,
    owner: User | None = None,
    model: str = "hashing-384",
    metric: Metric = Metric.COSINE,
    chunking: ChunkingWish = NO_WISH,
) -> Collection:
    """An empty collection."""
    return create_collection(
        principal=(owner or make_user()).as_principal(),
        name=name or f"collection-{next(_numbers)}",
        model=model,
        metric=metric,
        chunking=chunking,
    )


def make_documents(collection: Collection, *documents: DocumentInput) -> list[Document]:
    """The documents, stored and embedded."""
    result = add_documents(collection=collection, documents=documents)
    return [get_document(collection=collection, external_id=pk) for pk in result.ids]


def make_document(
    collection: Collection,
    text: str = "A short text.",
    *,
    external_id: str | None = None,
    **metadata: Any,
) -> Document:
    """One document, stored and embedded."""
    key = external_id or f"document-{next(_numbers)}"
    return make_documents(collection, DocumentInput(key, text, metadata))[0]


def make_measurement(
    collection: Collection, recall: float, *, worst: float | None = None, filtered: bool = False
) -> None:
    """What a measuring of the collection's recall found; `worst` is the `recall` unless given."""
    RecallMeasurement.objects.create(
        collection=collection,
        filtered=filtered,
        recall=recall,
        worst=recall if worst is None else worst,
        top_k=10,
        queries=50,
        approximate=50,
    )
