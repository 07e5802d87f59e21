"""The service's health on the wire."""

from typing import Any

from rest_framework import serializers


class ChecksResponse(serializers.Serializer[Any]):
    """What an operator sees."""

    database = serializers.BooleanField()
    migrations = serializers.BooleanField()
    model = serializers.BooleanField()


class HealthResponse(serializers.Serializer[Any]):
    """Whether requests can be served."""

    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    checks = ChecksResponse(required=False, help_text="For operators only.")
