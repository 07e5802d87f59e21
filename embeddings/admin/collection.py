"""Collections in the console."""

from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.console_page import session_may
from accounts.policy import Action
from embeddings.admin.amounts import amount
from embeddings.admin.collection_forms import CollectionForm, NewCollectionForm
from embeddings.admin.collection_overview import overview
from embeddings.admin.collection_transfer import transfer_view
from embeddings.admin.display import label
from embeddings.admin.faults import FaultAdmin
from embeddings.admin.grants import GrantInline, save_grants
from embeddings.admin.recall import RecallFilter, shown_recall
from embeddings.admin.upkeep import UPKEEP, list_action, tell_of_jobs
from embeddings.constants import IndexState, Metric
from embeddings.exceptions import NotFound
from embeddings.models import Collection
from embeddings.services.collection import (
    create_collection,
    delete_collection,
    update_collection,
)
from embeddings.services.maintenance import unfinished_jobs
from embeddings.services.recall_history import with_newest_recall
from embeddings.services.stats import stored_bytes
from embeddings.types.chart import Unit

SCHEMA = "Metadata schema"
INDEX = ("index__m", "index__ef_construction", "index__storage")
REDACTION = ("redaction__entities", "redaction__metadata")
NEW = (
    (None, {"fields": ("name", "description", "owner", "model", "metric", "language")}),
    (
        "Chunking",
        {
            "fields": (
                *("chunking__method", "chunking__size", "chunking__overlap"),
                "chunking__language",
            )
        },
    ),
    (SCHEMA, {"fields": ("metadata_schema",)}),
    ("Redaction", {"fields": REDACTION}),
    ("Index", {"fields": INDEX}),
)
STATES = {IndexState.READY: "success", IndexState.BUILDING: "info"}


@admin.register(Collection)
class CollectionAdmin(FaultAdmin):
    """Made, changed and deleted through the services, so that the tables come and go too."""

    list_display = (
        *("name", "owner", "embedding_model", "documents", "size", "index_state", "recall"),
        "updated_at",
    )
    list_filter = (
        ("owner", AutocompleteSelectFilter),
        "active__model",
        "active__metric",
        "active__index_state",
        RecallFilter,
    )
    list_filter_submit = True
    list_select_related = ("owner", "active")
    show_facets = admin.ShowFacets.NEVER
    search_fields = ("name", "description")
    actions = tuple(map(list_action, UPKEEP))
    autocomplete_fields = ("owner",)
    inlines = (GrantInline,)
    add_form_template = "admin/change_form.html"
    change_form_template = "console/collection_change.html"
    delete_confirmation_template = "console/collection_delete.html"

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """As in the API."""
        return session_may(request, Action.OPERATE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        """With what was last measured of their recall."""
        return with_newest_recall(super().get_queryset(request))

    def get_urls(self) -> list[URLPattern]:
        """With the page that gives a collection away."""
        view = self.admin_site.admin_view(partial(transfer_view, self))
        name = "embeddings_collection_transfer"
        return [path("<path:object_id>/transfer/", view, name=name), *super().get_urls()]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the sizes of those that the page shows, by one query."""
        found: Any = super().get_changelist_instance(request)
        found.result_list = list(found.result_list)
        sizes = stored_bytes(collections=found.result_list)
        for collection in found.result_list:
            collection.stored_bytes = sizes[collection.pk]
        return found

    def get_form(
        self, request: HttpRequest, obj: Collection | None = None, change: bool = False, **kw: Any
    ) -> Any:
        """A form of its own for a new collection."""
        form = CollectionForm if obj else NewCollectionForm
        # No others of the model, which keeps from forms what these have fields of their own for.
        kw |= {"form": form, "fields": form.Meta.fields}
        return super().get_form(request, obj, change, **kw)

    def get_fieldsets(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """As the service takes them; who only looks has the rest in the overview."""
        if obj is None:
            return NEW
        names = (None, {"fields": ("name", "description")})
        if not self.has_change_permission(request, obj):
            return [names]
        return [
            names,
            ("Index", {"fields": INDEX}),
            ("Redaction", {"fields": REDACTION}),
            (SCHEMA, {"fields": ("metadata_schema",)}),
        ]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """One's own, unless one chooses somebody."""
        return {"owner": request.user.pk, **super().get_changeform_initial_data(request)}

    def about(self, request: HttpRequest, row: Collection) -> dict[str, Any]:
        """What is to be known of the collection; its deletion is in the danger zone."""
        try:
            shown = overview(row)
        except NotFound:  # it was deleted a moment ago
            shown = {}
        return {
            **shown,
            "schema_title": SCHEMA,
            "may_operate": self.has_operate_permission(request),
            "show_delete": False,
            "show_save_and_add_another": False,
        }

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:
        """Through the services."""
        asked = form.request
        if change:
            self._update(request, obj, asked)
            return
        asked["metric"] = Metric(asked["metric"])
        obj.pk = create_collection(principal=form.owner.as_principal(), **asked).pk

    def _update(self, request: HttpRequest, obj: Collection, asked: dict[str, Any]) -> None:
        if not asked:
            return
        # As it is stored: the form has written on the page's own.
        stored = Collection.objects.select_related("active", "owner").get(pk=obj.pk)
        running = {job.pk for job in unfinished_jobs(collection=stored, limit=100)}
        update_collection(collection=stored, **asked)
        jobs = unfinished_jobs(collection=stored, limit=100)
        if started := [job for job in jobs if job.pk not in running]:
            tell_of_jobs(request, started)

    def get_inlines(self, request: HttpRequest, obj: Collection | None = None) -> Any:
        """Grants, once there is a collection."""
        return self.inlines if obj else ()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Grants, through the service."""
        save_grants(request, formset)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Only with the name typed."""
        collection = self.get_object(request, object_id)
        if (
            request.method == "POST"
            and collection is not None
            and self.has_delete_permission(request, collection)
            and request.POST.get("name") != collection.name
        ):
            messages.error(request, "Nothing was deleted: that is not the collection's name.")
            return HttpResponseRedirect(request.get_full_path())
        return super().delete_view(request, object_id, extra_context)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """What goes, without reading a single document of it."""
        collections = list(objs)
        sizes = stored_bytes(collections=collections)
        lines = [
            f"{each.name}: {each.document_count:,} documents,"
            f" {amount(sizes[each.pk], Unit.BYTES)} with all indexes"
            for each in collections
        ]
        counts = {"collections": len(collections)}
        counts["documents"] = sum(each.document_count for each in collections)
        lacking = set() if self.has_delete_permission(request) else {"collection"}
        return lines, counts, lacking, []

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        """Through the service, which drops the tables."""
        delete_collection(collection=obj)

    @admin.display(description="model", ordering="active__model")
    def embedding_model(self, obj: Collection) -> str:
        """`model` is ModelAdmin's own word."""
        generation = obj.generation
        return f"{generation.model}, {generation.dimensions}, {generation.metric}"

    @admin.display
    def size(self, obj: Collection) -> str:
        """On disk."""
        return amount(getattr(obj, "stored_bytes", None), Unit.BYTES)

    @admin.display(description="index", ordering="active__index_state")
    def index_state(self, obj: Collection) -> str:
        """Of the active generation."""
        state = IndexState(obj.generation.index_state)
        return label(state.value, STATES.get(state, ""))

    @admin.display(ordering="recall")
    def recall(self, obj: Any) -> str:
        """The lower of both."""
        return shown_recall(obj.recall)

    @admin.display(ordering="document_count")
    def documents(self, obj: Collection) -> str:
        """How many, with the way to their list."""
        url = reverse("admin:embeddings_document_changelist")
        return format_html(
            '<a class="underline" href="{}?collection={}">{}</a>',
            url,
            obj.pk,
            f"{obj.document_count:,}",
        )
