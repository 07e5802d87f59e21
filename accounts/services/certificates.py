"""Callers who come with a client certificate."""

from datetime import UTC, datetime

import structlog
from cryptography import x509

from accounts.exceptions import InvalidToken
from accounts.models.identity import CERTIFICATES
from accounts.services.callers import Caller, find_identity, recognise

log = structlog.stdlib.get_logger("accounts.certificates")


def verify_certificate(*, certificate: bytes) -> Caller:
    """The caller whose identity is the certificate's subject, spelled as in RFC 4514. That it was
    signed by an authority that is accepted, TLS has checked. Raises InvalidToken.
    """
    return recognise(kind="mtls", proof=certificate, verify=lambda: _verify(certificate))


def _verify(certificate: bytes) -> Caller:
    try:
        read = x509.load_der_x509_certificate(certificate)
        subject = read.subject.rfc4514_string()
    except ValueError:
        raise InvalidToken from None
    begins, ends = read.not_valid_before_utc, read.not_valid_after_utc
    if not begins <= datetime.now(UTC) < ends or not subject or "\0" in subject:
        raise InvalidToken
    identity = find_identity(issuer=CERTIFICATES, subject=subject)
    if identity is None:
        log.info("certificate_unknown", subject=subject)
        raise InvalidToken
    return Caller(identity.user, identity.user.as_principal(), "mtls", ends.timestamp())
