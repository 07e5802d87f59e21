"""What is done to an API token in the console once that was asked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.console_page import console_page, principal_of_session
from accounts.models import ApiToken
from accounts.services.tokens import revoke_api_token, rotate_api_token
from embeddings.admin.asked_once import AskedOnce
from embeddings.admin.tokens import token_page
from embeddings.services.account_summaries import token_summary

OVERLAPS = {"3600": "an hour", "86400": "a day", "604800": "a week", "0": "no longer"}


class OverlapForm(forms.Form):
    """For how long both secrets serve."""

    overlap_s = forms.ChoiceField(
        label="The old secret serves for",
        choices=[*OVERLAPS.items()],
        widget=UnfoldAdminSelectWidget(),
    )


class TokenAct(AskedOnce):
    """Of a token."""

    model = ApiToken


@console_page
class RotateToken(TokenAct):
    """Another secret, shown once."""

    path = "accounts/apitoken/<int:pk>/rotate/"
    name = "accounts_apitoken_rotate"
    title = "Rotate API token"
    verb = "Rotate"
    form_class = OverlapForm

    def touches(self, row: ApiToken) -> list[str]:
        """What its callers have to do."""
        return [
            "It gets another secret, which is shown once; all else about it stays.",
            f"Whoever uses it ({row.user}) needs the new one before the old one ends.",
        ]

    def act(self, row: ApiToken, values: dict[str, Any]) -> HttpResponse:
        """Shows the new one."""
        token, plaintext = rotate_api_token(
            token=row,
            by=principal_of_session(self.request),
            overlap=timedelta(seconds=int(values["overlap_s"])),
        )
        return token_page(self.request, token, plaintext)


@console_page
class RevokeToken(TokenAct):
    """Refused from the next request on."""

    path = "accounts/apitoken/<int:pk>/revoke/"
    name = "accounts_apitoken_revoke"
    title = "Revoke API token"
    verb = "Revoke"
    is_dangerous = True

    def touches(self, row: ApiToken) -> list[str]:
        """With how many it made."""
        told = [f"Whoever uses it ({row.user}) is refused, by every process within a second."]
        minted = token_summary(token=row).minted
        if minted:
            told.append(f"So is whoever uses one of the {minted} live tokens that it made.")
        return [*told, "This can't be undone."]

    def act(self, row: ApiToken, _values: dict[str, Any]) -> str:
        """All of them."""
        return f"Revoked {revoke_api_token(token=row)}."
