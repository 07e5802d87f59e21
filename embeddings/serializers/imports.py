"""Imports on their way in; their lines are read by the service itself, as they come."""

from typing import Any

import orjson
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.constants import OnConflict
from embeddings.serializers.base import RequestSerializer
from embeddings.types.csv_columns import CsvColumns


@extend_schema_field({"type": "string"})
class ColumnsField(serializers.Field[Any, Any, Any, Any]):
    """Columns of CSV as JSON in the query string."""

    default_error_messages = {"not_json": "The columns are not valid JSON."}

    def to_internal_value(self, data: Any) -> CsvColumns:
        """The columns. Raises InvalidRequest and ValidationError."""
        try:
            value = orjson.loads(data)
        except orjson.JSONDecodeError:
            self.fail("not_json")
        return CsvColumns.from_json(value)

    def to_representation(self, value: Any) -> Any:
        """Never asked for."""
        raise NotImplementedError


class ImportQuery(RequestSerializer):
    """How to import."""

    on_conflict = serializers.ChoiceField(
        choices=[mode.value for mode in OnConflict],
        default=OnConflict.UPSERT.value,
        help_text="`error` refuses the lines of documents that are there already.",
    )
    columns = ColumnsField(
        required=False,
        help_text='Of CSV, which columns are what, as JSON: {"text": "body", "id": "key",'
        ' "metadata": ["lang"]}; without `id` one is made, without `metadata` all others become'
        " that. Without `columns` the names tell: `id`, `text`, `title`, `metadata` and"
        " `embedding` as JSON; others become metadata.",
    )
