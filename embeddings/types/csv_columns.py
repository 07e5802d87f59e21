"""Which columns of a table are what of a document."""

from dataclasses import dataclass
from typing import Any, Self

from embeddings.exceptions import InvalidRequest

PARAM = "columns"


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """The names of the columns with the text and with the id, which is made of the content where
    there is none, and of those that become metadata: of all others where it is None.
    """

    text: str
    id: str | None = None
    metadata: tuple[str, ...] | None = None

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """What the JSON object says. Raises InvalidRequest."""
        if not isinstance(value, dict) or not {"text", "id", "metadata"} >= value.keys():
            raise _invalid('Send an object such as {"text": "body", "id": "key", "metadata": []}.')
        text, key, metadata = (value.get(name) for name in ("text", "id", "metadata"))
        if not isinstance(text, str) or not isinstance(key, str | None):
            raise _invalid("Name the column with the text, and the one with the id, if any.")
        if metadata is None:
            return cls(text=text, id=key)
        if not isinstance(metadata, list) or not all(isinstance(name, str) for name in metadata):
            raise _invalid("Name the columns that become metadata in a list.")
        return cls(text=text, id=key, metadata=tuple(metadata))

    def missing_in(self, header: list[str]) -> list[str]:
        """The columns that a table with this header has not."""
        named = [self.text, *([self.id] if self.id is not None else []), *(self.metadata or ())]
        return [name for name in named if name not in header]


def _invalid(detail: str) -> InvalidRequest:
    return InvalidRequest(param=PARAM, detail=detail)
