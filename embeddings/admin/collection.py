"""Collections in the console."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.admin.theme import ModelAdmin
from accounts.console_page import session_may
from accounts.policy import Action
from embeddings.admin import index
from embeddings.admin.display import pretty_json
from embeddings.admin.grants import GrantInline, save_grants
from embeddings.constants import Metric
from embeddings.models import Collection
from embeddings.services.collection import (
    create_collection,
    delete_collection,
    update_collection,
)
from embeddings.services.engine import served_models
from embeddings.types.redaction import Redaction


def _model_choices() -> list[tuple[str, str]]:
    return [
        (info.name, f"{info.name}, {info.dimensions} dimensions")
        for info in served_models()
        if info.kind == "embedding"
    ]


class NewCollectionForm(forms.ModelForm):
    """What a collection needs at birth; model and metric can't be changed later."""

    model = forms.ChoiceField(choices=_model_choices, initial=lambda: settings.EMBED.default_model)
    metric = forms.ChoiceField(
        choices=[(metric.value, metric.value) for metric in Metric], initial=Metric.COSINE.value
    )

    class Meta:
        model = Collection
        fields = ("name", "description", "owner")


@admin.register(Collection)
class CollectionAdmin(ModelAdmin):
    """Made, described and deleted through the services, so that the tables come and go too."""

    list_display = (
        "name",
        "owner",
        "embedding_model",
        "dimensions",
        "metric",
        "documents",
        "index_state",
        "updated_at",
    )
    list_filter = ("active__metric", "active__index_state", "active__model")
    list_select_related = ("owner", "active")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("name", "description")
    actions = (index.reindex, index.measure)
    autocomplete_fields = ("owner",)
    inlines = (GrantInline,)
    readonly_fields = (
        "id",
        "owner",
        "embedding_model",
        "fingerprint",
        "dimensions",
        "metric",
        "documents",
        "index_state",
        "index_and_recall",
        "declared_fields",
        "redacted",
        "version",
        "created_at",
        "updated_at",
    )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """As in the API."""
        return session_may(request, Action.OPERATE)

    def get_form(
        self, request: HttpRequest, obj: Collection | None = None, change: bool = False, **kw: Any
    ) -> Any:
        """A form of its own for a new collection."""
        if obj is None:
            kw["form"] = NewCollectionForm
        return super().get_form(request, obj, change, **kw)

    def get_fields(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """As the service takes them, or as it gives them back."""
        if obj is None:
            return ["name", "description", "owner", "model", "metric"]
        return ["name", "description", *self.readonly_fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """What is fixed once the collection exists."""
        return self.readonly_fields if obj else ()

    def save_model(
        self, request: HttpRequest, obj: Collection, form: forms.ModelForm, change: bool
    ) -> None:
        """Through the services."""
        values = form.cleaned_data
        if change:
            update_collection(
                collection=obj, name=values["name"], description=values["description"]
            )
            return
        made = create_collection(
            principal=values["owner"].as_principal(),
            name=values["name"],
            description=values["description"],
            model=values["model"],
            metric=Metric(values["metric"]),
        )
        obj.pk = made.pk

    def get_inlines(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """Grants, once there is a collection."""
        return self.inlines if obj else ()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Grants, through the service."""
        save_grants(request, formset)

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        """Through the service, which drops the tables."""
        delete_collection(collection=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        """One after the other, for the same reason."""
        for collection in queryset:
            delete_collection(collection=collection)

    @admin.display(description="model", ordering="active__model")
    def embedding_model(self, obj: Collection) -> str:
        """`model` is ModelAdmin's own word."""
        return obj.generation.model

    @admin.display(ordering="active__dimensions")
    def dimensions(self, obj: Collection) -> int:
        """Of the active generation."""
        return obj.generation.dimensions

    @admin.display(ordering="active__metric")
    def metric(self, obj: Collection) -> str:
        """Of the active generation."""
        return obj.generation.metric

    @admin.display(description="index", ordering="active__index_state")
    def index_state(self, obj: Collection) -> str:
        """Of the active generation."""
        return obj.generation.index_state

    @admin.display
    def declared_fields(self, obj: Collection) -> str:
        """Of the metadata, with the states of their indexes."""
        return pretty_json(obj.metadata_schema) if obj.metadata_schema else "-"

    @admin.display
    def redacted(self, obj: Collection) -> str:
        """What is taken out of texts before they are stored."""
        redaction = Redaction.from_json(obj.redaction)
        return (", ".join(redaction.entities) or "-") + ", metadata too" * redaction.metadata

    @admin.display
    def index_and_recall(self, obj: Collection) -> str:
        """As in `/stats`."""
        return index.index_and_recall(obj)

    @admin.display
    def fingerprint(self, obj: Collection) -> str:
        """Of the active generation."""
        return obj.generation.fingerprint

    @admin.display(ordering="document_count")
    def documents(self, obj: Collection) -> str:
        """How many, with the way to their list."""
        url = reverse("admin:embeddings_document_changelist")
        return format_html('<a href="{}?collection={}">{}</a>', url, obj.pk, obj.document_count)
