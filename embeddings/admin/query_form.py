"""Forms of the console that ask what the API's lists ask, and are held to the same rules."""

from typing import Any, ClassVar, cast

from django import forms
from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from embeddings.admin.faults import tell
from embeddings.serializers.base import RequestSerializer, validated


class QueryForm(forms.Form):
    """What is left empty asks for nothing."""

    serializer: ClassVar[type[RequestSerializer]]

    def asked(self, **more: Any) -> dict[str, Any] | None:
        """What the serializer makes of the filled fields and of `more`; None where something is at
        fault, which the form then tells.
        """
        if self.errors:
            return None
        filled = {name: value for name, value in self.cleaned_data.items() if value}
        try:
            return validated(self.serializer, {**filled, **more})
        except ValidationError as error:
            tell(self, error)
            return None

    def filled(self) -> QueryDict:
        """The query string of the filled fields."""
        data, values = cast("QueryDict", self.data), QueryDict(mutable=True)
        for name in self.fields:
            values.setlist(name, [value for value in data.getlist(name) if value])
        return values


def text_field(
    label: str, *, suggest: str | None = None, help_text: str = "", **attrs: Any
) -> forms.CharField:
    """A line of text; `suggest` names what it is the name of: a `user`, `team` or `collection`."""
    if suggest is not None:
        attrs |= {"data-suggest": suggest, "autocomplete": "off", "spellcheck": "false"}
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def choice_field(label: str, choices: list[str]) -> forms.ChoiceField:
    """One of them, or any."""
    return forms.ChoiceField(
        required=False,
        label=label,
        choices=[("", "Any"), *((choice, choice.capitalize()) for choice in choices)],
        widget=UnfoldAdminSelectWidget(),
    )
