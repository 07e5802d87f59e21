"""A named set of documents with one active generation."""

import uuid
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.models import User
from accounts.policy import SITE_ROLE_ACTIONS, Action, roles_allowing
from accounts.principal import Principal
from embeddings.constants import COLLECTION_NAME_PATTERN, DEFAULT_LANGUAGE
from embeddings.exceptions import InvalidFilter
from embeddings.models.grant import Grant
from embeddings.types.filter import (
    NOTHING,
    MetadataFilter,
    all_of,
    any_of,
    json_filter,
    parse_filter,
)

if TYPE_CHECKING:
    from embeddings.models.generation import Generation


def grants_to(principal: Principal, action: Action) -> models.QuerySet[Grant]:
    """The grants of all collections that allow the principal the action."""
    teams = User.groups.through.objects.filter(user_id=principal.user_id).values("group_id")
    mine = models.Q(user_id=principal.user_id) | models.Q(team_id__in=teams)
    return Grant.objects.filter(mine, role__in=roles_allowing(action))


class Closed(Enum):
    """Stands for a filter that nobody has set."""

    CLOSED = "closed"


CLOSED = Closed.CLOSED


class CollectionQuerySet(models.QuerySet["Collection"]):
    """The one door to collections."""

    def visible_to(self, principal: Principal, action: Action) -> Self:
        """Those on which the principal may perform the action; none by default."""
        if not principal.in_scope(action):
            return self.none()
        rows = self
        if principal.collections is not None:
            rows = rows.filter(pk__in=principal.collections)
        if action in SITE_ROLE_ACTIONS[principal.role]:
            return rows
        if not roles_allowing(action):
            return self.none()
        granted = grants_to(principal, action).filter(collection_id=models.OuterRef("pk"))
        rows = rows.annotate(granted=ArraySubquery(granted.values("row_filter")))
        return rows.filter(models.Q(owner_id=principal.user_id) | models.Exists(granted))


class Collection(models.Model):
    """The identity and the settings; its documents live in a partition of their own."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(
        max_length=63, unique=True, validators=[RegexValidator(COLLECTION_NAME_PATTERN)]
    )
    description = models.CharField(max_length=1000, blank=True, default="")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="collections"
    )
    language = models.CharField(
        max_length=63,
        default=DEFAULT_LANGUAGE,
        editable=False,
        help_text="PostgreSQL's text search configuration for its documents.",
    )
    chunking = models.JSONField(
        default=dict, editable=False, help_text="How texts are cut; chosen when it is made."
    )
    metadata_schema = models.JSONField(
        default=dict, editable=False, help_text="The declared fields of the metadata."
    )
    redaction = models.JSONField(
        default=dict, editable=False, help_text="What is taken out of texts before they are stored."
    )
    active = models.OneToOneField(
        "embeddings.Generation", on_delete=models.SET_NULL, null=True, related_name="+"
    )
    document_count = models.BigIntegerField(default=0, editable=False)
    version = models.BigIntegerField(
        default=0, editable=False, help_text="Grows with every write to the documents."
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = CollectionQuerySet.as_manager()

    _row_filter: MetadataFilter | Closed | None = CLOSED
    shown_to: Principal | None = None
    """By narrow_to: whom the documents are shown to; None is the service itself."""
    granted: list[Any]
    """By visible_to: the row filters of the grants that open the collection, None for no filter."""

    class Meta:
        db_table = "collections"
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(name__regex=COLLECTION_NAME_PATTERN), name="collection_name"
            ),
            models.CheckConstraint(
                condition=models.Q(document_count__gte=0), name="collection_document_count"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def row_filter(self) -> MetadataFilter | None:
        """What every document that is read or written has to pass. Raises RuntimeError for a
        collection that did not come through the door: nothing is open by oversight.
        """
        if self._row_filter is CLOSED:
            raise RuntimeError(f"nobody said who sees collection {self.pk}")
        return self._row_filter

    def narrow_to(self, principal: Principal, action: Action) -> None:
        """Show the documents on which the principal may perform the action, and no others: none
        where what is stored as a row filter is none.
        """
        self.shown_to = principal
        try:
            self._row_filter = self._filter_for(principal, action)
        except (InvalidFilter, ValueError):
            self._row_filter = NOTHING

    def _filter_for(self, principal: Principal, action: Action) -> MetadataFilter | None:
        parts = [] if principal.row_filter is None else [json_filter(principal.row_filter)]
        whole = action in SITE_ROLE_ACTIONS[principal.role] or self.owner_id == principal.user_id
        if not whole and None not in self.granted:
            parts.append(any_of([parse_filter(spelled) for spelled in self.granted]))
        return all_of(parts) if parts else None

    def show_whole(self) -> Self:
        """Show all documents: for the service's own work, which shows them to nobody."""
        self.shown_to, self._row_filter = None, None
        return self

    @property
    def generation(self) -> "Generation":
        """The active generation, which every collection has from its first transaction on."""
        if self.active is None:
            raise RuntimeError(f"collection {self.pk} has no active generation")
        return self.active
