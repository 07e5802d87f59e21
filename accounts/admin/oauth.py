"""The applications of our OAuth 2.0 server, and their tokens."""

import secrets
from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from oauth2_provider.models import AccessToken, Application, Grant, IDToken, RefreshToken

from accounts.admin.administered import Administered
from accounts.admin.credentials import TakenBack
from accounts.admin.secret import secret_page
from accounts.oauth_settings import GRANTS
from accounts.services.audit import record

SECRET_BYTES = 64

# Codes, and what is of OpenID Connect, are no business of people; the rest gets pages of our own.
admin.site.unregister([AccessToken, Application, Grant, IDToken, RefreshToken])


class ApplicationForm(forms.ModelForm):
    """What may be chosen: the rest is as safe as it can be."""

    class Meta:
        model = Application
        fields = ("name", "authorization_grant_type", "client_type", "redirect_uris", "user")
        help_texts = {"user": "Whom the application acts as with client credentials."}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields.get("authorization_grant_type")
        if field:
            field.choices = [each for each in field.choices if each[0] in GRANTS]

    def clean(self) -> dict[str, Any]:
        """Raises ValidationError for client credentials of nobody, or without a secret."""
        values: dict[str, Any] = super().clean() or self.cleaned_data
        if values.get("authorization_grant_type") == Application.GRANT_CLIENT_CREDENTIALS:
            if not values.get("user"):
                self.add_error("user", "Client credentials need a user to act as.")
            if values.get("client_type") == Application.CLIENT_PUBLIC:
                self.add_error("client_type", "Client credentials need a secret.")
        return values


@admin.register(Application)
class ApplicationAdmin(Administered):
    """Made and deleted here; the secret is shown once."""

    form = ApplicationForm
    noun_key = "client_id"
    list_display = ("name", "client_id", "authorization_grant_type", "client_type", "user")
    readonly_fields = ("client_id",)
    search_fields = ("name", "client_id")
    autocomplete_fields = ("user",)
    list_select_related = ("user",)
    view_on_site = False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """On record; of a new one's secret only the hash is kept."""
        if not change:
            obj.plaintext = obj.client_secret = secrets.token_urlsafe(SECRET_BYTES)
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            self._record(obj, "update" if change else "create")

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The secret, once."""
        return secret_page(
            request,
            title=f"Application {obj.name}",
            secrets={"Client id": obj.client_id, "Client secret": obj.plaintext},
            back=reverse("admin:oauth2_provider_application_change", args=[obj.pk]),
        )

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """With its tokens, on record."""
        with transaction.atomic():
            self._record(obj, "delete")
            obj.delete()

    def _record(self, application: Any, verb: str) -> None:
        record(
            event=f"application.{verb}",
            object_type="application",
            object_id=application.client_id,
            after={
                "name": application.name,
                "grant": application.authorization_grant_type,
                "redirect_uris": application.redirect_uris,
                "user": application.user and application.user.username,
            },
        )


@admin.register(AccessToken, RefreshToken)
class OAuthTokenAdmin(TakenBack):
    """What applications got; deleted, it is refused."""

    noun = "oauth_token"
    fields = list_display = ("id", "user", "application", "created")
    search_fields = ("user__username", "application__name")
    list_select_related = ("user", "application")
