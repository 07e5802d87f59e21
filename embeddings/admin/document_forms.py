"""What the console asks about documents."""

import uuid
from contextlib import suppress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.console_page import principal_of_session
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.json_text import FilterJsonField, JsonField, MetadataJsonField
from embeddings.admin.query_form import text_field
from embeddings.constants import MAX_EXTERNAL_ID_CHARS, OnConflict
from embeddings.models import Collection
from embeddings.services.collection import visible_collection

FORMATS = [("ndjson", "Lines of JSON, exact, which an import takes back"), ("csv", "CSV")]
CONFLICTS = {
    OnConflict.UPSERT: "Replace them",
    OnConflict.SKIP: "Leave them as they are",
    OnConflict.ERROR: "Refuse the new ones",
}
"""What becomes of documents that are there already."""


def open_collection(request: HttpRequest, named: str, action: Action) -> Collection:
    """The collection of this name or id, showing what the session may do the action with. Raises
    NotFound and ActionForbidden.
    """
    with suppress(ValueError):
        found = Collection.objects.filter(pk=uuid.UUID(named)).values_list("name", flat=True)
        named = found.first() or named
    return visible_collection(principal=principal_of_session(request), name=named, action=action)


def named_collection(request: HttpRequest, action: Action) -> str:
    """The name of the collection that a link names by its id; empty where there is none."""
    named = request.GET.get("collection")
    if not named:
        return ""
    try:
        return open_collection(request, named, action).name
    except Problem:
        return ""


class CollectionForm(forms.Form):
    """Which collection; a link may name it by its id."""

    action = Action.READ
    collection = text_field("Collection", suggest="collection")

    def __init__(self, request: HttpRequest, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.request = request

    def clean_collection(self) -> Collection | None:
        """Raises ValidationError."""
        named = self.cleaned_data["collection"]
        if not named:
            return None
        try:
            return open_collection(self.request, named, self.action)
        except Problem as problem:
            raise ValidationError(problem.detail) from None

    def show_name(self) -> None:
        """In place of the id by which a link may name the collection."""
        collection = self.cleaned_data.get("collection")
        if isinstance(collection, Collection):
            sent = {name: self.data.get(name) for name in self.fields}
            self.data = {**sent, "collection": collection.name}


class ListForm(CollectionForm):
    """Which documents the list shows."""

    id = text_field("Document", placeholder="A whole id")
    filter = FilterJsonField(
        required=False, rows=1, label="Filter as JSON", placeholder='{"year": {"$gte": 2020}}'
    )


class ExportForm(CollectionForm):
    """What to export, and how."""

    collection = text_field("Collection", suggest="collection", required="required")
    filter = FilterJsonField(
        required=False,
        rows=2,
        label="Filter as JSON",
        placeholder='{"year": {"$gte": 2020}}',
        help_text="As in a search; all documents without one.",
    )
    format = forms.ChoiceField(
        choices=FORMATS,
        initial=FORMATS[0][0],
        widget=UnfoldAdminRadioSelectWidget(),
        help_text="In CSV, a text that a spreadsheet would take for a formula is put behind an"
        " apostrophe.",
    )
    vectors = forms.BooleanField(
        required=False,
        label="With vectors",
        widget=UnfoldBooleanWidget(),
        help_text="In CSV those of documents of one chunk alone.",
    )

    def clean_collection(self) -> Collection:
        """Raises ValidationError."""
        return _required(super().clean_collection())


class AddForm(CollectionForm):
    """A new document, or another text for one that is there."""

    action = Action.WRITE
    collection = text_field("Collection", suggest="collection", required="required")
    id = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_EXTERNAL_ID_CHARS,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Made of the content where it is left empty.",
    )
    text = forms.CharField(
        strip=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 10, "required": True})
    )
    metadata = MetadataJsonField(required=False, help_text="A JSON object.")
    replace = forms.BooleanField(
        required=False,
        label="Replace a document with this id",
        widget=UnfoldBooleanWidget(),
        help_text="Text and metadata both.",
    )

    def clean_collection(self) -> Collection:
        """Raises ValidationError."""
        return _required(super().clean_collection())

    def clean_text(self) -> str:
        """With the line ends that the API's callers send."""
        text: str = self.cleaned_data["text"]
        return text.replace("\r\n", "\n")

    def raw(self) -> dict[str, Any]:
        """The document as the API takes it."""
        names = ("id", "text", "metadata")
        values = {name: self.cleaned_data[name] for name in names}
        return {name: value for name, value in values.items() if value not in (None, "")}

    def tell(self, problem: Problem) -> None:
        """What the service finds at fault, at its field."""
        steps = (problem.param or "").split(".")
        name = next((step for step in steps if step in self.fields), None)
        self.add_error(name, problem.detail)


class MetadataForm(forms.Form):
    """A document's metadata as an editor."""

    metadata = MetadataJsonField(
        rows=12,
        help_text="A JSON object; null removes a key. Only what you change is changed.",
    )
    was = JsonField(required=False)
    """Hidden: as it was shown. What somebody else changed since then is no change of this form."""


def _required(collection: Collection | None) -> Collection:
    if collection is None:
        raise ValidationError("Choose a collection.")
    return collection
