"""Forms that stay open while somebody else changes the same row."""

import hashlib
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

CHANGED = (
    "Somebody has changed this since the page was opened. Open it anew: what you sent would undo"
    " that."
)


class SeenForm(forms.ModelForm):
    """Refuses what was filled in on older values than those that are stored now. The page has its
    `seen` in a hidden field of that name; what is sent without it is not compared.
    """

    @property
    def seen(self) -> str:
        """Stands for the values that the page was opened with."""
        return self.data.get("seen", "") if self.is_bound else self._stored()

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if self.seen not in ("", self._stored()):
            raise ValidationError(CHANGED)
        return values

    def _stored(self) -> str:
        fields = [(name, field) for name, field in self.fields.items() if not field.disabled]
        values = [
            (name, _spelled(self.get_initial_for_field(field, name))) for name, field in fields
        ]
        return hashlib.sha256(repr(values).encode()).hexdigest()


def _spelled(value: Any) -> Any:
    """Lists are sets here: of rows, too, whose `state` changes by itself."""
    if isinstance(value, list):
        return sorted(map(_spelled, value))
    if isinstance(value, dict):
        return str([item for item in value.items() if item[0] != "state"])
    return str(value)
