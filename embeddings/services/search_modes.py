"""The modes of a search: by meaning, by words, by both."""

import numpy as np
from numpy.typing import NDArray

from embeddings.constants import SearchMode
from embeddings.exceptions import InvalidRequest
from embeddings.models import Collection
from embeddings.services.hybrid_search import find_hybrid
from embeddings.services.keyword_search import find_keyword
from embeddings.services.search_path import find_semantic
from embeddings.store.search import Alongside
from embeddings.types.search import Found, SearchParams


def find(
    *,
    collection: Collection,
    params: SearchParams,
    vector: NDArray[np.float32] | None,
    depth: int,
    alongside: Alongside,
) -> Found:
    """The `depth` best hits as the mode ranks them, and how they were found. The float32
    `(dimensions,)` vector may be missing where only words are compared. Raises InvalidRequest.
    """
    if params.mode == SearchMode.KEYWORD:
        return find_keyword(collection=collection, params=params, depth=depth, alongside=alongside)
    if vector is None:
        raise InvalidRequest(detail="Send a query, a vector or a document_id.")
    find_by_meaning = find_hybrid if params.mode == SearchMode.HYBRID else find_semantic
    return find_by_meaning(
        collection=collection, params=params, vector=vector, depth=depth, alongside=alongside
    )
