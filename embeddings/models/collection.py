"""A named set of documents with one active generation."""

import uuid
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Now

from accounts.policy import OWNER_ACTIONS, SITE_ROLE_ACTIONS, Action
from accounts.principal import Principal
from embeddings.constants import COLLECTION_NAME_PATTERN, DEFAULT_LANGUAGE

if TYPE_CHECKING:
    from embeddings.models.generation import Generation


class CollectionQuerySet(models.QuerySet["Collection"]):
    """The one door to collections."""

    def visible_to(self, principal: Principal, action: Action) -> Self:
        """Those on which the principal may perform the action; none by default."""
        if action in SITE_ROLE_ACTIONS[principal.role]:
            return self
        if action in OWNER_ACTIONS:
            return self.filter(owner_id=principal.user_id)
        return self.none()


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
    def generation(self) -> "Generation":
        """The active generation, which every collection has from its first transaction on."""
        if self.active is None:
            raise RuntimeError(f"collection {self.pk} has no active generation")
        return self.active
