"""Logging in with a password, and a code where one is asked for."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm, UsernameField
from django.db import transaction

from accounts.actor import identify
from accounts.models.audit import Outcome
from accounts.names import MAX_NAME_CHARS
from accounts.second_factor import passes
from accounts.services.audit import record
from accounts.services.audit_buffer import may_note_stranger, note


class LoginForm(AuthenticationForm):
    """For the pages where people allow an application something."""

    # Of a longer name django-axes could not count the wrong passwords.
    username = UsernameField(max_length=MAX_NAME_CHARS, widget=forms.TextInput({"autofocus": True}))
    code = forms.CharField(
        required=False,
        max_length=32,
        help_text="Of your authenticator app, or a printed one, if you have a second factor.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if settings.EMBED.admin_otp == "off":
            del self.fields["code"]

    def clean(self) -> dict[str, Any]:
        """On record, either way. A wrong code is refused with the words for a wrong password: to
        whoever tries out passwords it says nothing.
        """
        try:
            cleaned = super().clean()
            user: Any = self.get_user()
            if user is not None and not passes(user, str(cleaned.get("code", "")).strip()):
                raise self.get_invalid_login_error()
        except forms.ValidationError:
            if may_note_stranger():
                # Nothing of what was typed: people type passwords where names belong.
                note(
                    event="session.create",
                    object_type="user",
                    object_id="",
                    outcome=Outcome.DENIED,
                )
            raise
        if user is not None:
            _record_login(user)
        return cleaned


def _record_login(user: Any) -> None:
    identify(user_id=user.pk, username=user.username, credential="session")
    with transaction.atomic():
        record(event="session.create", object_type="user", object_id=str(user.pk))


class ConsoleLoginForm(LoginForm, AdminAuthenticationForm):
    """For the console, which lets staff in alone."""
