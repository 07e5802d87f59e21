"""Logins, identities, second factors and locks in the operators' console."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm
from django.http import HttpRequest
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.admin.administered import Administered
from accounts.models import Identity, Login
from accounts.services.audit import record
from accounts.services.callers import forget_callers
from accounts.services.identities import identity_state
from accounts.services.recorded import recorded

# Their own pages show secrets, or let them be chosen.
admin.site.unregister([AccessAttempt, AccessFailureLog, AccessLog, StaticDevice, TOTPDevice])


@admin.register(Identity)
class IdentityAdmin(Administered):
    """Who somebody from elsewhere is here."""

    list_display = ("subject", "issuer", "user", "created_at")
    list_filter = ("issuer",)
    search_fields = ("subject", "user__username")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)

    def save_model(
        self, request: HttpRequest, obj: Identity, form: ModelForm, change: bool
    ) -> None:
        """On record."""
        with recorded(noun="identity", row=obj, state=identity_state):
            super().save_model(request, obj, form, change)
        forget_callers()

    def delete_model(self, request: HttpRequest, obj: Identity) -> None:
        """On record, and refused at once."""
        with recorded(noun="identity", row=obj, state=identity_state):
            obj.delete()
        forget_callers()


class TakenBack(Administered):
    """What is made elsewhere and can only be taken back here, on record."""

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """On record, and refused at once."""
        with transaction.atomic():
            record(event=f"{self.noun}.delete", object_type=self.noun, object_id=str(obj.pk))
            obj.delete()
        forget_callers()


@admin.register(Login)
class LoginAdmin(TakenBack):
    """Logins for signed tokens; deleted, their tokens are refused."""

    noun = "login"
    fields = list_display = ("id", "user", "scopes", "created_at", "refreshed_at", "expires_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("user__username",)
    list_select_related = ("user",)


@admin.register(AccessAttempt)
class LockAdmin(TakenBack):
    """Wrong passwords; deleted, the user is let in again."""

    noun = "login_lock"
    fields = list_display = ("username", "ip_address", "failures_since_start", "attempt_time")
    search_fields = ("username", "ip_address")


@admin.register(TOTPDevice, StaticDevice)
class SecondFactorAdmin(TakenBack):
    """Second factors, which `manage.py second_factor` makes; their secrets are never shown."""

    noun = "second_factor"
    fields = list_display = ("user", "name", "created_at", "last_used_at")
    search_fields = ("user__username",)
    list_select_related = ("user",)
