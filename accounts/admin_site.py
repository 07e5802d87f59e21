"""The console's door."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from accounts.login_forms import ConsoleLoginForm
from accounts.second_factor import is_proven
from accounts.services.users import changing


class ConsoleSite(AdminSite):
    """Django's, which asks for the second factor that the configuration says."""

    login_form = ConsoleLoginForm
    login_template = "accounts/login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the session may open the console at all."""
        user = request.user
        return bool(super().has_permission(request) and is_proven(user))  # type: ignore[arg-type]

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """One's own, on record."""
        if request.method != "POST":
            return super().password_change(request, extra_context)
        with changing(request.user):  # type: ignore[arg-type]  # whom has_permission let in
            return super().password_change(request, extra_context)
