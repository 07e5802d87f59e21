"""Imports on their way in; their lines are read by the service itself, as they come."""

from rest_framework import serializers

from embeddings.constants import OnConflict
from embeddings.serializers.base import RequestSerializer


class ImportQuery(RequestSerializer):
    """How to import."""

    on_conflict = serializers.ChoiceField(
        choices=[mode.value for mode in OnConflict],
        default=OnConflict.UPSERT.value,
        help_text="`error` refuses the lines of documents that are there already.",
    )
