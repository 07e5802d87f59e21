"""A search's request on the wire; its answer is in search_answer."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.exceptions import within
from embeddings.constants import (
    DEFAULT_TOP_K,
    MAX_CANDIDATES,
    MAX_CURSOR_CHARS,
    MAX_EF_SEARCH,
    MAX_EXAMPLES,
    MAX_EXTERNAL_ID_CHARS,
    SearchMode,
)
from embeddings.serializers.base import RequestSerializer, at_place, validated
from embeddings.serializers.fields import (
    FILTER_HELP,
    CollectionNameField,
    FilterField,
    FlagField,
    NumberField,
    StringField,
    TextField,
    VectorField,
    WholeNumberField,
)
from embeddings.serializers.limits import LimitedListField, LimitedNumberField
from embeddings.serializers.search_conflicts import check_places, check_queries, check_query
from embeddings.serializers.search_fields import (
    FacetsField,
    GroupByField,
    PartField,
    RerankField,
    WeightsField,
)
from embeddings.types.search import DEFAULT_INCLUDE, INCLUDABLE, SearchParams


class ExampleIdsField(serializers.ListField):
    """Ids of documents."""

    child = StringField(max_length=MAX_EXTERNAL_ID_CHARS)


class QueryRequest(RequestSerializer):
    """What to look for, by exactly one of `query`, `vector`, `document_id` and `positive`, and what
    to do with the hits.
    """

    query = TextField(required=False, help_text="A text.")
    vector = VectorField(required=False, help_text="A vector of the collection's dimensions.")
    document_id = StringField(
        max_length=MAX_EXTERNAL_ID_CHARS,
        required=False,
        help_text="A stored document, which is among its own hits.",
    )
    positive = ExampleIdsField(
        required=False,
        allow_empty=False,
        max_length=MAX_EXAMPLES,
        help_text="Ids of documents that are examples of what is wanted; no hit is one of them.",
    )
    negative = ExampleIdsField(
        required=False,
        max_length=MAX_EXAMPLES,
        help_text="Ids of documents that are examples of what is not: the query is"
        " mean(positive) + (mean(positive) - mean(negative)).",
    )
    top_k = LimitedNumberField(
        option="max_top_k",
        default=DEFAULT_TOP_K,
        help_text="Most hits, or groups where hits are grouped by a field.",
    )
    filter = FilterField(required=False, help_text=FILTER_HELP)
    mode = serializers.ChoiceField(
        choices=[mode.value for mode in SearchMode], default=SearchMode.SEMANTIC.value
    )
    weights = WeightsField(
        required=False,
        help_text="For `hybrid`. Without, each ranking counts as much as its best hits stand out.",
    )
    include = serializers.ListField(
        child=serializers.ChoiceField(choices=INCLUDABLE),
        required=False,
        max_length=len(INCLUDABLE),
        help_text="text and metadata without.",
    )
    min_score = NumberField(required=False, help_text="Leaves out hits with a lower score.")
    exact = FlagField(default=False, help_text="Compare with every document, index or not.")
    ef_search = WholeNumberField(
        required=False,
        min_value=1,
        max_value=MAX_EF_SEARCH,
        help_text="Search through the index, where there is one, in steps of so many candidates."
        " By itself the search finds what the filter and `top_k` need.",
    )
    max_candidates = WholeNumberField(
        required=False,
        min_value=1,
        max_value=MAX_CANDIDATES,
        help_text="Leave the index after about so many vectors, whether the filter lets them"
        " through or not; where that is too few hits, the search is exact.",
    )
    group_by = GroupByField(
        required=False,
        help_text="`document` (the default): the best chunk stands for each. `chunk`: chunks are"
        " hits. An object: up to `size` hits for each value of a metadata field, as `groups`.",
    )
    diversity = NumberField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="How much hits must differ (maximal marginal relevance): 0 not at all, 1 as much"
        " as they can.",
    )
    rerank = RerankField(
        required=False, help_text="Let a reranker judge the first `top_n`; at least `top_k`."
    )
    facets = FacetsField(
        required=False, help_text="Count the documents behind the filter by these fields' values."
    )
    cursor = StringField(
        required=False,
        max_length=MAX_CURSOR_CHARS,
        help_text="An answer's `next_cursor`, with the same query. No hit comes twice, and none is"
        " left out that was there throughout. After the first page a search is exact, and a ranking"
        " by words ends at 10,000 hits.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless there is one query, and its options go together."""
        check_query(attrs)
        return attrs


@extend_schema_field({"type": "array", "items": {"type": "object"}, "minItems": 1})
class QueriesField(PartField):
    """Several queries; each has the fields of a search but for its collections."""

    default_error_messages = {"invalid": "Send a list of 1 to {limit} objects."}

    def to_internal_value(self, data: Any) -> list[dict[str, Any]]:
        """The valid fields of each. Raises ValidationError and InvalidFilter."""
        limit = settings.EMBED.max_searches
        if not isinstance(data, list) or not 0 < len(data) <= limit:
            self.fail("invalid", limit=limit)
        queries = []
        for index, item in enumerate(data):
            with within(f"queries.{index}"), at_place(str(index)):
                queries.append(validated(QueryRequest, item))
        return queries


class SearchRequest(QueryRequest):
    """A query in one collection or in several of one model; or several queries at once."""

    collection = CollectionNameField(required=False)
    collections = LimitedListField(
        option="max_searches",
        child=CollectionNameField(),
        required=False,
        allow_empty=False,
        help_text="Several, of the same model and metric, instead of `collection`.",
    )
    queries = QueriesField(
        required=False,
        help_text="Several queries instead of one, each an object with the other fields.",
    )

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The valid fields. Raises ValidationError and InvalidFilter."""
        attrs: dict[str, Any] = super().to_internal_value(data)
        check_places(data)
        return attrs

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError unless the fields go together."""
        if "queries" not in attrs:
            return super().validate(attrs)
        check_queries(attrs, limit=settings.EMBED.max_searches)
        return attrs


def search_params(data: dict[str, Any]) -> SearchParams:
    """The service's view of a valid query."""
    return SearchParams(
        query=data.get("query"),
        vector=data.get("vector"),
        document_id=data.get("document_id"),
        positive=tuple(data.get("positive", ())),
        negative=tuple(data.get("negative", ())),
        top_k=data["top_k"],
        mode=SearchMode(data["mode"]),
        weights=data.get("weights"),
        metadata_filter=data.get("filter"),
        include=frozenset(data["include"]) if "include" in data else DEFAULT_INCLUDE,
        min_score=data.get("min_score"),
        exact=data["exact"],
        ef_search=data.get("ef_search"),
        max_candidates=data.get("max_candidates"),
        group_by=data.get("group_by", "document"),
        diversity=data.get("diversity"),
        rerank=data.get("rerank"),
        facets=data.get("facets", ()),
        cursor=data.get("cursor"),
    )
