"""Middleware for pages that people see in a browser; a request of the API passes it by.

Users of sessions and messages cost every request a tenth of what the framework takes, and the API's
callers name themselves in each.
"""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.http import HttpRequest

from embedsite.headers import CONSOLE_PATH

BROWSER_PATHS = (CONSOLE_PATH, "/oauth/")


class ForBrowsers:
    """Stands before a middleware's class. Elsewhere a request has no user: what asks for one there
    fails, rather than finds nobody, and django-otp has none to verify.
    """

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """The answer, through the middleware or past it."""
        if request.path_info.startswith(BROWSER_PATHS):
            return super().__call__(request)  # type: ignore[misc] # the class behind has it
        return self.get_response(request)


class Users(ForBrowsers, AuthenticationMiddleware):
    """Django's, of the session."""


class Messages(ForBrowsers, MessageMiddleware):
    """Django's."""
