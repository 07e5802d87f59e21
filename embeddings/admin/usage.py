"""The ledger of use in the console: summed as one asks for it, and taken along as CSV."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts.console_page import ConsolePage, console_page, principal_of_session
from accounts.policy import Action
from embeddings.admin.faults import tell
from embeddings.admin.query_form import QueryForm, text_field
from embeddings.exceptions import InvalidRequest
from embeddings.serializers.usage import UsageRequest, usage_csv, usage_json, usage_query
from embeddings.services.usage_report import usage_report
from embeddings.types.usage import UsageField, UsageReport

FIELDS = [field.value for field in UsageField]
AMOUNTS = {
    "requests": "Requests",
    "tokens": "Tokens",
    "cached_tokens": "Cached tokens",
    "compute_ms": "Model time (ms)",
    "documents": "Documents",
    "storage_gib_days": "GiB days",
    "cost": "Cost",
}
SHOWN_ROWS = 500
"""Of the others the CSV has all."""


class UsageForm(QueryForm):
    """Whose use, of which days, summed by what."""

    serializer = UsageRequest

    start = text_field("First day (UTC)", type="date")
    end = text_field("Last day (UTC)", type="date")
    user = text_field("User", suggest="user")
    team = text_field("Team", suggest="team")
    collection = text_field("Collection", suggest="collection")
    model = text_field("Model")
    group_by = forms.MultipleChoiceField(
        required=False,
        label="Summed by",
        choices=[(field, field) for field in FIELDS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )

    def clean_group_by(self) -> str:
        """As the API takes it."""
        return ",".join(self.cleaned_data["group_by"])

    def report(self, request: HttpRequest) -> UsageReport | None:
        """What is asked for; None where something is at fault, which the form then tells."""
        asked = self.asked()
        if asked is None:
            return None
        try:
            return usage_report(principal=principal_of_session(request), query=usage_query(asked))
        except InvalidRequest as problem:
            tell(self, problem)
            return None


@console_page
class UsagePage(ConsolePage):
    """Who has used how much, and what it costs."""

    path = "usage/"
    name = "usage"
    title = "Usage"
    action = Action.OPERATE
    template_name = "console/usage.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The report as a table."""
        form = UsageForm(self.request.GET)
        report = form.report(self.request)
        shown = {} if report is None else _table(report)
        return super().get_context_data(form=form, filled=form.filled(), **shown, **kwargs)


@console_page
class UsageCsvPage(ConsolePage):
    """The same as CSV."""

    path = "usage/csv/"
    name = "usage_csv"
    title = "Usage as CSV"
    action = Action.OPERATE

    def get(self, request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
        """400 where the query is not well formed."""
        report = UsageForm(request.GET).report(request)
        if report is None:
            return HttpResponse("The query is not well formed.\n", "text/plain", 400)
        headers = {"Content-Disposition": 'attachment; filename="usage.csv"'}
        return HttpResponse(
            usage_csv(usage_json(report)), "text/csv; charset=utf-8", headers=headers
        )


def _table(report: UsageReport) -> dict[str, Any]:
    groups = report.query.group_by
    return {
        "query": report.query,
        "groups": [group.value for group in groups],
        "amounts": AMOUNTS.values(),
        "rows": [
            ([_name(row, group) for group in groups], [_amount(row[each]) for each in AMOUNTS])
            for row in report.rows[:SHOWN_ROWS]
        ],
        "left_out": max(len(report.rows) - SHOWN_ROWS, 0),
        "total": [_amount(report.total[each]) for each in AMOUNTS],
    }


def _amount(value: float) -> str:
    """To four digits behind the point, where there are any."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}".rstrip("0").rstrip(".")


def _name(row: dict[str, Any], group: UsageField) -> Any:
    """The name; of what is gone, the id; nothing where nothing is meant."""
    if group in (UsageField.DAY, UsageField.MODEL):
        return row[group.value]
    named = row["token_name"] if group == UsageField.TOKEN else row[group.value]
    pk = row[f"{group.value}_id"]
    if named is None:
        return "none" if pk is None else f"{pk} (deleted)"
    return named
