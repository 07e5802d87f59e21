"""The console's door."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from accounts.console_page import ConsolePage, session_may
from accounts.login_forms import ConsoleLoginForm
from accounts.models import User
from accounts.payer import paying
from accounts.policy import Action
from accounts.second_factor import is_proven
from accounts.services.rates import payer_of
from accounts.services.users import changing

View = Callable[..., HttpResponseBase]


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]  # it has no types
    """Unfold's, which asks for the second factor that the configuration says."""

    login_form = ConsoleLoginForm
    login_template = "accounts/login.html"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.pages: list[type[ConsolePage]] = []

    def extra_urls(self) -> list[URLPattern]:
        """Unfold asks for them."""
        return [
            path(page.path, self.admin_view(page.as_view()), name=page.name) for page in self.pages
        ]

    def admin_view(self, view: View, *args: Any, **kwargs: Any) -> View:
        """Django's. Whoever is logged in pays for what models read. What an address asks of
        PostgreSQL and it has no value for, such as NUL, is the caller's fault.
        """

        @wraps(view)
        def paid(request: HttpRequest, *asked: Any, **named: Any) -> HttpResponseBase:
            user = request.user
            payer = payer_of(user.as_principal()) if isinstance(user, User) else None
            try:
                with paying(payer):
                    return view(request, *asked, **named)
            except DataError:
                raise BadRequest from None

        guarded: View = super().admin_view(paid, *args, **kwargs)
        return guarded

    def extra_context(self, context: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
        """Unfold would write its colours into each page, which our policy forbids: console.css
        has them. Parts of pages are for those alone who operate the service.
        """
        may_operate = session_may(request, Action.OPERATE)
        return {**context, "colors": None, "may_operate": may_operate}

    def search(
        self, request: HttpRequest, _extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What the command palette shows. Unfold's own keeps answers for minutes, pickled, and
        knows models where people look for pages.
        """
        sought = request.GET.get("s", "").strip()
        find = self._get_config("COMMAND")["search_callback"]
        results = self._get_value(find, request, sought) if sought else []
        return render(request, "console/palette.html", {"results": results})

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
