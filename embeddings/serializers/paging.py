"""Pages of a list: a page size and an opaque cursor, the key of the last row seen."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from embeddings.serializers.base import RequestSerializer

Row = TypeVar("Row")
DEFAULT_LIMIT = 100
MAX_LIMIT = 1_000
MAX_ID = 2**63 - 1


def parse_id(text: str) -> int:
    """The id at which a page ends, where lists go by ids. Raises ValueError."""
    number = int(text)
    if not 0 <= number <= MAX_ID:
        raise ValueError
    return number


@extend_schema_field({"type": "string"})
class CursorField(serializers.Field[Any, Any, Any, Any]):
    """An answer's `next_cursor`, as the key that `parse` makes of it."""

    default_error_messages = {"invalid": "The cursor is none that this list gave."}

    def __init__(self, *, parse: Callable[[str], Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.parse = parse

    def to_internal_value(self, data: Any) -> Any:
        """The key. Raises ValidationError."""
        try:
            padded = data.encode("ascii") + b"=" * (-len(data) % 4)
            return self.parse(base64.b64decode(padded, altchars=b"-_", validate=True).decode())
        except (ValueError, binascii.Error):
            self.fail("invalid")


class PageQuery(RequestSerializer):
    """The query of every list."""

    limit = serializers.IntegerField(
        required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT
    )


def page(
    rows: Sequence[Row], *, limit: int, key: Callable[[Row], str]
) -> tuple[Sequence[Row], str | None]:
    """The first `limit` of the rows, and the next page's cursor where there are more."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, base64.urlsafe_b64encode(key(shown[-1]).encode()).decode().rstrip("=")
