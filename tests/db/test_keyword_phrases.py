"""Words in quotes, in whichever way a search compares words."""

import numpy as np
import pytest

from embeddings.constants import SearchMode
from embeddings.services.facets import count_facets
from embeddings.services.hybrid_search import find_hybrid
from embeddings.services.keyword_search import find_keyword
from embeddings.services.search_candidates import Asked
from embeddings.store.search import nothing
from embeddings.types.search import Facet, SearchParams
from tests.factories import make_collection, make_document

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('"to be or not to be" question', {"hamlet"}),
        ('"To be,\tor -- not to be: that is the question"', {"hamlet"}),
        ('"that is a question"', set()),
        ('"questions"', {"plural"}),
        ('"the question"', {"hamlet"}),
        ('"question" "to be"', {"hamlet"}),
        ('"or to be" question', set()),
        ('"of_the 100%"', {"percent"}),
        ('"of the 1%"', set()),
        ('"के शीर्षक में"', {"hindi"}),
        ('"के शीर्षक हैं"', set()),
    ],
)
def test_it_works(query: str, expected: set[str]) -> None:
    collection = make_collection()
    make_document(collection, "To be, or not to be: that is the question.", external_id="hamlet")
    make_document(collection, "That is the\nproblem of these questions.", external_id="plural")
    make_document(collection, "Some of the 100% are gone", external_id="percent")
    make_document(collection, "पुस्तक के शीर्षक में", external_id="hindi")
    collection.refresh_from_db()
    facet = Facet(path=("year",), limit=1, name="year")
    params = SearchParams(query=query, mode=SearchMode.KEYWORD, facets=(facet,))
    found = find_keyword(collection=collection, params=params, depth=10, alongside=nothing)
    assert {hit.external_id for hit in found.hits} == expected
    counts = count_facets(asked=Asked((collection,), params, {collection.pk: None}, vector=None))
    assert counts["year"].absent == len(expected)

    hybrid = find_hybrid(
        collection=collection,
        params=SearchParams(query=query, mode=SearchMode.HYBRID),
        vector=np.ones(collection.generation.dimensions, np.float32),
        depth=10,
        alongside=nothing,
    )
    assert {hit.external_id for hit in hybrid.hits} == expected
