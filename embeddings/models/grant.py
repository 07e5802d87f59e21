"""Who may do what with a collection, besides its owner."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now

from accounts.policy import Role
from embeddings.exceptions import InvalidFilter
from embeddings.types.filter import parse_filter


class Grant(models.Model):
    """A role of a user, or of a team's members, on a collection.

    With a row filter it opens the documents that the filter lets through, and no others. Several
    grants add up: what one of them opens is open.
    """

    collection = models.ForeignKey(
        "embeddings.Collection", on_delete=models.CASCADE, related_name="grants"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="grants",
    )
    team = models.ForeignKey(
        "accounts.Team", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    role = models.CharField(max_length=8, choices=[(role.value, role.value) for role in Role])
    row_filter = models.JSONField(
        null=True, blank=True, help_text="Metadata filter of the documents that it opens."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "grants"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user=None, team__isnull=False)
                | models.Q(user__isnull=False, team=None),
                name="grant_user_or_team",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]), name="grant_role"
            ),
            models.CheckConstraint(
                condition=~models.Q(role=Role.OWNER.value) | models.Q(row_filter__isnull=True),
                name="grant_owner_sees_all",
            ),
            models.UniqueConstraint(fields=["collection", "user", "role"], name="grant_user_once"),
            models.UniqueConstraint(fields=["collection", "team", "role"], name="grant_team_once"),
        ]

    def __str__(self) -> str:
        return f"{self.role} of {self.collection_id}"

    def clean(self) -> None:
        """What a form has to tell. Raises ValidationError."""
        if (self.user_id is None) == (self.team_id is None):
            raise ValidationError("Name a user or a team, and not both.")
        if self.row_filter is None:
            return
        if self.role == Role.OWNER:
            raise ValidationError({"row_filter": "An owner sees every document."})
        try:
            parse_filter(self.row_filter, param="row_filter")
        except InvalidFilter as problem:
            raise ValidationError({"row_filter": problem.detail}) from None

    @property
    def grantee(self) -> str:
        """The name of the user or the team."""
        return str(self.user or self.team)
