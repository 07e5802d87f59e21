"""Jobs on the wire."""

import uuid
from datetime import datetime
from typing import Any

from rest_framework import serializers

from embeddings.constants import JobKind, JobState
from embeddings.models import Job
from embeddings.serializers.fields import CollectionNameField
from embeddings.serializers.paging import CursorField, PageQuery


def job_key(job: Job) -> str:
    """Where a page ends."""
    return f"{job.created_at.isoformat()} {job.pk}"


def _parse_key(text: str) -> tuple[datetime, uuid.UUID]:
    created_at, _, pk = text.partition(" ")
    parsed = datetime.fromisoformat(created_at)
    if parsed.tzinfo is None:
        raise ValueError
    return parsed, uuid.UUID(pk)


class JobQuery(PageQuery):
    """Which jobs a list shows."""

    cursor = CursorField(parse=_parse_key, required=False)
    state = serializers.ChoiceField(choices=[state.value for state in JobState], required=False)
    kind = serializers.ChoiceField(choices=[kind.value for kind in JobKind], required=False)
    collection = CollectionNameField(required=False)


class RefusedLine(serializers.Serializer[Any]):
    """A line of an import that is no document, and why."""

    line = serializers.IntegerField()
    param = serializers.CharField(allow_null=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class JobInList(serializers.Serializer[Any]):
    """A job."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=[kind.value for kind in JobKind])
    state = serializers.ChoiceField(choices=[state.value for state in JobState])
    owner = serializers.CharField()
    collection = serializers.CharField(
        allow_null=True, help_text="null where you don't see it, or it was deleted."
    )
    done = serializers.IntegerField(help_text="Lines, texts or chunks that are dealt with.")
    total = serializers.IntegerField(allow_null=True)
    rate = serializers.FloatField(allow_null=True, help_text="Done in a second.")
    result = serializers.DictField(
        help_text="Of an import: how many were added, updated, unchanged, truncated and refused;"
        " of warming: how many texts, how many of them cached before, and their tokens; of an"
        " index, while it is built: PostgreSQL's `phase`; of recall: what was measured."
    )
    error = serializers.CharField(help_text="What went wrong; empty when nothing did.")
    attempts = serializers.IntegerField(help_text="Starts since the last progress.")
    request_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class JobResponse(JobInList):
    """A job in full."""

    refused = RefusedLine(many=True, help_text="The first 1,000 refused lines of an import.")


class JobsResponse(serializers.Serializer[Any]):
    """A page of jobs, newest first."""

    jobs = JobInList(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


def job_in_list_json(job: Job) -> dict[str, Any]:
    """JobInList."""
    return {
        "id": job.pk,
        "kind": job.kind,
        "state": job.state,
        "owner": job.owner.username,
        "collection": job.shown_collection,
        "done": job.done,
        "total": job.total,
        "rate": job.rate,
        "result": job.result,
        "error": job.error,
        "attempts": job.attempts,
        "request_id": job.request_id,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def job_json(job: Job) -> dict[str, Any]:
    """JobResponse."""
    return {**job_in_list_json(job), "refused": job.refused}
