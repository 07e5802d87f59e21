"""HTTPS by the service itself, and client certificates as credentials: real handshakes."""

import base64
import http.client
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.keys import certificate, write_certificate
from tests.serve.instances import Instance, running

pytestmark = pytest.mark.serve

AUTHORITY = certificate("CN=Authority,O=Example")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Instance]:
    authority, _ = write_certificate(folder / "authority.pem", AUTHORITY)
    server = certificate("CN=localhost", issuer=AUTHORITY, host="localhost")
    file, key = write_certificate(folder / "server.pem", server)
    with running(
        EMBED_TLS_CERT_FILE=str(file),
        EMBED_TLS_KEY_FILE=str(key),
        EMBED_TLS_CLIENT_CA_FILE=str(authority),
        EMBED_MTLS="direct",
        EMBED_WORKERS="2",
    ) as instance:
        yield instance


def client(folder: Path, shown: Any = None) -> ssl.SSLContext:
    """What a client trusts and shows."""
    context = ssl.create_default_context(cafile=str(folder / "authority.pem"))
    if shown is not None:
        file, key = write_certificate(folder / "client.pem", shown)
        context.load_cert_chain(str(file), str(key))
    return context


def ask(
    service: Instance, context: ssl.SSLContext, *, times: int = 1, body: Any = None, **headers: Any
) -> tuple[int, Any]:
    """The last answer on one connection."""
    connection = http.client.HTTPSConnection("localhost", service.port, timeout=20, context=context)
    try:
        for _ in range(times):
            if body is None:
                connection.request("GET", "/v1/me", headers=headers)
            else:
                headers |= {"Content-Type": "application/json"}
                connection.request("POST", "/v1/embed", json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        return answer.status, json.loads(text)
    finally:
        connection.close()


def test_it_works(service: Instance, folder: Path) -> None:
    """A token goes over TLS without a certificate, and a kept connection serves again; the other
    process asks the engine, whose door on this machine speaks no TLS."""
    bearer: dict[str, Any] = {"Authorization": f"Bearer {service.token}"}
    status, me = ask(service, client(folder), times=20, **bearer)
    assert (status, me["username"]) == (200, "admin")
    status, embedded = ask(service, client(folder), body={"input": ["tea"] * 50}, **bearer)
    assert (status, len(embedded["data"])) == (200, 50)
    assert f"ready: https://127.0.0.1:{service.port}" in service.log.read_text()


def test_a_certificate_stands_for_its_user(service: Instance, folder: Path) -> None:
    reports = certificate("CN=reports,O=Example", issuer=AUTHORITY)
    status, refusal = ask(service, client(folder, reports))
    assert (status, refusal["code"]) == (401, "invalid_token")
    assert service.manage("create_user", "reports").returncode == 0
    linked = service.manage("link_identity", "reports", "CN=reports,O=Example")
    assert linked.returncode == 0, linked.stderr
    status, me = ask(service, client(folder, reports), times=3)
    assert (status, me["username"]) == (200, "reports")


def test_a_header_is_no_certificate(service: Instance, folder: Path) -> None:
    made = certificate("CN=reports,O=Example", issuer=AUTHORITY)[0]
    spelled = f":{base64.b64encode(made.public_bytes(Encoding.DER)).decode()}:"
    headers: dict[str, Any] = {"Client-Cert": spelled}
    status, refusal = ask(service, client(folder), **headers)
    assert (status, refusal["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize(
    "make",
    [
        lambda: certificate("CN=reports,O=Example", issuer=certificate("CN=Authority,O=Example")),
        lambda: certificate("CN=reports,O=Example"),
        lambda: certificate("CN=reports,O=Example", issuer=AUTHORITY, days=(-2, -1)),
    ],
    ids=["another authority", "nobody", "expired"],
)
def test_a_bad_certificate_gets_no_connection(service: Instance, folder: Path, make: Any) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        ask(service, client(folder, make()))


def test_old_protocols_and_plain_http_get_nothing(service: Instance, folder: Path) -> None:
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        plain = http.client.HTTPConnection("localhost", service.port, timeout=10)
        plain.request("GET", "/health")
        plain.getresponse()
    context = client(folder)
    with pytest.warns(DeprecationWarning):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(service, context)
