"""Reranking on the wire, in the dialects of Cohere, Jina and text-embeddings-inference."""

import math
import uuid
from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.serializers.base import TolerantRequest
from embeddings.serializers.fields import FlagField, StringField, TextField, WholeNumberField
from embeddings.types.rerank import RerankResult

TEXTS_IN_A_SEARCH_UNIT = 100
"""Cohere bills a query with up to 100 documents as one search unit."""

DOCUMENT = {
    "oneOf": [
        {"type": "string"},
        {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
    ]
}


@extend_schema_field({"type": "array", "items": DOCUMENT, "minItems": 1})
class DocumentsField(serializers.Field[Any, Any, Any, Any]):
    """Texts, or objects with one as `text`; no field for each item, as there may be many."""

    default_error_messages = {
        "not_a_list": "Send a list of strings, or of objects with a `text`.",
        "not_a_document": "Item {index} is neither a string nor an object with a `text`.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts. Raises ValidationError."""
        if not isinstance(data, list):
            self.fail("not_a_list")
        texts: list[Any] = [item.get("text") if isinstance(item, dict) else item for item in data]
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                self.fail("not_a_document", index=index)
        return texts

    def to_representation(self, value: Any) -> Any:
        """The texts as they are."""
        return value


@extend_schema_field({"type": "array", "items": {"type": "string"}, "minItems": 1})
class TextsOnlyField(DocumentsField):
    """Texts."""

    default_error_messages = {
        "not_a_list": "Send a list of strings.",
        "not_a_document": "Item {index} is not a string.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts. Raises ValidationError."""
        strings = isinstance(data, list) and [None if isinstance(x, dict) else x for x in data]
        return super().to_internal_value(strings)


class CohereRerankRequest(TolerantRequest):
    """What to rank, for which query."""

    query = TextField()
    documents = DocumentsField(help_text="Texts, or objects with one as `text`.")
    model = StringField(
        max_length=200,
        required=False,
        allow_null=True,
        help_text="A reranker of this service; the default one without.",
    )
    top_n = WholeNumberField(
        required=False, allow_null=True, min_value=1, help_text="Only the best so many; else all."
    )
    max_tokens_per_doc = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=1,
        help_text="Of a longer text the start is read.",
    )


class RerankRequest(CohereRerankRequest):
    """As Cohere's first version and Jina have it."""

    return_documents = FlagField(
        required=False,
        allow_null=True,
        help_text="Whether the texts are sent back; they are unless false.",
    )


class TeiRerankRequest(TolerantRequest):
    """As text-embeddings-inference has it."""

    query = TextField()
    texts = TextsOnlyField()
    raw_scores = FlagField(default=False, help_text="The model's own numbers instead of 0…1.")
    return_text = FlagField(default=False)
    truncate = FlagField(
        default=True, allow_null=True, help_text="false refuses what the model can't read whole."
    )
    truncation_direction = serializers.ChoiceField(
        choices=["right", "Right"], default="right", help_text="Only the end is ever cut."
    )


class RerankedText(serializers.Serializer[Any]):
    """The text of a document."""

    text = serializers.CharField()


class CohereRanked(serializers.Serializer[Any]):
    """One document by its place in the request."""

    index = serializers.IntegerField()
    relevance_score = serializers.FloatField(help_text="0…1, higher is better.")


class JinaRanked(CohereRanked):
    """One document by its place in the request, and its text."""

    document = RerankedText(required=False)


class RerankUsage(serializers.Serializer[Any]):
    """The tokens that the model read, twice."""

    total_tokens = serializers.IntegerField()
    prompt_tokens = serializers.IntegerField()


class CohereVersion(serializers.Serializer[Any]):
    """Of Cohere's API."""

    version = serializers.CharField()


class CohereUnits(serializers.Serializer[Any]):
    """As Cohere counts."""

    search_units = serializers.IntegerField(help_text="A query with up to 100 documents is one.")


class CohereMeta(serializers.Serializer[Any]):
    """What Cohere says besides."""

    api_version = CohereVersion()
    billed_units = CohereUnits()


class CohereRerankResponse(serializers.Serializer[Any]):
    """The documents, best first."""

    id = serializers.CharField()
    results = CohereRanked(many=True)
    meta = CohereMeta()


class RerankResponse(serializers.Serializer[Any]):
    """The documents, best first; for clients of Cohere and of Jina at once."""

    id = serializers.CharField()
    model = serializers.CharField()
    usage = RerankUsage()
    results = JinaRanked(many=True)
    meta = CohereMeta()


class TeiRanked(serializers.Serializer[Any]):
    """One text by its place in the request."""

    index = serializers.IntegerField()
    score = serializers.FloatField()
    text = serializers.CharField(required=False)


def cohere_json(result: RerankResult, *, texts: Sequence[str], version: str) -> dict[str, Any]:
    """CohereRerankResponse."""
    units = math.ceil(len(texts) / TEXTS_IN_A_SEARCH_UNIT)
    return {
        "id": str(uuid.uuid4()),
        "results": [{"index": row.index, "relevance_score": row.score} for row in result.ranked],
        "meta": {"api_version": {"version": version}, "billed_units": {"search_units": units}},
    }


def rerank_json(
    result: RerankResult, *, texts: Sequence[str], return_documents: bool
) -> dict[str, Any]:
    """RerankResponse."""
    answer = cohere_json(result, texts=texts, version="1")
    if return_documents:
        for row in answer["results"]:
            row["document"] = {"text": texts[row["index"]]}
    usage = {"total_tokens": result.tokens, "prompt_tokens": result.tokens}
    return answer | {"model": result.model, "usage": usage}


def tei_json(
    result: RerankResult, *, texts: Sequence[str], raw_scores: bool, return_text: bool
) -> list[dict[str, Any]]:
    """TeiRanked, bare."""
    rows: list[dict[str, Any]] = [
        {"index": row.index, "score": row.logit if raw_scores else row.score}
        for row in result.ranked
    ]
    if return_text:
        for row in rows:
            row["text"] = texts[row["index"]]
    return rows
