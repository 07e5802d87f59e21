"""The shapes of errors that the clients of other services read."""

from typing import Any

from rest_framework import serializers


class ErrorObject(serializers.Serializer[Any]):
    """An error as OpenAI has it."""

    message = serializers.CharField(help_text="What went wrong and what to do.")
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True, help_text="Dotted path of the field at fault.")
    code = serializers.CharField(help_text="Stable; listed in the documentation.")


class SharedError(serializers.Serializer[Any]):
    """An error for clients of OpenAI (`error`), Cohere (`message`) and Jina (`detail`)."""

    error = ErrorObject()
    message = serializers.CharField()
    detail = serializers.CharField()


class TeiError(serializers.Serializer[Any]):
    """An error as text-embeddings-inference has it."""

    error = serializers.CharField()
    error_type = serializers.CharField(
        help_text="Empty, Validation, Backend, Overloaded or Unhealthy."
    )
