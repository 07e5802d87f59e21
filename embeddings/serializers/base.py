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

    def to_internal_value(self, data: Any) -> Any:
        """The valid fields. Raises ValidationError.

        Fields that are not there, and need not be, are passed over: Django REST framework asks each
        of them what that means, which takes longer than all the others where few of many are sent.
        """
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        self._refuse_unknown(data)
        values: dict[str, Any] = {}
        errors: dict[str, Any] = {}
        for name, (field, is_asked) in self._declared.items():
            if is_asked or name in data:
                try:
                    values[name] = field.run_validation(field.get_value(data))
                except ValidationError as error:
                    errors[name] = error.detail
        if errors:
            raise ValidationError(errors)
        return values

    @cached_property
    def _declared(self) -> dict[str, tuple[Any, bool]]:
        """Each field, and whether it has something to say when it is not there. As a dictionary:
        Django REST framework's own kind of one is slow to go through.
        """
        return {
            name: (field, field.required or field.default is not empty)
            for name, field in self.fields.items()
        }

    def _refuse_unknown(self, data: Mapping[str, Any]) -> None:
        unknown = [str(key)[:SHOWN_CHARS] for key in data if key not in self._declared]
        if unknown:
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
