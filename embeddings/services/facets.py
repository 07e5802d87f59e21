"""How many of a search's matches have each value of a metadata field."""

from embeddings.constants import SearchMode
from embeddings.models import Collection
from embeddings.services.search_candidates import Asked
from embeddings.store.facets import facet_counts
from embeddings.store.keyword_search import ReadQuery, matching, read_query
from embeddings.store.search import nothing
from embeddings.types.keyword_query import parse_keyword_query
from embeddings.types.search import FacetCounts


def count_facets(*, asked: Asked) -> dict[str, FacetCounts]:
    """The counts over all documents that the filter lets through, whichever of them are hits; in a
    keyword search, over those of them that match its words.
    """
    params = asked.params
    queries = {}
    if params.mode == SearchMode.KEYWORD:
        queries = {each.pk: _read(each, params.query or "") for each in asked.collections}
    return facet_counts(
        views=asked.views,
        facets=params.facets,
        words={pk: _matching(query) for pk, query in queries.items()} or None,
        phrases=next((query.phrases for query in queries.values()), ()),
    )


def _read(collection: Collection, text: str) -> ReadQuery:
    return read_query(
        collection_id=collection.pk,
        documents=collection.document_count,
        language=collection.language,
        query=parse_keyword_query(text),
        view=None,  # how frequent the words are doesn't matter here
        alongside=nothing,
    )


def _matching(query: ReadQuery) -> str:
    """The `tsquery` that lets through what a keyword search ranks; an empty one matches nothing."""
    lexemes = [term.lexeme for term in query.terms]
    if not lexemes:
        return ""
    return matching(lexemes=lexemes, required=query.required, excluded=query.excluded)
