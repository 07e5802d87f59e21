"""The row a caller polls while a worker does the work."""

import json
import uuid
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.policy import SITE_ROLE_ACTIONS, Action
from accounts.principal import Principal
from embeddings.constants import JobKind, JobState
from embeddings.models.collection import Collection


class JobQuerySet(models.QuerySet["Job"]):
    """The one door to jobs."""

    def visible_to(self, principal: Principal, action: Action) -> Self:
        """The principal's own jobs and those on collections that it operates, or all of them where
        the site role allows the action. Each names its collection if the principal sees that.
        """
        if not principal.in_scope(action):
            return self.none()
        rows = self
        if principal.collections is not None:
            rows = rows.filter(collection_id__in=principal.collections)
        if principal.row_filter is not None:
            # Others tell of documents that this credential does not show, as an index's job does,
            # whoever's write was the one that made it due.
            shown = json.loads(principal.row_filter)
            rows = rows.filter(row_filter=shown, kind=JobKind.IMPORT.value)
        seen = Collection.objects.visible_to(principal, Action.READ)
        name = seen.filter(pk=models.OuterRef("collection_id")).values("name")
        rows = rows.annotate(shown_collection=models.Subquery(name))
        if action in SITE_ROLE_ACTIONS[principal.role]:
            return rows
        operated = Collection.objects.visible_to(principal, Action.OPERATE).values("pk")
        return rows.filter(
            models.Q(owner_id=principal.user_id) | models.Q(collection_id__in=operated)
        )


class Job(models.Model):
    """Long work: who asked, how far it is, how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="jobs"
    )
    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.SET_NULL, null=True, related_name="jobs"
    )
    kind = models.CharField(max_length=32, choices=[(k.value, k.value) for k in JobKind])
    state = models.CharField(
        max_length=16,
        choices=[(s.value, s.value) for s in JobState],
        default=JobState.QUEUED.value,
    )
    params = models.JSONField(default=dict)
    row_filter = models.JSONField(
        null=True,
        editable=False,
        help_text="Of the credential that started it: what every document has to pass.",
    )
    token = models.ForeignKey(
        "accounts.ApiToken",
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        help_text="What started it, whose limits hold for it.",
    )
    done = models.BigIntegerField(default=0, help_text="Where a job that is taken over goes on.")
    total = models.BigIntegerField(null=True)
    rate = models.FloatField(null=True, help_text="Done in a second, since the last start.")
    result = models.JSONField(default=dict)
    refused = models.JSONField(
        default=list, help_text="The first lines of an import that were refused, with the reasons."
    )
    error = models.TextField(blank=True, default="", help_text="What went wrong, safe to show.")
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Starts since the last progress."
    )
    lease = models.UUIDField(
        null=True,
        editable=False,
        help_text="Held by the worker that runs the job; whoever lost it can't write any more.",
    )
    request_id = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = JobQuerySet.as_manager()

    shown_collection: str | None = None
    """The name of its collection, if whoever asked for the job sees that: it may be another now."""

    class Meta:
        db_table = "jobs"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["-created_at", "-id"], name="jobs_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def seconds(self) -> float:
        """Time from the first start to the end; 0 where one of them is missing."""
        if self.started_at is None or self.finished_at is None:
            return 0.0
        return (self.finished_at - self.started_at).total_seconds()


class JobPart(models.Model):
    """A piece of a job's input, kept in the database so that any worker can take the job over."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="parts")
    ordinal = models.IntegerField()
    first_line = models.BigIntegerField(help_text="Number of the part's first line in the input.")
    content = models.BinaryField(help_text="Whole lines, gzip-compressed.")

    class Meta:
        db_table = "job_parts"
        constraints = [models.UniqueConstraint(fields=["job", "ordinal"], name="job_part_ordinal")]

    def __str__(self) -> str:
        return f"{self.job_id} part {self.ordinal}"
