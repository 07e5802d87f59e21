"""A query made of documents that are examples of what is wanted, and of what is not."""

import uuid
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import Metric
from embeddings.exceptions import NotFound
from embeddings.models import Collection
from embeddings.models.document import document_id
from embeddings.services.row_filter import within_view
from embeddings.store.chunks import all_vectors
from embeddings.store.search import Target
from embeddings.types.search import SearchParams


def example_ids(*, collection: Collection, params: SearchParams) -> frozenset[uuid.UUID]:
    """The documents that are examples; no hit is one of them."""
    external_ids = (*params.positive, *params.negative)
    return frozenset(
        document_id(collection_id=collection.pk, external_id=external_id)
        for external_id in external_ids
    )


def recommended_vector(*, collection: Collection, params: SearchParams) -> NDArray[np.float32]:
    """The float32 `(dimensions,)` vector `mean(positive) + (mean(positive) - mean(negative))`, or
    `mean(positive)` without negative examples.

    That is Rocchio's formula (in Salton's SMART, 1971) with the positive examples as query, as
    Qdrant's strategy `average_vector` has it. A document's vector is the mean of its chunks'; where
    the metric is cosine, all have length 1 first. Raises NotFound, naming the place of an unknown
    id.
    """
    examples = {"positive": params.positive, "negative": params.negative}
    pks = {
        name: [document_id(collection_id=collection.pk, external_id=key) for key in keys]
        for name, keys in examples.items()
    }
    stored = all_vectors(
        target=Target.of(collection.generation),
        document_ids=[*pks["positive"], *pks["negative"]],
        metadata_filter=within_view(collection=collection),
    )
    for name, keys in pks.items():
        for index, pk in enumerate(keys):
            if pk not in stored:
                raise NotFound(param=f"{name}.{index}")
    as_units = collection.generation.metric == Metric.COSINE
    means = {pk: _mean(vectors, as_units=as_units) for pk, vectors in stored.items()}
    positive = _mean([means[pk] for pk in pks["positive"]], as_units=False)
    if not params.negative:
        return positive.astype(np.float32)
    negative = _mean([means[pk] for pk in pks["negative"]], as_units=False)
    return (positive + (positive - negative)).astype(np.float32)


def _mean(
    vectors: Sequence[NDArray[np.float32]] | Sequence[NDArray[np.float64]], *, as_units: bool
) -> NDArray[np.float64]:
    wide = np.asarray(vectors, dtype=np.float64)
    if as_units:
        wide /= np.linalg.norm(wide, axis=1, keepdims=True)
    result: NDArray[np.float64] = wide.mean(axis=0)
    return result
