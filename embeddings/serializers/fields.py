"""Fields as strict as JSON: a number is no string, a string no number, and 1 is not true."""

import re
from typing import Any

import numpy as np
import orjson
from django.conf import settings
from django.core.validators import ProhibitNullCharactersValidator
from drf_spectacular.utils import extend_schema_field
from numpy.typing import NDArray
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from embeddings.constants import COLLECTION_NAME_PATTERN, FieldType
from embeddings.exceptions import InvalidVector
from embeddings.types.filter import OPERATORS, MetadataFilter, parse_filter
from embeddings.types.metadata import metadata_fault
from embeddings.types.metadata_schema import SchemaChange, parse_schema
from embeddings.types.text import is_storable
from embeddings.types.vector import NUMBER_TYPES, parse_vector

NEEDLESS = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)
"""What is_storable refuses in any case; the latter calls Python for each character of a text."""

FIELD_TYPE = {"type": "string", "enum": [field_type.value for field_type in FieldType]}


class StringField(serializers.CharField):
    """A string that PostgreSQL can hold, kept as it is, white space included."""

    default_error_messages = {"unstorable": "The string holds NUL or a lone surrogate. Remove it."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)
        self.validators = [each for each in self.validators if not isinstance(each, NEEDLESS)]

    def to_internal_value(self, data: Any) -> str:
        """The string. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        if not is_storable(data):
            self.fail("unstorable")
        return data


class TextField(StringField):
    """A text to embed. The services say what is wrong with an empty or overlong one."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, **kwargs)


class CollectionNameField(serializers.RegexField):
    """The name of a collection, as COLLECTION_NAME_PATTERN has it."""

    default_error_messages = {
        "invalid": "A name has 1 to 63 of a-z, 0-9, _ and -, and starts with a letter or a digit."
    }

    def __init__(self, **kwargs: Any) -> None:
        # `$` would let a line feed pass.
        pattern = COLLECTION_NAME_PATTERN.removesuffix("$") + r"\Z"
        super().__init__(pattern, trim_whitespace=False, **kwargs)
        self._is_good = re.compile(pattern).match

    def run_validation(self, data: Any = empty) -> Any:
        """The name. Raises ValidationError. A good one passes at once; of another, the validators
        say what is wrong.
        """
        if isinstance(data, str) and self._is_good(data):
            return data
        return super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """The name. Raises ValidationError."""
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class WholeNumberField(serializers.IntegerField):
    """An integer; no string, no fraction, no true or false."""

    def to_internal_value(self, data: Any) -> int:
        """The number. Raises ValidationError."""
        if type(data) is not int:
            self.fail("invalid")
        return data


class NumberField(serializers.FloatField):
    """A finite number."""

    def to_internal_value(self, data: Any) -> float:
        """The number. Raises ValidationError."""
        if type(data) not in NUMBER_TYPES or not np.isfinite(float(data)):
            self.fail("invalid")
        return float(data)


class FlagField(serializers.BooleanField):
    """true or false; no string or number that could mean one."""

    def to_internal_value(self, data: Any) -> bool:
        """The flag. Raises ValidationError."""
        if not isinstance(data, bool):
            self.fail("invalid", input=str(data)[:40])
        return data


@extend_schema_field({"type": "array", "items": {"type": "number"}, "minItems": 1})
class VectorField(serializers.Field[Any, Any, Any, Any]):
    """A vector, float32 `(dimensions,)`."""

    def to_internal_value(self, data: Any) -> NDArray[np.float32]:
        """The vector. Raises ValidationError."""
        try:
            return parse_vector(data, param=self.field_name or "")
        except InvalidVector as error:
            raise serializers.ValidationError(error.detail, code=error.code) from None

    def to_representation(self, value: Any) -> Any:
        """Vectors leave through the renderer, as numpy arrays."""
        return value


@extend_schema_field(
    {"oneOf": [{"type": "array", "items": {"type": "number"}}, {"type": "string"}]}
)
class EmbeddingField(serializers.ListField):
    """An answered vector: numbers, or a string where base64 was asked for."""


@extend_schema_field({"type": "object", "additionalProperties": {}})
class MetadataField(serializers.Field[Any, Any, Any, Any]):
    """A JSON object that the database can hold; `null` removes a key where it is merged."""

    default_error_messages = {"unusable": "{reason}"}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """The metadata. Raises ValidationError."""
        config = settings.EMBED
        reason = metadata_fault(
            data, max_bytes=config.max_metadata_bytes, max_depth=config.max_json_depth
        )
        if reason:
            self.fail("unusable", reason=reason)
        metadata: dict[str, Any] = data
        return metadata

    def to_representation(self, value: Any) -> Any:
        """The object as it is."""
        return value


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [
                FIELD_TYPE,
                {
                    "type": "object",
                    "properties": {
                        "type": FIELD_TYPE,
                        "index": {"type": "boolean", "default": False},
                        "required": {"type": "boolean", "default": False},
                    },
                    "required": ["type"],
                },
                {"type": "null"},
            ]
        },
    }
)
class MetadataSchemaField(serializers.Field[Any, Any, Any, Any]):
    """Declared fields of the metadata, by name."""

    def to_internal_value(self, data: Any) -> SchemaChange:
        """The declared fields. Raises InvalidMetadataSchema, which names the place at fault."""
        return parse_schema(data, param=self.field_name or "metadata_schema")

    def to_representation(self, value: Any) -> Any:
        """The object as it is."""
        return value


FILTER_HELP = (
    f"Conditions on the metadata: {' '.join(OPERATORS)}, and $and $or $not around them; a.b is the"
    " field b of the object a. $eq and $in find an array by any element; $ne, $nin and $not let"
    " through what $eq, $in and the inside of $not do not, documents without the field too."
)


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {},
        "examples": [{"lang": {"$in": ["en", "fr"]}, "author.born": {"$gte": 1900}}],
    }
)
class FilterField(serializers.Field[Any, Any, Any, Any]):
    """A filter on metadata."""

    def to_internal_value(self, data: Any) -> MetadataFilter:
        """The parsed filter. Raises InvalidFilter, which names the place at fault."""
        return parse_filter(data, param=self.field_name or "filter")

    def to_representation(self, value: Any) -> Any:
        """The object as it is."""
        return value


@extend_schema_field({"type": "string"})
class QueryFilterField(FilterField):
    """A filter as JSON in the query string."""

    default_error_messages = {"not_json": "The filter is not valid JSON."}

    def to_internal_value(self, data: Any) -> MetadataFilter:
        """The parsed filter. Raises InvalidFilter and ValidationError."""
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.fail("not_json")
        return super().to_internal_value(value)


@extend_schema_field(
    {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
)
class TextsField(serializers.Field[Any, Any, Any, Any]):
    """One text, or a list of them."""

    default_error_messages = {
        "not_texts": "Send a string, or a list of 1 to {limit} strings.",
        "not_a_text": "Item {index} is not a string.",
    }

    def to_internal_value(self, data: Any) -> list[str]:
        """The texts. Raises ValidationError."""
        texts = [data] if isinstance(data, str) else data
        limit = settings.EMBED.max_batch
        if not isinstance(texts, list) or not 0 < len(texts) <= limit:
            self.fail("not_texts", limit=limit)
        for index, text in enumerate(texts):
            if not isinstance(text, str):
                self.fail("not_a_text", index=index)
        return texts

    def to_representation(self, value: Any) -> Any:
        """The texts as they are."""
        return value
