"""How many of a search's matches have each value of a metadata field."""

from embeddings.services.search_candidates import Asked
from embeddings.store.facets import facet_counts
from embeddings.types.search import FacetCounts


def count_facets(*, asked: Asked) -> dict[str, FacetCounts]:
    """The counts over all documents that the filter lets through, whichever of them are hits."""
    params = asked.params
    return facet_counts(
        collection_ids=[collection.pk for collection in asked.collections],
        facets=params.facets,
        metadata_filter=params.metadata_filter,
    )
