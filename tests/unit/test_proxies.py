"""X-Forwarded-Proto is believed from the named proxies alone."""

from typing import Any

import pytest
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from embedsite.proxies import believe_proxies


def secure(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"secure" if request.is_secure() else b"plain")


@pytest.fixture
def behind_proxy(settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(
        update={"behind_tls_proxy": True, "trusted_proxies": ["10.0.0.0/8"]}
    )
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.usefixtures("behind_proxy")
@pytest.mark.parametrize(
    ("peer", "expected"),
    [("10.1.2.3", b"secure"), ("192.0.2.1", b"plain"), ("", b"plain"), ("nonsense", b"plain")],
)
def test_it_works(peer: str, expected: bytes) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")

    response = believe_proxies(secure)(request)

    assert isinstance(response, HttpResponse)
    assert response.content == expected


def test_without_a_proxy_there_is_nothing_to_do() -> None:
    with pytest.raises(MiddlewareNotUsed):
        believe_proxies(secure)
