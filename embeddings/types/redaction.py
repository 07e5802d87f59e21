"""What a collection redacts before anything is stored."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class Entity(StrEnum):
    """A kind of personal data."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    IP = "ip"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Redaction:
    """Which entities are replaced in texts, and with `metadata` in the metadata's strings too; none
    where nothing is redacted.
    """

    entities: tuple[Entity, ...] = ()
    metadata: bool = False

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `as_json` made; an empty object redacts nothing."""
        entities = tuple(Entity(entity) for entity in value.get("entities", ()))
        return cls(entities, value.get("metadata", False))

    def as_json(self) -> dict[str, Any]:
        """As it is stored and shown."""
        if not self.entities:
            return {}
        return {"entities": [entity.value for entity in self.entities], "metadata": self.metadata}


NO_REDACTION = Redaction()
