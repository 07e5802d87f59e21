"""The shape of every error."""

from typing import Any

from rest_framework import serializers


class FaultSerializer(serializers.Serializer[Any]):
    """One field at fault."""

    param = serializers.CharField(help_text="Dotted path of the field, such as documents.3.text.")
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """An RFC 9457 problem document."""

    type = serializers.CharField(help_text="URI reference that identifies the kind of error.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What went wrong and what to do.")
    code = serializers.CharField(help_text="Stable; listed in the documentation.")
    request_id = serializers.CharField(help_text="As in the header X-Request-Id.")
    errors = FaultSerializer(many=True)  # type: ignore[assignment] # a field takes the name
