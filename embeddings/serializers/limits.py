"""Fields bounded by an option, which may change while the service runs: as one serializer serves
all requests, each asks for the option anew.
"""

from typing import Any

from django.conf import settings
from django.core.validators import MaxLengthValidator, MaxValueValidator
from rest_framework import serializers
from rest_framework.fields import empty

from embeddings.serializers.fields import WholeNumberField


class AtMost(MaxValueValidator):
    """Of a number: what the option says."""

    def __init__(self, option: str) -> None:
        self.option = option

    @property
    def limit_value(self) -> int:
        """The option's value now."""
        limit: int = getattr(settings.EMBED, self.option)
        return limit


class AtMostSoMany(AtMost, MaxLengthValidator):
    """Of a list: as many as the option says."""

    message = "Ensure this field has no more than %(limit_value)s elements."
    code = MaxLengthValidator.code
    compare = MaxLengthValidator.compare
    clean = MaxLengthValidator.clean


class LimitedNumberField(WholeNumberField):
    """An integer of at least 1, and at most what the option says."""

    def __init__(self, *, option: str, **kwargs: Any) -> None:
        super().__init__(min_value=1, **kwargs)
        self.option = option
        self.validators.append(AtMost(option))

    def run_validation(self, data: Any = empty) -> Any:
        """The number. Raises ValidationError. A good one passes at once; of another, the validators
        say what is wrong.
        """
        if type(data) is int and 1 <= data <= getattr(settings.EMBED, self.option):
            return data
        return super().run_validation(data)


class LimitedListField(serializers.ListField):
    """A list of at most as many as the option says."""

    def __init__(self, *, option: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.append(AtMostSoMany(option))


class LimitedListSerializer(serializers.ListSerializer[Any]):
    """Objects, at most as many as the option says."""

    def __init__(self, *, option: str, **kwargs: Any) -> None:
        self.option = option
        super().__init__(max_length=getattr(settings.EMBED, option), **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        """The valid objects. Raises ValidationError."""
        self.max_length = getattr(settings.EMBED, self.option)
        objects: list[Any] = super().to_internal_value(data)
        return objects
