"""The person or service behind a request."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models

from accounts.allowance import Allowance
from accounts.models.limits import Limits
from accounts.policy import Action, SiteRole
from accounts.principal import Principal


class User(AbstractUser, Limits):
    """Django's user with a role in the whole service; a superuser is always an admin."""

    role = models.CharField(
        max_length=16,
        choices=[(role.value, role.value) for role in SiteRole],
        default=SiteRole.MEMBER.value,
        help_text="member: own collections; operator: reads and operates all; admin: everything.",
    )
    team = models.ForeignKey(
        "accounts.Team",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="paid_users",
        help_text="The team whose limits hold for the user too, and whose account the use goes on.",
    )

    account_kind = "user"

    @property
    def site_role(self) -> SiteRole:
        """The role that the policy goes by."""
        return SiteRole.ADMIN if self.is_superuser else SiteRole(self.role)

    @property
    def administers(self) -> bool:
        """Whether the service has an administrator in this user."""
        return self.is_active and self.site_role == SiteRole.ADMIN

    def as_principal(
        self,
        *,
        token_id: int | None = None,
        scopes: frozenset[Action] | None = None,
        collections: frozenset[uuid.UUID] | None = None,
        row_filter: str | None = None,
        allowances: tuple[Allowance, ...] = (),
    ) -> Principal:
        """This user as the caller of a request, as far as the credential goes; `allowances` are the
        credential's own, beside those of the user and of the team that pays.
        """
        return Principal(
            user_id=self.pk,
            username=self.username,
            role=self.site_role,
            token_id=token_id,
            team_id=self.team_id,
            scopes=scopes,
            collections=collections,
            row_filter=row_filter,
            allowances=allowances + self.allowances + (self.team.allowances if self.team else ()),
        )
