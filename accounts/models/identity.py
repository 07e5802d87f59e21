"""Who somebody from elsewhere is here."""

from django.conf import settings
from django.db import models

CERTIFICATES = "certificate"
"""The issuer of whoever comes with a client certificate."""


class Identity(models.Model):
    """The user that a subject of an issuer stands for: of signed tokens by the issuer's URL, of
    client certificates by their distinguished name.

    An issuer names its own subjects alone, so that none of them can be taken for a user here.
    """

    issuer = models.CharField(
        max_length=255,
        default=CERTIFICATES,
        help_text="As its tokens name it; `certificate` for client certificates.",
    )
    subject = models.CharField(
        max_length=500,
        help_text="The claim that names the caller; of a certificate its distinguished name, such"
        " as CN=reports,O=Example.",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities"
    )
    claims_at = models.BigIntegerField(
        null=True,
        editable=False,
        help_text="When the newest token was signed whose role was taken.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["issuer", "subject"]
        verbose_name_plural = "identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="accounts_identity_subject")
        ]

    def __str__(self) -> str:
        return f"{self.issuer}: {self.subject}"
