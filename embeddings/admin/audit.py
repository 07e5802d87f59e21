"""The audit in the console: read, checked and taken along, and nothing else."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.exceptions import NotFound
from accounts.models import AuditEntry
from accounts.policy import Action
from accounts.services.audit_anchors import as_json
from accounts.services.audit_chain import Broken, current_anchors
from accounts.services.audit_checks import check_day, check_entry, day_states
from accounts.services.audit_days import audit_days
from embeddings.admin.differences import differences
from embeddings.admin.query_form import QueryForm, choice_field, text_field
from embeddings.serializers.audit import (
    OUTCOMES,
    AuditQuery,
    audit_csv,
    audit_ndjson,
    audit_wanted,
    entry_json,
    entry_key,
)
from embeddings.serializers.paging import page
from embeddings.services.audit import (
    AuditWanted,
    get_entry,
    list_entries,
    names_of,
    pages_of_entries,
)

PER_PAGE = 50
DAYS_SHOWN = 31
FORMATS = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


class AuditForm(QueryForm):
    """Who, what, when, where, and how it ended."""

    serializer = AuditQuery

    user = text_field("User", suggest="user")
    event = text_field("Event", help_text="Such as token.create, or token. for all of tokens.")
    object_type = text_field("Kind of object", help_text="Such as token.")
    object_id = text_field("Object")
    collection = text_field("Collection", suggest="collection")
    outcome = choice_field("Outcome", OUTCOMES)
    address = text_field("Address")
    request_id = text_field("Request")
    since = text_field("Since (UTC)", type="datetime-local")
    until = text_field("Until (UTC)", type="datetime-local")


class AuditPage(ConsolePage):
    """What they have in common: who may read the audit everywhere."""

    action = Action.AUDIT


@console_page
class AuditListPage(AuditPage):
    """Newest first, page after page, without counting."""

    path = "audit/"
    name = "audit"
    title = "Audit log"
    template_name = "console/audit.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """A page of what is asked for."""
        form = AuditForm(self.request.GET)
        cursor = self.request.GET.get("cursor")
        more = {"cursor": cursor} if cursor else {}
        query = form.asked(limit=PER_PAGE, **more)
        rows = [] if query is None else _rows(self.request, query)
        shown, next_cursor = page(rows, limit=PER_PAGE, key=entry_key)
        names = names_of(shown)
        return super().get_context_data(
            form=form,
            entries=[entry_json(entry, names) for entry in shown],
            filled=form.filled(),
            cursor=cursor,
            next_cursor=next_cursor,
            **kwargs,
        )


def _rows(request: HttpRequest, query: dict[str, Any]) -> list[AuditEntry]:
    return list_entries(
        principal=principal_of_session(request),
        wanted=audit_wanted(query),
        after=query.get("cursor"),
        limit=PER_PAGE + 1,
    )


@console_page
class AuditEntryPage(AuditPage):
    """One act, with what it changed side by side."""

    path = "audit/<int:pk>/"
    name = "audit_entry"
    title = "Audit entry"
    template_name = "console/audit_entry.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Raises Http404."""
        try:
            principal = principal_of_session(self.request)
            entry = get_entry(principal=principal, entry_id=kwargs["pk"])
        except NotFound:
            raise Http404 from None
        return super().get_context_data(
            entry=entry_json(entry, names_of([entry])),
            changes=differences(entry.before, entry.after),
            link=check_entry(entry=entry),
            **kwargs,
        )


@console_page
class AuditChainPage(AuditPage):
    """The last days, and whether they are what was written; checking a day is on record."""

    path = "audit/days/"
    name = "audit_days"
    title = "Audit days"
    template_name = "console/audit_days.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The days up to `?until=`, the newest first."""
        until = _day(self.request.GET.get("until")) or timezone.now().date()
        days = [day for day in audit_days() if day <= until]
        found = day_states(days=days[-DAYS_SHOWN:])
        earlier = days[-DAYS_SHOWN] - timedelta(days=1) if len(days) > DAYS_SHOWN else None
        return super().get_context_data(
            states=found.states[::-1],
            fault=found.fault,
            checks_are_known=found.checks_are_known,
            earlier=earlier,
            **kwargs,
        )

    def post(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """Check the day. Raises Http404."""
        day = _day(request.POST.get("day"))
        if day is None:
            raise Http404
        try:
            check = check_day(day=day)
        except NotFound:
            raise Http404 from None
        return self.render_to_response(self.get_context_data(check=check))


@console_page
class AuditAnchorsPage(AuditPage):
    """Anchors, to be kept where nobody who writes to the database comes."""

    path = "audit/anchors/"
    name = "audit_anchors"
    title = "Audit anchors"

    def get(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """A file as `export_audit_anchor` makes it; 409 where the audit is not what was written."""
        try:
            lines = "".join(json.dumps(as_json(anchor)) + "\n" for anchor in current_anchors())
        except Broken as broken:
            return HttpResponse(f"{broken}\n", status=409, content_type="text/plain")
        return HttpResponse(lines, FORMATS["ndjson"], headers=_attached("audit-anchors.ndjson"))


@console_page
class AuditExportPage(AuditPage):
    """What a filter finds, as a file of any length."""

    path = "audit/export/<str:kind>/"
    name = "audit_export"
    title = "Export of the audit"

    def get(self, request: HttpRequest, *_: Any, **kwargs: Any) -> Any:
        """Entry after entry. Raises Http404 for a kind that is none; 400 where the filter is."""
        kind = kwargs["kind"]
        if kind not in FORMATS:
            raise Http404
        query = AuditForm(request.GET).asked()
        if query is None:
            return HttpResponse("The filter is not well formed.\n", "text/plain", 400)
        entries = _entries(request, audit_wanted(query))
        lines = audit_csv(entries) if kind == "csv" else audit_ndjson(entries)
        headers = _attached(f"audit.{kind}")
        content_type = f"{FORMATS[kind]}; charset=utf-8"
        return StreamingHttpResponse(lines, content_type=content_type, headers=headers)


def _entries(request: HttpRequest, wanted: AuditWanted) -> Iterator[dict[str, Any]]:
    for entries in pages_of_entries(principal=principal_of_session(request), wanted=wanted):
        names = names_of(entries)
        yield from (entry_json(entry, names) for entry in entries)


def _attached(filename: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{filename}"'}


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
