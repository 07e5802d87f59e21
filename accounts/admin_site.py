"""The console's door."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest

from accounts.login_forms import ConsoleLoginForm
from accounts.second_factor import is_proven


class ConsoleSite(AdminSite):
    """Django's, which asks for the second factor that the configuration says."""

    login_form = ConsoleLoginForm
    login_template = "accounts/login.html"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the session may open the console at all."""
        user = request.user
        return bool(super().has_permission(request) and is_proven(user))  # type: ignore[arg-type]
