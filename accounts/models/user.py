"""The person or service behind a request."""

from django.contrib.auth.models import AbstractUser
from django.db import models

from accounts.policy import SiteRole
from accounts.principal import Principal


class User(AbstractUser):
    """Django's user with a role in the whole service; a superuser is always an admin."""

    role = models.CharField(
        max_length=16,
        choices=[(role.value, role.value) for role in SiteRole],
        default=SiteRole.MEMBER.value,
        help_text="member: own collections; operator: reads and operates all; admin: everything.",
    )

    @property
    def site_role(self) -> SiteRole:
        """The role that the policy goes by."""
        return SiteRole.ADMIN if self.is_superuser else SiteRole(self.role)

    def as_principal(self, *, token_id: int | None = None) -> Principal:
        """This user as the caller of a request."""
        return Principal(
            user_id=self.pk, username=self.username, role=self.site_role, token_id=token_id
        )
