"""The pages and endpoints of OAuth 2.0."""

from django.urls import URLPattern, include, path
from django.views.decorators.csrf import csrf_exempt

from accounts.oauth_views import AuthorizeView, MetadataView, OAuthLoginView, RevokeView, TokenView

METADATA = ".well-known/oauth-authorization-server"

# The names are those by which django-oauth-toolkit finds them.
oauth: list[URLPattern] = [
    path("oauth/authorize", AuthorizeView.as_view(), name="authorize"),
    path("oauth/token", TokenView.as_view(), name="token"),
    path("oauth/revoke", RevokeView.as_view(), name="revoke-token"),
    path(METADATA, csrf_exempt(MetadataView.as_view()), name="oauth-server-metadata"),
]

urlpatterns = [
    path("oauth/login", OAuthLoginView.as_view(), name="oauth-login"),
    path("", include((oauth, "oauth2_provider"))),
]
