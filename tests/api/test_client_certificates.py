"""Client certificates: of a trusted proxy's header alone, for users that are linked to them."""

import base64
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from rest_framework.test import APIClient

from accounts.certificates import read_header
from accounts.models import Identity, User
from accounts.services.callers import forget_callers
from tests.api.assertions import assert_error
from tests.keys import certificate

SUBJECT = "CN=reports,O=Example"
PROXY, OTHER = "10.0.0.1", "10.0.0.2"


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Any) -> None:
    changes = {"mtls": "proxy", "trusted_proxies": [PROXY]}
    settings.EMBED = settings.EMBED.model_copy(update=changes)


@pytest.fixture
def linked(alice: User) -> User:
    """Alice, for whom the certificates' subject stands."""
    Identity.objects.create(subject=SUBJECT, user=alice)
    return alice


def der(**fields: Any) -> bytes:
    return certificate(**{"subject": SUBJECT, **fields})[0].public_bytes(Encoding.DER)


def as_bytes(made: bytes) -> str:
    """As RFC 9440 spells it."""
    return f":{base64.b64encode(made).decode()}:"


def as_pem(made: bytes) -> str:
    """As nginx escapes it."""
    lines = base64.encodebytes(made).decode()
    return quote(f"-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")


def get(value: str | None = None, *, peer: str = PROXY, **extra: Any) -> Any:
    headers: dict[str, Any] = {} if value is None else {"HTTP_CLIENT_CERT": value}
    return APIClient().get("/v1/me", REMOTE_ADDR=peer, **headers, **extra)


@pytest.mark.parametrize("spell", [as_bytes, as_pem])
def test_it_works(linked: User, spell: Any) -> None:
    answer = get(spell(der()))
    assert answer.status_code == 200
    assert answer.json()["username"] == "alice"


def test_a_header_of_anybody_else_says_nothing(linked: User) -> None:
    assert_error(get(as_bytes(der()), peer=OTHER), None, 401, code="not_authenticated")
    forwarded = get(as_bytes(der()), peer=OTHER, HTTP_X_FORWARDED_FOR=PROXY)
    assert_error(forwarded, None, 401, code="not_authenticated")


@pytest.mark.parametrize("mode", ["off", "direct"])
def test_a_header_says_nothing_without_a_proxy(linked: User, settings: Any, mode: str) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"mtls": mode})
    assert_error(get(as_bytes(der())), None, 401, code="not_authenticated")


@pytest.mark.parametrize(
    "value",
    [
        "x",
        ":",
        "::::",
        ":AAAA:",
        "-----BEGIN CERTIFICATE-----",
        as_bytes(b"no certificate"),
        "é",
        f"{as_bytes(b'x')},{as_bytes(b'x')}",
    ],
    ids=range(8),
)
def test_nonsense_is_refused(linked: User, value: str) -> None:
    assert_error(get(value), None, 401, code="invalid_token")


@pytest.mark.parametrize(
    "fields",
    [
        {"days": (-2, -1)},
        {"days": (1, 2)},
        {"subject": "CN=others"},
        {"subject": f"{SUBJECT},C=DE"},
        {"subject": ""},
    ],
    ids=["expired", "early", "other", "longer", "nobody"],
)
def test_a_certificate_of_nobody_is_refused(linked: User, fields: dict[str, Any]) -> None:
    assert_error(get(as_bytes(der(**fields))), None, 401, code="invalid_token")


def test_the_subject_of_a_certificate_is_no_subject_of_an_issuer(alice: User) -> None:
    Identity.objects.create(issuer="https://id.example", subject=SUBJECT, user=alice)
    assert_error(get(as_bytes(der())), None, 401)


def test_a_token_goes_before_a_certificate(linked: User, as_charlie: APIClient) -> None:
    answer = as_charlie.get("/v1/me", REMOTE_ADDR=PROXY, HTTP_CLIENT_CERT=as_bytes(der()))
    assert answer.json()["username"] == "charlie"
    wrong = get(as_bytes(der()), HTTP_AUTHORIZATION="Bearer emb_nonsense")
    assert_error(wrong, None, 401, code="invalid_token")


def test_an_inactive_user_and_a_withdrawn_link_are_refused(linked: User) -> None:
    assert get(as_bytes(der())).status_code == 200
    forget_callers()
    User.objects.update(is_active=False)
    assert_error(get(as_bytes(der())), None, 401)
    User.objects.update(is_active=True)
    linked.identities.all().delete()
    assert_error(get(as_bytes(der())), None, 401)


def test_the_header_has_another_name_where_the_proxy_has(linked: User, settings: Any) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"mtls_header": "X-SSL-Cert"})
    assert_error(get(as_bytes(der())), None, 401)
    assert get(HTTP_X_SSL_CERT=as_pem(der())).status_code == 200


def test_an_empty_header_is_no_certificate() -> None:
    assert read_header("") is None
