"""One login with a password, and what is left of it."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models


class Login(models.Model):
    """A family of refresh tokens of which only the newest is good.

    Of that one the id's hash is stored. An older one that comes back was copied, and ends the
    whole family.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="logins"
    )
    digest = models.BinaryField(max_length=32, editable=False)
    auth_hash = models.CharField(
        max_length=128,
        editable=False,
        help_text="Of the password, which ends it when changed.",
    )
    scopes = ArrayField(models.CharField(max_length=32), null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    refreshed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.id)
