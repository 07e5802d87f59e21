"""The ledger of use on the wire, as JSON and as CSV."""

import csv
import io
from datetime import date
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from embeddings.serializers.base import RequestSerializer
from embeddings.serializers.spreadsheet import cell
from embeddings.types.usage import UsageField, UsageQuery, UsageReport

DEFAULT_GROUPS = (UsageField.DAY, UsageField.MODEL)


class GroupsField(serializers.CharField):
    """Names of fields, separated by commas."""

    default_error_messages = {
        "unknown": "Choose from {known}, each once.",
    }

    def to_internal_value(self, data: Any) -> tuple[UsageField, ...]:  # type: ignore[override]
        """The fields. Raises ValidationError."""
        names = super().to_internal_value(data).split(",")
        known = [field.value for field in UsageField]
        if len(set(names)) != len(names) or not set(names) <= set(known):
            self.fail("unknown", known=", ".join(known))
        return tuple(UsageField(name) for name in names)


class UsageRequest(RequestSerializer):
    """The query of a report."""

    start = serializers.DateField(
        required=False, help_text="The first day, by UTC; without it, of the last one's month."
    )
    end = serializers.DateField(required=False, help_text="The last day, by UTC; else today.")
    group_by = GroupsField(
        required=False,
        help_text="Of `day`, `user`, `team`, `token`, `collection` and `model`, separated by"
        " commas; else `day,model`.",
    )
    user = serializers.CharField(required=False, help_text="Its use alone.")
    team = serializers.CharField(required=False, help_text="What went on its account alone.")
    collection = serializers.CharField(required=False, help_text="The use of it alone.")
    model = serializers.CharField(required=False, help_text="The use of it alone.")


class AmountsResponse(serializers.Serializer[Any]):
    """How much it was."""

    requests = serializers.IntegerField(help_text="Each search of a batch is one.")
    tokens = serializers.IntegerField(help_text="Of the texts, cached ones too.")
    cached_tokens = serializers.IntegerField(help_text="That no model had to read.")
    compute_ms = serializers.FloatField(help_text="Time that models took, waiting included.")
    documents = serializers.IntegerField(help_text="Added or changed.")
    storage_gib_days = serializers.FloatField(help_text="GiB of collections, each day anew.")
    cost = serializers.FloatField(help_text="By the prices of each day.")


class UsageRowResponse(AmountsResponse):
    """The sums of one group; it has the columns that `group_by` names, with a null name for what is
    gone, or not yours to see.
    """

    day = serializers.DateField(required=False)
    user = serializers.CharField(required=False, allow_null=True)
    user_id = serializers.IntegerField(required=False)
    team = serializers.CharField(required=False, allow_null=True)
    team_id = serializers.IntegerField(required=False, allow_null=True)
    token = serializers.CharField(required=False, allow_null=True, help_text="Its key.")
    token_name = serializers.CharField(required=False, allow_null=True)
    token_id = serializers.IntegerField(required=False, allow_null=True)
    collection = serializers.CharField(required=False, allow_null=True)
    collection_id = serializers.UUIDField(required=False, allow_null=True)
    model = serializers.CharField(required=False)


class UsageReportResponse(serializers.Serializer[Any]):
    """A row for each group, in the order of the groups."""

    start = serializers.DateField()
    end = serializers.DateField()
    rows = UsageRowResponse(many=True)
    total = AmountsResponse()


def usage_query(data: dict[str, Any]) -> UsageQuery:
    """What the validated fields ask for."""
    end: date = data.get("end") or timezone.now().date()
    return UsageQuery(
        start=data.get("start") or end.replace(day=1),
        end=end,
        group_by=data.get("group_by", DEFAULT_GROUPS),
        user=data.get("user"),
        team=data.get("team"),
        collection=data.get("collection"),
        model=data.get("model"),
    )


def usage_json(report: UsageReport) -> dict[str, Any]:
    """The report."""
    query = report.query
    return {"start": query.start, "end": query.end, "rows": report.rows, "total": report.total}


def usage_csv(report: dict[str, Any]) -> str:
    """The rows of the report, with a line of names; without rows, the sums of nothing."""
    rows = report["rows"] or [report["total"]]
    lines = io.StringIO()
    writer = csv.DictWriter(lines, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in row.items()} for row in rows)
    return lines.getvalue()
