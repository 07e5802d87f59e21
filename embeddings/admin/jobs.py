"""Jobs in the console: watched and cancelled."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.admin.theme import ModelAdmin
from accounts.console_page import session_may
from accounts.policy import Action
from embeddings.admin.display import pretty_json
from embeddings.exceptions import JobFinished
from embeddings.models import Job
from embeddings.services.jobs import cancel_job, delete_job

admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class QueueAdmin(ModelAdmin, ProcrastinateJobAdmin):  # type: ignore[misc,metaclass,type-var]
    """The queue behind the jobs, for watching: whatever is done to one is done to its own row."""

    actions: ClassVar[list[Any]] = []


@admin.register(Job)
class JobAdmin(ModelAdmin):
    """Read-only, but for the action that cancels."""

    list_display = (
        "id",
        "kind",
        "state",
        "owner",
        "collection",
        "progress",
        "created_at",
        "finished_at",
    )
    list_filter = ("state", "kind")
    list_select_related = ("owner", "collection")
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("=id", "=request_id", "owner__username", "collection__name")
    actions = ("cancel",)
    fields = (
        "id",
        "kind",
        "state",
        "owner",
        "collection",
        "progress",
        "rate",
        "attempts",
        "error",
        "pretty_params",
        "pretty_result",
        "pretty_refused",
        "request_id",
        "created_at",
        "started_at",
        "finished_at",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Jobs are started by what they do."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """Their workers write them."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """Only with the owner's account, and only those that have ended."""
        if obj is None or obj.finished_at is None:
            return False
        return super().has_delete_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Job) -> None:
        """Through the service."""
        delete_job(job=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """One after the other."""
        for job in queryset:
            delete_job(job=job)

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """As in the API."""
        return session_may(request, Action.OPERATE)

    @admin.action(description="Cancel selected jobs", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> None:
        """Those that have not ended yet."""
        cancelled = 0
        for job in queryset:
            try:
                cancel_job(job=job)
            except JobFinished as error:
                messages.warning(request, f"{job}: {error.detail}")
                continue
            cancelled += 1
            self.log_change(request, job, "Cancelled.")
        messages.success(request, f"Cancelled {cancelled}.")

    @admin.display
    def progress(self, obj: Job) -> str:
        """Done of the total."""
        return f"{obj.done} of {'?' if obj.total is None else obj.total}"

    @admin.display(description="parameters")
    def pretty_params(self, obj: Job) -> str:
        """Indented."""
        return pretty_json(obj.params)

    @admin.display(description="result")
    def pretty_result(self, obj: Job) -> str:
        """Indented."""
        return pretty_json(obj.result)

    @admin.display(description="refused lines")
    def pretty_refused(self, obj: Job) -> str:
        """Indented."""
        return pretty_json(obj.refused)
