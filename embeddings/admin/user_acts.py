"""What is done to a user in the console once that was asked."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from accounts import second_factor
from accounts.console_page import console_page, principal_of_session
from accounts.models import User
from accounts.services.users import change_user
from embeddings.admin.asked_once import AskedOnce
from embeddings.admin.query_form import text_field
from embeddings.exceptions import InvalidRequest
from embeddings.services.account_summaries import user_summary
from embeddings.services.erase_user import erase_user


class UserAct(AskedOnce):
    """Of a user."""

    model = User


@console_page
class DeactivateUser(UserAct):
    """The account stays, and lets nobody in."""

    path = "accounts/user/<int:pk>/deactivate/"
    name = "accounts_user_deactivate"
    title = "Deactivate user"
    verb = "Deactivate"
    is_dangerous = True

    def touches(self, row: User) -> list[str]:
        """What ends, and what stays."""
        found = user_summary(principal=principal_of_session(self.request), user=row)
        return [
            "The user is refused by every process within a second.",
            f"So is whoever uses one of its {found.live_tokens} live API tokens.",
            f"Its {found.collections} collections, its grants and its tokens stay.",
        ]

    def act(self, row: User, _values: dict[str, Any]) -> str:
        """Raises LastAdmin."""
        change_user(user=row, fields={"is_active": False})
        return "Deactivated."


@console_page
class ActivateUser(UserAct):
    """Lets the user in again."""

    path = "accounts/user/<int:pk>/activate/"
    name = "accounts_user_activate"
    title = "Activate user"
    verb = "Activate"

    def touches(self, row: User) -> list[str]:
        """What begins."""
        found = user_summary(principal=principal_of_session(self.request), user=row)
        return [f"The user and its {found.live_tokens} live API tokens are let in again."]

    def act(self, row: User, _values: dict[str, Any]) -> str:
        """As it was."""
        change_user(user=row, fields={"is_active": True})
        return "Activated."


@console_page
class RemoveSecondFactor(UserAct):
    """For whoever has lost the device."""

    path = "accounts/user/<int:pk>/factor/"
    name = "accounts_user_factor"
    title = "Remove second factor"
    verb = "Remove"
    is_dangerous = True

    def touches(self, row: User) -> list[str]:
        """What then suffices."""
        if not second_factor.is_enrolled(user=row):
            return ["The user has none."]
        return [
            "The authenticator app and the printed codes are good for nothing any more.",
            "The password alone lets the user in, or nothing, where EMBED_ADMIN_OTP=required.",
            "`manage.py second_factor` makes another one.",
        ]

    def act(self, row: User, _values: dict[str, Any]) -> str:
        """On record."""
        second_factor.remove(user=row)
        return "Removed."


class EraseForm(forms.Form):
    """Who gets the collections, and whether it is this user that is meant."""

    transfer_to = text_field("Who gets the user's collections", suggest="user")
    delete_collections = forms.BooleanField(
        required=False, label="Delete the user's collections", widget=UnfoldBooleanWidget()
    )
    username = forms.CharField(
        label="Type the user's name to confirm",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
    )


@console_page
class EraseUser(UserAct):
    """For good, with a report."""

    path = "accounts/user/<int:pk>/erase/"
    name = "accounts_user_erase"
    title = "Erase user"
    verb = "Erase for good"
    form_class = EraseForm
    is_dangerous = True

    def touches(self, row: User) -> list[str]:
        """How much of it there is."""
        found = user_summary(principal=principal_of_session(self.request), user=row)
        return [
            f"The account goes for good, with {found.live_tokens} live API tokens and all others.",
            "So do its logins, sessions, grants, jobs, recorded queries, and cached vectors.",
            f"It owns {found.collections} collections: somebody else gets them, or they go too.",
            "The audit keeps keyed hashes. Deactivating keeps the account, and shuts it.",
        ]

    def act(self, row: User, values: dict[str, Any]) -> HttpResponse | str:
        """Shows what is gone, and what remains."""
        if values["username"] != row.username:
            raise InvalidRequest(param="username", detail="That is not the user's name.")
        erasure = erase_user(
            principal=principal_of_session(self.request),
            username=row.username,
            transfer_to=values["transfer_to"] or None,
            delete_collections=values["delete_collections"],
        ).as_json()
        remains = erasure.pop("remains")
        context = {
            **self.site.each_context(self.request),
            "title": f"Erased {row.username}",
            "counts": [(name.capitalize(), count) for name, count in erasure.items()],
            "remains": remains,
            "back": reverse("admin:accounts_user_changelist"),
        }
        return TemplateResponse(self.request, "console/erased.html", context)
