"""A credential for programs, of which only a keyed hash is stored."""

import json
from datetime import datetime
from functools import cached_property
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from accounts.allowance import Allowance
from accounts.models.limits import Limits
from accounts.narrowing import Narrowing
from accounts.policy import Action
from accounts.principal import Principal


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """The one door to tokens."""

    def visible_to(self, principal: Principal) -> Self:
        """All to an administrator, its own to a user; to a narrowed credential only itself and what
        it minted, which is no wider.
        """
        if not principal.in_scope(Action.TOKENS):
            return self.none()
        if principal.may(Action.ADMINISTER):
            return self
        if not principal.is_narrowed:
            return self.filter(user_id=principal.user_id)
        if principal.token_id is None:
            return self.none()
        mine = models.Q(pk=principal.token_id)
        return self.filter(mine | models.Q(ancestors__contains=[principal.token_id]))

    def live(self) -> Self:
        """Neither revoked nor expired."""
        now = timezone.now()
        unexpired = models.Q(expires_at=None) | models.Q(expires_at__gt=now)
        return self.filter(unexpired, revoked_at=None)


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
    previous_digest = models.BinaryField(max_length=32, null=True, editable=False)
    previous_until = models.DateTimeField(
        null=True, editable=False, help_text="Until then the secret before the last also serves."
    )
    ancestors = ArrayField(
        models.BigIntegerField(),
        default=list,
        editable=False,
        help_text="Ids of the token that it was minted by, and of those which that one was.",
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

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "API token"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(previous_digest=None, previous_until=None)
                | models.Q(previous_digest__isnull=False, previous_until__isnull=False),
                name="api_token_overlap_ends",
            ),
        ]

    account_kind = "token"

    inherited: tuple[Allowance, ...] = ()
    """Of its ancestors, set where the token is verified: what it uses counts as theirs, too."""

    def __str__(self) -> str:
        return f"emb_{self.key}_…"

    def as_principal(self) -> Principal:
        """Its user as the caller of a request, as far as the token goes."""
        narrowed = self.narrowing
        return self.user.as_principal(
            token_id=self.pk,
            scopes=narrowed.scopes,
            collections=narrowed.collections,
            row_filter=None if self.row_filter is None else json.dumps(self.row_filter),
            allowances=self.allowances + self.inherited,
        )

    @cached_property
    def principal(self) -> Principal:
        """As `as_principal` has it, made once: for a token that nobody changes."""
        return self.as_principal()

    def is_live(self, now: datetime) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    @property
    def narrowing(self) -> Narrowing:
        """What it leaves of its user's rights."""
        scopes = self.scopes
        return Narrowing(
            # A scope of an action that is no more opens nothing.
            scopes=None if scopes is None else frozenset(a for a in Action if a in scopes),
            collections=None if self.collections is None else frozenset(self.collections),
            row_filter=self.row_filter,
            networks=None if self.networks is None else tuple(self.networks),
            expires_at=self.expires_at,
            requests_per_minute=self.requests_per_minute,
            tokens_per_day=self.tokens_per_day,
            tokens_per_month=self.tokens_per_month,
        )
