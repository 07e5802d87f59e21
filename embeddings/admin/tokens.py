"""API tokens in the operators' console."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelectMultiple
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from accounts.admin.administered import Administered, may_administer
from accounts.admin.secret import secret_page
from accounts.console_page import principal_of_session
from accounts.exceptions import Problem
from accounts.models import ApiToken
from accounts.models.limits import LIMITS
from accounts.narrowing import parse_networks
from accounts.policy import Action
from accounts.services.tokens import create_api_token, revoke_api_token
from accounts.token_format import pepper_id
from embeddings.admin.asked_once import CONFIRMED, ask, fields_of_action
from embeddings.admin.display import pretty_json
from embeddings.admin.json_text import WithRowFilter
from embeddings.models import Collection, Grant
from embeddings.services.account_summaries import token_summary
from embeddings.types.filter import parse_filter


class TokenForm(forms.ModelForm):
    """What a token leaves of its user's rights; what is empty narrows nothing."""

    scopes = forms.MultipleChoiceField(
        choices=[(action.value, action.value) for action in Action],
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
        required=False,
        help_text="The actions it may be used for; all if none is chosen.",
    )
    collections = forms.ModelMultipleChoiceField(
        Collection.objects.order_by("name"),
        required=False,
        widget=AutocompleteSelectMultiple(Grant._meta.get_field("collection"), admin.site),
        help_text="Those it may touch; all if none is chosen.",
    )
    networks = SimpleArrayField(
        forms.CharField(max_length=49),
        required=False,
        widget=UnfoldAdminTextInputWidget(),
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
class ApiTokenAdmin(WithRowFilter, Administered):
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
        ("user", AutocompleteSelectFilter),
        ("revoked_at", admin.EmptyFieldListFilter),
        ("last_used_at", admin.EmptyFieldListFilter),
        PepperFilter,
    )
    list_filter_submit = True
    list_select_related = ("user",)
    search_fields = ("name", "key", "user__username")
    autocomplete_fields = ("user",)
    actions = ("revoke",)
    noun, noun_key = "token", "key"
    change_form_outer_before_template = "console/token_summary.html"
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
        """Make the token as the API does; its answer shows it once."""
        values = {name: form.cleaned_data[name] for name in (*self.fields, *LIMITS)}
        minted_by = principal_of_session(request)
        token, obj.plaintext = create_api_token(minted_by=minted_by, **values)  # type: ignore[attr-defined]
        obj.pk, obj.key = token.pk, token.key

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The new token itself, once."""
        return token_page(request, obj, obj.plaintext)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Nothing follows but the token itself."""
        only_save = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**(extra_context or {}), **only_save})

    def about(self, request: HttpRequest, row: ApiToken) -> dict[str, Any]:
        """What is used of it, and whether anything can be done to it."""
        may_revoke = self.has_revoke_permission(request)
        return {"token_summary": token_summary(token=row), "may_revoke": may_revoke}

    def delete_model(self, request: HttpRequest, obj: ApiToken) -> None:
        """Nothing that it made outlives it."""
        revoke_api_token(token=obj)
        obj.delete()

    @admin.action(description="Revoke selected API tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> HttpResponse | None:
        """Asks once; then they are refused from the next request on, with all that they made."""
        live = list(queryset.filter(revoked_at=None).select_related("user"))
        if CONFIRMED not in request.POST:
            return ask(
                request,
                self.admin_site.each_context(request),
                title="Revoke API tokens",
                about="Whoever uses a live one is refused." if live else "None of them is live.",
                touches=[f"{token} ({token.name}) of {token.user}" for token in live],
                fields=fields_of_action(request),
                back=request.get_full_path(),
                is_dangerous=True,
            )
        revoked = sum(revoke_api_token(token=token) for token in live)
        messages.success(request, f"Revoked {revoked}.")
        return None


def token_page(request: HttpRequest, token: ApiToken, plaintext: str) -> HttpResponse:
    """The token itself, once."""
    back = reverse("admin:accounts_apitoken_change", args=[token.pk])
    return secret_page(request, title="API token", secrets={"API token": plaintext}, back=back)
