"""The audit in the console: read, and nothing else."""

from django.contrib import admin

from accounts.models import AuditEntry
from embeddings.admin.display import pretty_json
from embeddings.admin.paging import BoundedPaginator
from embeddings.admin.read_only import ReadOnly


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    """Newest first; the database would refuse a change, too."""

    list_display = (
        "at",
        "username",
        "credential",
        "address",
        "event",
        "object_type",
        "object_id",
        "outcome",
    )
    list_filter = ("outcome", "credential")
    search_fields = (
        "=username",
        "event__startswith",
        "=object_id",
        "=collection_id",
        "=request_id",
        "=address",
    )
    search_help_text = "A username, the beginning of an event, or a whole id or address."
    list_per_page = 50
    paginator = BoundedPaginator
    show_full_result_count = False
    fields = (
        "id",
        "at",
        "username",
        "user_id",
        "credential",
        "token_id",
        "address",
        "request_id",
        "event",
        "object_type",
        "object_id",
        "collection_id",
        "pretty_before",
        "pretty_after",
        "outcome",
    )

    @admin.display(description="before")
    def pretty_before(self, obj: AuditEntry) -> str:
        """Indented."""
        return pretty_json(obj.before)

    @admin.display(description="after")
    def pretty_after(self, obj: AuditEntry) -> str:
        """Indented."""
        return pretty_json(obj.after)
