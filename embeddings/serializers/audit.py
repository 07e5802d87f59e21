"""The audit on the wire, and as files."""

import csv
import io
import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from rest_framework import serializers

from accounts.models import AuditEntry, Outcome
from embeddings.serializers.fields import CollectionNameField, StringField
from embeddings.serializers.paging import CursorField, PageQuery
from embeddings.serializers.spreadsheet import cell
from embeddings.services.audit import AuditWanted, Key

MAX_CHARS = 500
OUTCOMES = [outcome.value for outcome in Outcome]


def entry_key(entry: AuditEntry) -> str:
    """Where a page ends."""
    return f"{entry.at.isoformat()} {entry.pk}"


def _parse_key(text: str) -> Key:
    at, _, pk = text.partition(" ")
    parsed = datetime.fromisoformat(at)
    if parsed.tzinfo is None or not 0 < int(pk) < 2**63:
        raise ValueError
    return parsed, int(pk)


class AuditQuery(PageQuery):
    """Which entries a list shows."""

    cursor = CursorField(parse=_parse_key, required=False)
    user = StringField(required=False, max_length=MAX_CHARS, help_text="A username.")
    event = serializers.RegexField(
        r"^[a-z_]+\.([a-z_]+)?\Z",
        required=False,
        max_length=MAX_CHARS,
        help_text="Such as `collection.create`, or `collection.` for all that begin so.",
    )
    object_type = StringField(required=False, max_length=MAX_CHARS)
    object_id = StringField(required=False, max_length=MAX_CHARS)
    collection = CollectionNameField(required=False)
    outcome = serializers.ChoiceField(choices=OUTCOMES, required=False)
    address = serializers.IPAddressField(required=False)
    request_id = StringField(required=False, max_length=64)
    since = serializers.DateTimeField(required=False, default_timezone=UTC)
    until = serializers.DateTimeField(required=False, default_timezone=UTC)


def audit_wanted(query: Mapping[str, Any]) -> AuditWanted:
    """What a valid AuditQuery asks for."""
    values = {name: value for name, value in query.items() if name not in ("limit", "cursor")}
    outcome = values.pop("outcome", None)
    return AuditWanted(**values, outcome=outcome and Outcome(outcome))


class AuditEntryResponse(serializers.Serializer[Any]):
    """One act."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    user = serializers.CharField(help_text="Empty for a stranger, and for the service itself.")
    user_id = serializers.IntegerField(allow_null=True)
    token_id = serializers.IntegerField(allow_null=True)
    credential = serializers.CharField(
        help_text="`api_token`, `jwt`, `oauth`, `mtls`, `session`, `job`, `command` or `system`;"
        " empty for a stranger."
    )
    address = serializers.CharField(help_text="Of the client, as far as trusted proxies tell it.")
    request_id = serializers.CharField()
    event = serializers.CharField()
    object_type = serializers.CharField()
    object_id = serializers.CharField(help_text="Of a document the hash that is its inner id.")
    collection = serializers.CharField(allow_null=True, help_text="Its name now.")
    collection_id = serializers.UUIDField(allow_null=True)
    before = serializers.DictField(
        allow_null=True, help_text="What was changed; texts and secrets as keyed hashes."
    )
    after = serializers.DictField(allow_null=True)
    outcome = serializers.ChoiceField(choices=OUTCOMES)


class AuditResponse(serializers.Serializer[Any]):
    """A page of the audit, newest first."""

    entries = AuditEntryResponse(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def entry_json(entry: AuditEntry, names: Mapping[uuid.UUID, str]) -> dict[str, Any]:
    """AuditEntryResponse."""
    pk = entry.collection_id
    return {
        "id": entry.pk,
        "at": entry.at,
        "user": entry.username,
        "user_id": entry.user_id,
        "token_id": entry.token_id,
        "credential": entry.credential,
        "address": entry.address,
        "request_id": entry.request_id,
        "event": entry.event,
        "object_type": entry.object_type,
        "object_id": entry.object_id,
        "collection": None if pk is None else names.get(pk),
        "collection_id": pk,
        "before": entry.before,
        "after": entry.after,
        "outcome": entry.outcome,
    }


def audit_ndjson(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """A line of JSON for each."""
    for entry in entries:
        yield json.dumps(entry, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n"


def audit_csv(entries: Iterator[dict[str, Any]]) -> Iterator[str]:
    """A row for each, behind a line of names."""
    for number, entry in enumerate(entries):
        line = io.StringIO()
        writer = csv.DictWriter(line, fieldnames=list(entry))
        if not number:
            writer.writeheader()
        writer.writerow({name: _cell(value) for name, value in entry.items()})
        yield line.getvalue()


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else cell(value)
