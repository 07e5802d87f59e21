"""What a collection is made with, and what of it can be changed: as the API takes it."""

from typing import Any

from django import forms
from django.conf import settings
from rest_framework.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldBooleanSwitchWidget,
)

from accounts.exceptions import Problem
from accounts.models import User
from embeddings.admin.faults import FaultForm, as_request, tell
from embeddings.admin.schema_editor import SchemaField, schema_rows
from embeddings.admin.seen import SeenForm
from embeddings.constants import (
    DEFAULT_LANGUAGE,
    HNSW_EF_CONSTRUCTION,
    HNSW_M,
    ChunkingMethod,
    IndexStorage,
    Metric,
)
from embeddings.models import Collection
from embeddings.serializers.base import RequestSerializer, validated
from embeddings.serializers.collection import CollectionChange, CollectionRequest
from embeddings.services.keyword_statistics import known_languages
from embeddings.services.models import served_models
from embeddings.types.chunking import CODE_LANGUAGES
from embeddings.types.index import IndexSettings
from embeddings.types.redaction import Entity

UNCHOSEN = ("", "Default")
STORAGE_HELP = (
    "What the index holds of a vector: halfvec up to 4,000 dimensions, vector up to 2,000, bit"
    " (signs, for many dimensions) up to 64,000."
)
ENTITY_NAMES = {
    Entity.EMAIL: "E-mail addresses",
    Entity.PHONE: "Phone numbers",
    Entity.CARD: "Payment card numbers",
    Entity.IBAN: "IBANs",
    Entity.IP: "IP addresses",
    Entity.NAME: "Names of people, where what finds them is installed",
}


def _choice(choices: Any, **kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **kwargs)


def _number(help_text: str, **kwargs: Any) -> forms.IntegerField:
    return forms.IntegerField(help_text=help_text, widget=UnfoldAdminIntegerFieldWidget, **kwargs)


def _values(words: Any) -> list[tuple[str, str]]:
    return [(word.value, word.value) for word in words]


def _models() -> list[tuple[str, str]]:
    return [
        (info.name, f"{info.name}, {info.dimensions} dimensions")
        for info in served_models()
        if info.kind == "embedding" and info.usable
    ]


def _languages() -> list[tuple[str, str]]:
    return [(name, name) for name in known_languages()]


class SettingsForm(FaultForm):
    """What is chosen with a collection and may be changed later."""

    index__m = _number("Links of a node; more find more, and cost memory and time.", label="m")
    index__ef_construction = _number(
        "Candidates while it is built; at least twice m.", label="ef_construction"
    )
    index__storage = _choice(_values(IndexStorage), label="Storage", help_text=STORAGE_HELP)
    metadata_schema = SchemaField(
        label="Fields",
        help_text="Every document's metadata must conform to them. An index serves ranges of a"
        " string, number or datetime; equality is served without one. A field of an object is"
        " written author.name.",
    )
    redaction__entities = forms.MultipleChoiceField(
        label="Entities",
        required=False,
        choices=[(entity.value, name) for entity, name in ENTITY_NAMES.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="Each is replaced by its kind, such as [EMAIL], before anything is stored. What"
        " is stored already stays as it is.",
    )
    redaction__metadata = forms.BooleanField(
        label="Metadata too",
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text="In the metadata's strings as well.",
    )

    request: dict[str, Any]
    """What the service is to be asked for, once the form is valid."""

    def validate_as(self, serializer: type[RequestSerializer], data: dict[str, Any]) -> None:
        """As the API would; what is at fault is told."""
        self.request = {}
        try:
            self.request = validated(serializer, data)
        except (ValidationError, Problem) as fault:
            tell(self, fault)


class NewCollectionForm(SettingsForm):
    """What a collection needs at birth; model, metric, language and chunking stay."""

    model = _choice(_models, initial=lambda: settings.EMBED.default_model)
    metric = _choice(_values(Metric), initial=Metric.COSINE.value)
    language = _choice(
        _languages,
        initial=DEFAULT_LANGUAGE,
        help_text="Of its texts, for searches by words; simple for none.",
    )
    chunking__method = _choice(
        [UNCHOSEN, *_values(ChunkingMethod)],
        label="Method",
        required=False,
        help_text="How long texts are cut: sentences unless you choose. tokens cuts windows that"
        " overlap, markdown between sections, code between functions; with none the model reads"
        " the beginning of a long text alone.",
    )
    chunking__size = _number(
        "Most tokens of a chunk; as many as the model reads if it is empty.",
        label="Size",
        required=False,
    )
    chunking__overlap = _number(
        "Tokens that a chunk may repeat of the one before it, fewer than half of the size.",
        label="Overlap",
        required=False,
    )
    chunking__language = _choice(
        [("", "None"), *((name, name) for name in CODE_LANGUAGES)],
        label="Language of code",
        required=False,
        help_text="For the method code alone.",
    )

    class Meta:
        model = Collection
        fields = ("name", "description", "owner")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        defaults = {"index__m": HNSW_M, "index__ef_construction": HNSW_EF_CONSTRUCTION}
        for name, value in defaults.items():
            self.fields[name].required = False
            self.fields[name].widget.attrs["placeholder"] = value
        storage: Any = self.fields["index__storage"]
        storage.required = False
        storage.choices = [UNCHOSEN, *storage.choices]

    def clean(self) -> dict[str, Any]:
        """Tells what the API would find at fault."""
        values = super().clean()
        fields = {name: value for name, value in values.items() if name != "owner"}
        self.validate_as(CollectionRequest, as_request(fields))
        return values

    @property
    def owner(self) -> User:
        """Whose it will be."""
        owner: User = self.cleaned_data["owner"]
        return owner


class CollectionForm(SeenForm, SettingsForm):
    """What of a collection can be changed; only what is changed is asked for."""

    class Meta:
        model = Collection
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        index = IndexSettings.of(self.instance.generation).as_columns()
        for name, value in index.items():
            self.initial[f"index__{name}"] = value
        self.initial["metadata_schema"] = schema_rows(self.instance)
        for name, value in self.instance.redaction.items():
            self.initial[f"redaction__{name}"] = value

    def clean(self) -> dict[str, Any]:
        """Tells what the API would find at fault."""
        values = super().clean()
        changed = {name: values[name] for name in self.changed_data if name in values}
        data = as_request(changed)
        if "description" in changed:
            data["description"] = values["description"]  # which may be empty
        if any(name.startswith("redaction__") for name in changed):
            chosen = {name: values.get(name) for name in values if name.startswith("redaction__")}
            data["redaction"] = as_request(chosen).get("redaction")
        if data:
            self.validate_as(CollectionChange, data)
        else:
            self.request = {}
        return values
