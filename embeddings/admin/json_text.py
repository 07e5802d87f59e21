"""JSON that people write: what is wrong with it is told by line and column."""

import json
from typing import Any, NoReturn

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.exceptions import Problem
from embeddings.types.filter import MetadataFilter, parse_filter
from embeddings.types.metadata import metadata_fault


def read_json(text: str) -> Any:
    """The value. Raises ValidationError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValidationError(
            f"Line {error.lineno}, column {error.colno}: {error.msg[0].lower()}{error.msg[1:]}."
        ) from None
    except RecursionError:
        raise ValidationError("It nests too deep.") from None
    except ValueError:
        raise ValidationError("A number has too many digits.") from None


def _no_constant(name: str) -> NoReturn:
    raise ValidationError(f"{name} is no JSON.")


class JsonField(forms.CharField):
    """Any JSON value; None where it is left empty."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": kwargs.pop("rows", 6), "placeholder": kwargs.pop("placeholder", "")}
        # No spelling marks and no capitals: it is no prose.
        attrs |= {"spellcheck": "false", "autocapitalize": "off", "class": "is-json"}
        super().__init__(widget=UnfoldAdminTextareaWidget(attrs=attrs), **kwargs)

    def to_python(self, value: Any) -> Any:
        """The value. Raises ValidationError."""
        text = super().to_python(value)
        return self.checked(read_json(text)) if text else None

    def checked(self, value: Any) -> Any:
        """The value, or what is made of it. Raises ValidationError."""
        return value

    def run_validators(self, value: Any) -> None:
        """Those of a text are not for what it spells."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Never asked."""
        return bool(data != initial)


class FilterJsonField(JsonField):
    """A filter on metadata, as the API takes it."""

    def checked(self, value: Any) -> MetadataFilter:
        """The filter. Raises ValidationError."""
        try:
            return parse_filter(value)
        except Problem as problem:
            raise ValidationError(problem.detail) from None


class MetadataJsonField(JsonField):
    """A document's metadata, as the API takes it."""

    def checked(self, value: Any) -> dict[str, Any]:
        """The metadata. Raises ValidationError."""
        config = settings.EMBED
        fault = metadata_fault(
            value, max_bytes=config.max_metadata_bytes, max_depth=config.max_json_depth
        )
        if fault:
            raise ValidationError(fault)
        metadata: dict[str, Any] = value
        return metadata


class RowFilterField(forms.JSONField):
    """Django's, for which JSON that nests too deep is a fault of the service."""

    def to_python(self, value: Any) -> Any:
        """The value. Raises ValidationError."""
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError("It nests too deep.") from None

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What the form shows again."""
        try:
            return super().bound_data(data, initial)
        except RecursionError:
            return InvalidJSONInput(data)


class WithRowFilter:
    """Stands before the class of a page or of an inline whose rows have a row filter."""

    def formfield_for_dbfield(
        self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> Any:
        """The field of a form."""
        if db_field.name == "row_filter":
            kwargs["form_class"] = RowFilterField
        parent: Any = super()
        return parent.formfield_for_dbfield(db_field, request, **kwargs)
