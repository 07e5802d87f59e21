"""The pages and endpoints of OAuth 2.0: those of django-oauth-toolkit that we offer, as long as the
configuration turns them on.
"""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.generic import View
from oauth2_provider import views as toolkit

from accounts.actor import identify
from accounts.login_forms import LoginForm
from accounts.second_factor import is_proven

PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self';"
    " base-uri 'none'; frame-ancestors 'none'; script-src 'self'; form-action 'self'"
)
"""A form of such a page leads here, or back to the application that sent the person."""


class OffUnlessAsked(View):
    """Not there where OAuth is off."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The answer. Raises Http404, and BadRequest for what PostgreSQL has no text for: NUL."""
        if not settings.EMBED.oauth:
            raise Http404
        try:
            return super().dispatch(request, *args, **kwargs)
        except DataError:
            raise BadRequest from None


class OAuthLoginView(OffUnlessAsked, LoginView):
    """Where people who are not staff log in, to allow an application something."""

    template_name = "accounts/login.html"
    form_class = LoginForm
    next_page = "/oauth/authorize"

    def render_to_response(self, *args: Any, **kwargs: Any) -> Any:
        """The page, which may load nothing but our styles."""
        response = super().render_to_response(*args, **kwargs)
        response["Content-Security-Policy"] = PAGE
        return response


class AuthorizeView(OffUnlessAsked, toolkit.AuthorizationView):  # type: ignore[misc]
    """Asks a person whether an application may act for him."""

    template_name = "accounts/authorize.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The answer; who has not proven the second factor logs in again."""
        user: Any = request.user
        if user.is_authenticated:
            identify(user_id=user.pk, username=user.username, credential="session")
        if settings.EMBED.oauth and user.is_authenticated and not is_proven(user):
            return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> Any:
        """The page, whose form leads to the application."""
        response = super().render_to_response(context, **kwargs)
        target = urlsplit(str(context.get("redirect_uri") or ""))
        place = f" {target.scheme}://{target.netloc}" if target.netloc else ""
        response["Content-Security-Policy"] = PAGE + place
        return response


class TokenView(OffUnlessAsked, toolkit.TokenView):  # type: ignore[misc]
    """Gives tokens for a code, for a refresh token, or to an application itself."""


class RevokeView(OffUnlessAsked, toolkit.RevokeTokenView):  # type: ignore[misc]
    """Takes a token back."""


class MetadataView(OffUnlessAsked, toolkit.OAuthServerMetadataView):  # type: ignore[misc]
    """What is offered and where, as RFC 8414 tells it."""
