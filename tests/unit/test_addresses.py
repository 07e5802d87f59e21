"""Only trusted proxies are believed in what they say of a client."""

from typing import Any

import pytest
from django.test import RequestFactory

from accounts.addresses import client_address, is_trusted_proxy, is_within, login_address


@pytest.fixture(autouse=True)
def _proxies(settings: Any) -> None:
    networks = ["10.0.0.0/8", "2001:db8::/32"]
    settings.EMBED = settings.EMBED.model_copy(update={"trusted_proxies": networks})


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, nonsense, 10.9.9.9", "10.9.9.9"),
        ("10.0.0.1", "10.1.1.1,10.2.2.2", "10.1.1.1"),
        ("::ffff:10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1"),
        ("2001:DB8::1", "2a00:0::5", "2a00::5"),
        ("", "198.51.100.1", ""),
    ],
)
def test_client_address(peer: str, forwarded: str | None, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR=peer)
    if forwarded is not None:
        request.META["HTTP_X_FORWARDED_FOR"] = forwarded
    assert client_address(request) == address


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2a00:1:2:3:4:5:6:7", "2a00:1:2:3::"),
        ("fe80::1%eth0", "fe80::"),
        ("", None),
    ],
)
def test_login_address(peer: str, address: str | None) -> None:
    assert login_address(RequestFactory().get("/", REMOTE_ADDR=peer)) == address


def test_nobody_is_trusted_unless_named(settings: Any) -> None:
    assert is_trusted_proxy("10.0.0.1")
    assert not is_trusted_proxy("11.0.0.1")
    settings.EMBED = settings.EMBED.model_copy(update={"trusted_proxies": []})
    assert not is_trusted_proxy("10.0.0.1")


def test_networks() -> None:
    assert is_within("192.0.2.7", ("192.0.2.7/32",))
    assert not is_within("192.0.2.8", ("192.0.2.7/32", "2001:db8::/32"))
    assert not is_within("", ("0.0.0.0/0", "::/0"))
