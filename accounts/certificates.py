"""The client certificate of a request, as our own TLS or a trusted proxy has checked it."""

import base64
import binascii
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from django.conf import settings

from accounts.addresses import canonical, is_trusted_proxy

SERVERS_SOCKET = "gunicorn.socket"
"""Where gunicorn puts the client's connection into the WSGI environment."""

BEGIN = "-----BEGIN CERTIFICATE-----"


def client_certificate(environ: Mapping[str, Any]) -> bytes | None:
    """The certificate in DER, whose holder has proven to have its key; None without one.

    A header says something only where it comes from a trusted proxy, which has to take off its
    clients' own. Raises ValueError for one that is not spelled well.
    """
    config = settings.EMBED
    if config.mtls == "direct":
        connection = environ.get(SERVERS_SOCKET)
        if not isinstance(connection, ssl.SSLSocket):
            return None
        return connection.getpeercert(binary_form=True)
    if config.mtls == "proxy" and is_trusted_proxy(canonical(environ.get("REMOTE_ADDR", ""))):
        name = config.mtls_header.upper().replace("-", "_")
        return read_header(environ.get(f"HTTP_{name}", ""))
    return None


def read_header(value: str) -> bytes | None:
    """The certificate in the header's value: a byte sequence as in RFC 9440, or PEM as nginx
    escapes it; None without one. Raises ValueError.
    """
    if not value:
        return None
    if value.startswith(":") and value.endswith(":") and len(value) > 1:
        return _from_base64(value[1:-1])
    pem = unquote(value)
    if not pem.startswith(BEGIN):
        raise ValueError("neither RFC 9440 nor escaped PEM")
    return ssl.PEM_cert_to_DER_cert(pem)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
