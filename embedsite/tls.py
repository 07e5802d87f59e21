"""Our own TLS: the server's certificate, and whose clients' certificates are accepted."""

import http.client
import ssl
from typing import Any

from embedsite.config import Config

HANDSHAKE_OF_OURS = ("certfile", "keyfile")
"""The settings by which gunicorn knows that it speaks TLS."""


def server_context(config: Config) -> ssl.SSLContext:
    """TLS 1.2 or 1.3. A client may show a certificate, which then must be good, where those are
    credentials; who comes with a token needs none. Raises OSError for files that are of no use.
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # With an empty password an encrypted key is refused; without, OpenSSL would ask the terminal.
    context.load_cert_chain(str(config.tls_cert_file), str(config.tls_key_file), password="")
    if config.mtls == "direct":
        context.load_verify_locations(str(config.tls_client_ca_file))
        context.verify_mode = ssl.CERT_OPTIONAL
    return context


def without_tls(config: Any) -> Any:
    """The same configuration of gunicorn for a socket of this machine, which needs no TLS."""
    plain = object.__new__(type(config))
    settings = dict(config.settings)
    for name in HANDSHAKE_OF_OURS:
        unset = settings[name] = object.__new__(type(settings[name]))
        unset.__dict__.update(config.settings[name].__dict__, value=None)
    plain.__dict__.update(config.__dict__, settings=settings)
    return plain


def connection_to_us(config: Config, *, host: str, timeout_s: float) -> http.client.HTTPConnection:
    """A connection to our own port, as it speaks."""
    if config.tls_cert_file is None:
        return http.client.HTTPConnection(host, config.port, timeout=timeout_s)
    # It is asked by its address, which stands in no certificate, and told nothing.
    context = ssl._create_unverified_context()  # noqa: S323
    return http.client.HTTPSConnection(host, config.port, timeout=timeout_s, context=context)
