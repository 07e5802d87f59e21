"""API tokens in the operators' console."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.models import ApiToken
from accounts.services.tokens import create_api_token, revoke_api_token


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):
    """Made and revoked here; the plaintext is shown once, its digest never."""

    list_display = (
        "__str__",
        "name",
        "user",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_filter = (
        ("revoked_at", admin.EmptyFieldListFilter),
        ("last_used_at", admin.EmptyFieldListFilter),
    )
    list_select_related = ("user",)
    show_full_result_count = False
    search_fields = ("name", "key", "user__username")
    autocomplete_fields = ("user",)
    actions = ("revoke",)
    fields = ("user", "name", "expires_at")
    readonly_fields = ("key", "created_at", "revoked_at", "last_used_at")

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """What only a token that exists has comes after what its maker fills in."""
        return [*self.fields, *self.readonly_fields] if obj else [*self.fields]

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """A token is never changed, only revoked."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete a token may revoke it."""
        return self.has_delete_permission(request)

    def save_model(
        self, request: HttpRequest, obj: ApiToken, form: ModelForm, change: bool
    ) -> None:
        """Make the token as the command line does, and show it once."""
        token, plaintext = create_api_token(user=obj.user, name=obj.name, expires_at=obj.expires_at)
        obj.pk, obj.key = token.pk, token.key
        messages.warning(request, f"Copy the token now, it is not shown again: {plaintext}")

    @admin.action(description="Revoke selected API tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Refused from the next request on."""
        live = queryset.filter(revoked_at=None)
        for token in live:
            revoke_api_token(token=token)
            self.log_change(request, token, "Revoked.")
        messages.success(request, f"Revoked {len(live)}.")
