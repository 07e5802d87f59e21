"""A credential for programs, of which only a keyed hash is stored."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.models.limits import Limits
from accounts.policy import Action


class ApiToken(Limits):
    """`emb_<key>_<secret><checksum>`: the key finds the row, the secret proves the caller.

    It stands for its user, and each of scopes, collections, row filter, networks and limits that
    is not null narrows that.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100, help_text="What the token is for.")
    key = models.CharField(max_length=16, unique=True, editable=False)
    digest = models.BinaryField(max_length=32, editable=False)
    pepper_id = models.CharField(
        max_length=16, default="", editable=False, help_text="Which key made the digest."
    )
    scopes = ArrayField(
        models.CharField(max_length=32, choices=[(a.value, a.value) for a in Action]),
        null=True,
        blank=True,
        help_text="The actions it may be used for.",
    )
    collections = ArrayField(
        models.UUIDField(), null=True, blank=True, help_text="Ids of the collections it may touch."
    )
    row_filter = models.JSONField(
        null=True, blank=True, help_text="Metadata filter that each document has to pass."
    )
    networks = ArrayField(
        models.CharField(max_length=49),
        null=True,
        blank=True,
        help_text="Addresses that it may come from, such as 10.0.0.0/8.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API token"

    def __str__(self) -> str:
        return f"emb_{self.key}_…"
