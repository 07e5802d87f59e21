"""The ledger of use in the console: read, and nothing else."""

from django.contrib import admin

from embeddings.admin.read_only import ReadOnly
from embeddings.models import Usage


@admin.register(Usage)
class UsageAdmin(ReadOnly):
    """A row for each day, user, team, token, collection and model."""

    list_display = (
        *("day", "user_id", "team_id", "token_id", "collection_id", "model", "requests"),
        *("tokens", "cached_tokens", "compute_ms", "documents", "storage_bytes", "cost"),
    )
    list_filter = ("day", "model")
    date_hierarchy = "day"
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("=user__username", "=collection__name", "model")
