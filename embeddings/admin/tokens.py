"""API tokens in the operators' console."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.administered import Administered, may_administer
from accounts.exceptions import Problem
from accounts.models import ApiToken, User
from accounts.models.limits import LIMITS
from accounts.narrowing import parse_networks
from accounts.policy import Action
from accounts.services.tokens import create_api_token, revoke_api_token, rotate_api_token
from accounts.token_format import pepper_id
from embeddings.admin.display import pretty_json
from embeddings.models import Collection
from embeddings.types.filter import parse_filter

OVERLAP = timedelta(hours=1)


class TokenForm(forms.ModelForm):
    """What a token leaves of its user's rights; what is empty narrows nothing."""

    scopes = forms.MultipleChoiceField(
        choices=[(action.value, action.value) for action in Action],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="The actions it may be used for; all if none is chosen.",
    )
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.order_by("name"),
        required=False,
        help_text="Those it may touch; all if none is chosen.",
    )
    networks = SimpleArrayField(
        forms.CharField(max_length=49),
        required=False,
        help_text="Addresses that it may come from, such as 10.0.0.0/8, separated by commas.",
    )

    def clean_scopes(self) -> list[Action] | None:
        """All of them are None."""
        return [Action(scope) for scope in self.cleaned_data["scopes"]] or None

    def clean_collections(self) -> list[Any] | None:
        """Their ids; all of them are None."""
        return [collection.pk for collection in self.cleaned_data["collections"]] or None

    def clean_networks(self) -> tuple[str, ...] | None:
        """Raises ValidationError."""
        return _checked(parse_networks, self.cleaned_data["networks"]) or None

    def clean_row_filter(self) -> Any:
        """Raises ValidationError."""
        row_filter = self.cleaned_data["row_filter"]
        if row_filter is not None:
            _checked(parse_filter, row_filter)
        return row_filter


def _checked(parse: Any, value: Any) -> Any:
    try:
        return parse(value)
    except Problem as problem:
        raise ValidationError(problem.detail) from None


class PepperFilter(admin.SimpleListFilter):
    """Which pepper keys the hash: that of the last can go when no live token has it."""

    title = "pepper"
    parameter_name = "pepper"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The present one, and all before it."""
        return [("present", "Present"), ("before", "One before")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """The tokens with that one."""
        match self.value():
            case "present":
                return queryset.filter(pepper_id=pepper_id())
            case "before":
                return queryset.exclude(pepper_id=pepper_id())
        return queryset


@admin.register(ApiToken)
class ApiTokenAdmin(Administered):
    """Made, rotated and revoked here; the plaintext is shown once, its digest never."""

    form = TokenForm
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
        PepperFilter,
    )
    list_select_related = ("user",)
    show_full_result_count = False
    search_fields = ("name", "key", "user__username")
    autocomplete_fields = ("user",)
    actions = ("rotate", "revoke")
    fields = ("user", "name", "expires_at", "scopes", "collections", "row_filter", "networks")
    shown = (
        *("user", "name", "key", "scopes", "shown_collections", "shown_row_filter", "networks"),
        *(*LIMITS, "created_by", "created_at", "expires_at", "previous_until", "revoked_at"),
        "last_used_at",
    )

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """What its maker fills in, or what it is."""
        return self.shown if obj else (*self.fields, *LIMITS)

    def get_readonly_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        """All of a token that exists."""
        return self.shown if obj else ()

    @admin.display(description="collections")
    def shown_collections(self, token: ApiToken) -> str:
        """By name; those that are deleted are left out."""
        if token.collections is None:
            return "-"
        names = Collection.objects.filter(pk__in=token.collections).values_list("name", flat=True)
        return ", ".join(names.order_by("name")) or "none"

    @admin.display(description="row filter")
    def shown_row_filter(self, token: ApiToken) -> str:
        """As JSON."""
        return "-" if token.row_filter is None else pretty_json(token.row_filter)

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """A token is never changed, only rotated and revoked."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Whoever may make one may end it."""
        return may_administer(request)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        """Make the token as the API does, and show it once."""
        if not isinstance(request.user, User):
            raise TypeError("the console lets users in alone")
        values = {name: form.cleaned_data[name] for name in (*self.fields, *LIMITS)}
        token, plaintext = create_api_token(minted_by=request.user.as_principal(), **values)
        obj.pk, obj.key = token.pk, token.key
        _show_once(request, plaintext)

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        """Nothing that it made outlives it."""
        revoke_api_token(token=obj)
        obj.delete()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """One after the other."""
        for token in queryset:
            self.delete_model(request, token)

    @admin.action(description="Rotate the selected API token", permissions=["revoke"])
    def rotate(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Another secret, shown once; the old one serves for an hour."""
        if len(queryset) != 1 or not isinstance(request.user, User):
            messages.error(request, "Choose one token: its new secret is shown once.")
            return
        try:
            token, plaintext = rotate_api_token(
                token=queryset[0], by=request.user.as_principal(), overlap=OVERLAP
            )
        except Problem as problem:
            messages.error(request, problem.detail)
            return
        self.log_change(request, token, "Rotated.")
        _show_once(request, plaintext)

    @admin.action(description="Revoke selected API tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """Refused from the next request on, with all that they made."""
        revoked = 0
        for token in queryset.filter(revoked_at=None):
            revoked += revoke_api_token(token=token)
            self.log_change(request, token, "Revoked.")
        messages.success(request, f"Revoked {revoked}.")


def _show_once(request: HttpRequest, plaintext: str) -> None:
    messages.warning(request, f"Copy the token now, it is not shown again: {plaintext}")
