"""What a collection redacts, on the wire."""

from typing import Any

from rest_framework import serializers
from rest_framework.fields import empty

from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.fields import FlagField
from embeddings.types.redaction import NO_REDACTION, Entity, Redaction


class RedactionRequest(RequestSerializer):
    """What is taken out of texts, for good, before they are stored."""

    entities = serializers.ListField(
        child=serializers.ChoiceField(choices=[entity.value for entity in Entity]),
        allow_empty=False,
        max_length=len(Entity),
        help_text="`email`, `phone`, `card`, `iban`, `ip`, and `name` where what finds names is"
        " installed; each is replaced by its kind, such as `[EMAIL]`.",
    )
    metadata = FlagField(default=False, help_text="In the metadata's strings, too.")

    def run_validation(self, data: Any = empty) -> Redaction:
        """Raises ValidationError."""
        if data is None:
            return NO_REDACTION
        redaction: Redaction = super().run_validation(data)
        return redaction

    def to_internal_value(self, data: Any) -> Redaction:
        """Raises ValidationError."""
        values = super().to_internal_value(data)
        # Each once, and in one order: what means the same is stored the same.
        entities = [entity for entity in Entity if entity.value in values["entities"]]
        return Redaction(tuple(entities), values["metadata"])


class RedactionResponse(serializers.Serializer[Any]):
    """What is taken out of texts before they are stored."""

    entities = serializers.ListField(
        child=serializers.ChoiceField(choices=[entity.value for entity in Entity])
    )
    metadata = serializers.BooleanField()
