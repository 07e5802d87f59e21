"""Users in the operators' console."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.admin.administered import Administered, may_administer
from accounts.admin.theme import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from accounts.console_page import principal_of_session
from accounts.exceptions import LastAdmin
from accounts.models import User
from accounts.models.limits import LIMITS
from accounts.names import validate_name
from accounts.policy import SiteRole
from accounts.services.users import (
    administrators,
    changing,
    delete_user,
    has_other_administrators,
)
from embeddings.admin.seen import SeenForm
from embeddings.services.account_summaries import user_summary

FIELDSETS: Any = (
    (None, {"fields": ("username", "password", "role", "is_active", "is_staff")}),
    ("Teams", {"classes": ("tab",), "fields": ("groups",)}),
    ("Limits", {"classes": ("tab",), "fields": ("team", *LIMITS)}),
    ("Person", {"classes": ("tab",), "fields": ("first_name", "last_name", "email")}),
    ("By hand", {"classes": ("tab",), "fields": ("is_superuser", "user_permissions")}),
    ("Dates", {"classes": ("tab",), "fields": ("last_login", "date_joined")}),
)
ROLE: Any = ("Role", {"fields": ("role",)})


class UserForm(SeenForm, UserChangeForm):
    """Keeps names that have an address in the API, and an administrator."""

    class Meta(UserChangeForm.Meta):
        model = User
        labels = {"groups": "Teams", "is_staff": "Console", "is_active": "Active"}
        help_texts = {
            "groups": "Their grants hold for the user.",
            "is_active": "Whether the user is let in at all.",
            "is_staff": "Whether it may log in here.",
        }

    def clean_username(self) -> str:
        """Raises ValidationError."""
        username: str = self.cleaned_data["username"]
        validate_name(username)
        return username

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError where nobody would administer the service."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        is_admin = values.get("is_superuser") or values.get("role") == SiteRole.ADMIN
        goes = self.instance.administers and not (values.get("is_active") and is_admin)
        if goes and not has_other_administrators(self.instance):
            raise ValidationError(LastAdmin(username=self.instance.username).detail)
        return values


class NewUserForm(UserCreationForm):
    """Takes names that have an address in the API."""

    def clean_username(self) -> str:
        """Raises ValidationError."""
        username: str = super().clean_username()
        validate_name(username)
        return username


class PasswordForm(AdminPasswordChangeForm):
    """Sets another's password: with it, one could come as that user."""

    def save(self, commit: bool = True) -> Any:
        """On record."""
        with changing(self.user):
            return super().save(commit)


@admin.register(User)
class UserAdmin(Administered, DjangoUserAdmin):
    """Django's own, with the role in the service and the limits."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = PasswordForm
    list_display = ("username", "role", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("role", "is_active", "is_staff", "is_superuser")
    autocomplete_fields = ("team",)
    change_form_outer_before_template = "console/user_summary.html"
    change_form_before_template = "console/seen.html"
    fieldsets = FIELDSETS
    readonly_fields = ("last_login", "date_joined")
    add_fieldsets = (*DjangoUserAdmin.add_fieldsets, ROLE)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Not of the last administrator."""
        last = obj is not None and obj.administers and administrators().count() == 1
        return not last and super().has_delete_permission(request, obj)

    def about(self, request: HttpRequest, row: User) -> dict[str, Any]:
        """What the user has and uses, and whether anything can be done to it."""
        found = user_summary(principal=principal_of_session(request), user=row)
        return {"user_summary": found, "may_administer": may_administer(request)}

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """On record."""
        with changing(obj):
            super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """The teams too."""
        with changing(form.instance):
            super().save_related(request, form, formsets, change)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Through the service."""
        delete_user(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """One after the other; the last administrator stays."""
        for user in queryset:
            try:
                delete_user(user=user)
            except LastAdmin as problem:
                messages.error(request, problem.detail)
