"""What serializers and services find at fault, told at the fields of a form."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import ValidationError

from accounts.admin.theme import ModelAdmin
from accounts.exceptions import Problem

SEPARATOR = "__"
"""Stands in a form field's name for the dot of the request's: `index__m` is `index.m`."""


def as_request(values: Mapping[str, Any]) -> dict[str, Any]:
    """A form's values as a request has them; what is empty or not ticked is left out."""
    data: dict[str, Any] = {}
    for name, value in values.items():
        if value in (None, "", [], {}) or value is False:
            continue
        *path, last = name.split(SEPARATOR)
        place = data
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return data


def tell(form: forms.BaseForm, fault: ValidationError | Problem) -> None:
    """At the fields that it is about, as far as the form has them and they tell nothing yet."""
    for param, detail in errors_of(fault):
        name = _field(form, param)
        if name is None or name not in form.errors:
            form.add_error(name, detail)


def errors_of(fault: ValidationError | Problem) -> list[tuple[str, str]]:
    """Each place at fault, dotted, empty where it is none, and what is wrong there."""
    if isinstance(fault, Problem):
        errors = [(each["param"], each["detail"]) for each in fault.errors]
        return errors or [("", fault.detail)]
    return list(_flat(fault.detail, ()))


def _flat(detail: Any, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _flat(inner, (*path, str(name)))
    elif isinstance(detail, list) and any(isinstance(each, Mapping | list) for each in detail):
        for inner in detail:
            yield from _flat(inner, path)
    else:
        yield ".".join(path), " ".join(map(str, detail)) if isinstance(detail, list) else detail


def _field(form: forms.BaseForm, param: str) -> str | None:
    """The longest beginning of the place that is a field."""
    steps = param.split(".")
    for length in range(len(steps), 0, -1):
        name = SEPARATOR.join(steps[:length])
        if name in form.fields:
            return name
    return None


class FaultForm(forms.ModelForm):
    """Tells what the service found at fault when the form was saved a moment ago."""

    fault: ClassVar[Problem | None] = None

    def clean(self) -> dict[str, Any]:
        """Raises nothing: what is at fault is told."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if self.fault is not None:
            tell(self, self.fault)
        return values


class FaultAdmin(ModelAdmin):
    """Shows a form again, with what was sent, where the service refuses to save it."""

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Nothing of the first try is left: it was a transaction of its own."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Problem as problem:
            if request.method != "POST":
                raise
            request.console_fault = problem  # type: ignore[attr-defined]  # for get_form
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Knowing what was found at fault."""
        form: Any = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"fault": getattr(request, "console_fault", None)})
