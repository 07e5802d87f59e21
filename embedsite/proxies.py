"""What a proxy says of its clients is believed of the proxies that the operator names."""

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase

from accounts.addresses import is_trusted_proxy


def believe_proxies(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Drops the X-Forwarded-Proto of anybody else, who may reach the service past the proxy and
    say that he came over TLS. Where no proxy is named there is nothing to drop.
    """
    if not (settings.EMBED.behind_tls_proxy and settings.EMBED.trusted_proxies):
        raise MiddlewareNotUsed

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not is_trusted_proxy(request.META.get("REMOTE_ADDR", "")):
            request.META.pop("HTTP_X_FORWARDED_PROTO", None)
        return get_response(request)

    return middleware
