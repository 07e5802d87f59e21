"""The base of every request's serializer: a field that is not declared is refused by name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty

SHOWN_CHARS = 100
"""How much of an unknown field's name an answer repeats."""


class RequestSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields, so that a typing error never passes for a default."""

    default_error_messages = {"invalid": "Send a JSON object."}

    def to_internal_value(self, data: Any) -> Any:
        """The valid fields. Raises ValidationError.

        Of a field that is not there its default is taken as it stands: Django REST framework asks
        each of them what its absence means, which takes longer than all the others where few of
        many are sent.
        """
        if not isinstance(data, dict):
            return super().to_internal_value(data)
        if data.keys() - self._declared.keys():
            self._refuse_unknown(data)
        is_json = type(data) is dict
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, field in self._declared.items():
            if name in data or field.required:
                value = data.get(name, empty) if is_json else field.get_value(data)
                try:
                    values[name] = field.run_validation(value)
                except ValidationError as error:
                    errors[name] = error.detail
            elif field.default is not empty:
                values[name] = field.default
        if errors:
            raise ValidationError(errors)
        return values

    def run_validators(self, value: Any) -> None:
        """Nothing: `validate` is where ours check a request as a whole. Django REST framework would
        go through all fields here, for what those that are only read have by default.
        """

    @cached_property
    def _declared(self) -> dict[str, Any]:
        """The fields; Django REST framework's own kind of dictionary is slow to go through."""
        return dict(self.fields)

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        unknown = [str(key)[:SHOWN_CHARS] for key in data if key not in self._declared]
        detail = f"There is no such field here. Known: {', '.join(self._declared)}."
        error = [ErrorDetail(detail, code="unknown_field")]
        raise ValidationError(dict.fromkeys(unknown, error))


class ChangeSerializer(RequestSerializer):
    """Fields of which at least one is to be changed; what is not sent stays as it is."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Raises ValidationError when nothing is to be changed."""
        if not attrs:
            raise ValidationError("Send at least one field to change.", code="empty")
        return attrs


class TolerantRequest(RequestSerializer):
    """Ignores unknown fields, as the services do whose clients these are."""

    def to_internal_value(self, data: Any) -> Any:
        """The valid fields. Raises ValidationError."""
        return serializers.Serializer.to_internal_value(self, data)


def validated(serializer: type[RequestSerializer], data: Any) -> dict[str, Any]:
    """The valid fields of a request's body or query. Raises ValidationError.

    One instance serves all requests: validation keeps nothing on it, and making one copies every
    field, which would cost more than the search it stands before.
    """
    result: dict[str, Any] = _instance(serializer).run_validation(data)
    return result


@contextmanager
def at_place(place: str) -> Iterator[None]:
    """What is found at fault inside is told as a fault at this place of a field's value."""
    try:
        yield
    except ValidationError as error:
        raise ValidationError({place: error.detail}) from None


@cache
def _instance(serializer: type[RequestSerializer]) -> RequestSerializer:
    return serializer()
