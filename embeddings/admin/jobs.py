"""Jobs in the console: watched, cancelled and retried."""

import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_GET
from procrastinate.contrib.django.admin import ProcrastinateJobAdmin
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.admin.theme import ModelAdmin
from accounts.console_page import session_may
from accounts.exceptions import Problem
from accounts.policy import Action
from embeddings.admin.asked_once import CONFIRMED, ask, fields_of_action
from embeddings.admin.display import pretty_json
from embeddings.admin.job_display import live_rows, shown_job, told_job
from embeddings.admin.job_steps import CANCEL, RETRY, STEPS, Step
from embeddings.models import Job
from embeddings.services.jobs import delete_job

SHOWN_REFUSED = 200
MOST_WATCHED = ModelAdmin.list_per_page

admin.site.unregister(ProcrastinateJob)


@admin.register(ProcrastinateJob)
class QueueAdmin(ModelAdmin, ProcrastinateJobAdmin):
    """The queue behind the jobs, for watching: whatever is done to one is done to its own row."""

    actions = []


@admin.register(Job)
class JobAdmin(ModelAdmin):
    """Read-only, but for what cancels and what retries. What is shown of a job that is under way
    goes on with it.
    """

    list_display = ("title", "shown_state", "progress", "owner", "collection", "created", "took")
    list_display_links = ("title",)
    list_filter = ("state", "kind")
    search_fields = ("=id", "=request_id", "owner__username", "collection__name")
    actions = ("cancel", "retry")
    list_before_template = "console/jobs_live.html"

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

    def has_operate_permission(self, request: HttpRequest, *_: Any) -> bool:
        """As in the API."""
        return session_may(request, Action.OPERATE)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """Without the refused lines, which are long, and which the page of one job reads."""
        jobs: QuerySet[Job] = super().get_queryset(request)
        return jobs.select_related("owner", "collection").defer("refused")

    def get_urls(self) -> list[URLPattern]:
        """With the pages that ask before a step, and what refreshes the list."""
        wrap = self.admin_site.admin_view
        own = [
            path("progress/", wrap(self.progress_view), name="embeddings_job_progress"),
            *(
                path(
                    f"<path:object_id>/{step.name}/",
                    wrap(partial(self.step_view, step=step)),
                    name=f"embeddings_job_{step.name}",
                )
                for step in STEPS
            ),
        ]
        return [*own, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The job; what htmx asks for is what changes while it is under way."""
        job = self._job(request, object_id)
        if request.method != "GET":
            raise PermissionDenied
        told = {
            "shown": shown_job(job),
            "refused": job.refused[:SHOWN_REFUSED],
            "refused_count": len(job.refused),
            "params": pretty_json(job.params),
            "result": pretty_json(job.result),
            "may_operate": self.has_operate_permission(request),
            "may_delete": self.has_delete_permission(request, job),
        }
        if request.headers.get("HX-Request") == "true":
            return render(request, "console/job_live.html", {**told, "again": True})
        frame = self.admin_site.each_context(request)
        title = f"{job.kind} {str(job.pk)[:8]}"
        context = {**frame, **told, "title": title, "opts": self.opts}
        return TemplateResponse(request, "console/job.html", context)

    @method_decorator(require_GET)
    def progress_view(self, request: HttpRequest) -> HttpResponse:
        """Cells of the rows that are asked for, each to take the place of the one that is there."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = []
        for each in request.GET.getlist("id")[:MOST_WATCHED]:
            with suppress(ValueError):
                ids.append(uuid.UUID(each))
        jobs = self.get_queryset(request).filter(pk__in=ids)
        return render(request, "console/job_rows.html", live_rows(jobs))

    def step_view(self, request: HttpRequest, object_id: str, *, step: Step) -> HttpResponse:
        """Asks, says what it touches, then does it."""
        job = self._job(request, object_id)
        if not self.has_operate_permission(request):
            raise PermissionDenied
        page = reverse("admin:embeddings_job_change", args=[job.pk])
        if request.method == "POST":
            self._take(request, step, [job])
            return HttpResponseRedirect(page)
        return self._ask(request, step, [job], back=page)

    @admin.action(description="Cancel jobs", permissions=["operate"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Those that have not ended yet, once it is confirmed."""
        return self._all(request, CANCEL, queryset)

    @admin.action(description="Retry jobs", permissions=["operate"])
    def retry(self, request: HttpRequest, queryset: QuerySet[Job]) -> HttpResponse | None:
        """Those that failed or are parked, once it is confirmed."""
        return self._all(request, RETRY, queryset)

    @admin.display(description="job", ordering="kind")
    def title(self, obj: Job) -> str:
        """Kind, and the beginning of the id."""
        return f"{obj.kind} {str(obj.pk)[:8]}"

    @admin.display(description="state", ordering="state")
    def shown_state(self, obj: Job) -> str:
        """With an icon."""
        return render_to_string("console/job_state.html", {"shown": shown_job(obj)})

    @admin.display
    def progress(self, obj: Job) -> str:
        """Done of the total, as a bar too."""
        return render_to_string("console/job_progress.html", {"shown": shown_job(obj)})

    @admin.display(description="created (UTC)", ordering="created_at")
    def created(self, obj: Job) -> str:
        """To the second."""
        return f"{obj.created_at:%Y-%m-%d %H:%M:%S}"

    @admin.display
    def took(self, obj: Job) -> str:
        """From its first start, until its end or now."""
        return shown_job(obj).took

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """With what refreshes the rows that are under way."""
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", None) or {}
        if "cl" in shown:
            shown["live"] = live_rows(shown["cl"].result_list)
        return response

    def _job(self, request: HttpRequest, object_id: str) -> Job:
        job: Job | None = self.get_object(request, unquote(object_id))
        if job is None:
            raise Http404
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return job

    def _all(self, request: HttpRequest, step: Step, jobs: Iterable[Job]) -> HttpResponse | None:
        if CONFIRMED in request.POST:
            self._take(request, step, jobs)
            return None
        fields = fields_of_action(request)
        return self._ask(request, step, list(jobs), back=request.get_full_path(), fields=fields)

    def _take(self, request: HttpRequest, step: Step, jobs: Iterable[Job]) -> None:
        taken = 0
        for job in jobs:
            try:
                step.take(job=job)
            except Problem as problem:
                messages.warning(request, f"{self.title(job)}: {problem.detail}")
            else:
                taken += 1
        if taken:
            messages.success(request, f"{step.done} {taken} {'job' if taken == 1 else 'jobs'}.")

    def _ask(
        self,
        request: HttpRequest,
        step: Step,
        jobs: list[Job],
        *,
        back: str,
        fields: Sequence[tuple[str, str]] = (),
    ) -> HttpResponse:
        what = "this job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        return ask(
            request,
            self.admin_site.each_context(request),
            title=step.title,
            about=step.touches,
            touches=[told_job(job) for job in jobs],
            fields=fields,
            back=back,
            verb=f"{step.verb} {what}",
            is_dangerous=step.is_dangerous,
        )
