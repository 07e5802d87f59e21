"""Keys, signed tokens and certificates for tests."""

import json
import time
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from accounts import jose

PEM = serialization.Encoding.PEM


@cache
def rsa_key() -> Any:
    """One for the run: they take long to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def write_key(file: Path, key: Any = None) -> Path:
    """The private key, an Ed25519 one if none is given, in the file."""
    private = key or ed25519.Ed25519PrivateKey.generate()
    format_ = serialization.PrivateFormat.PKCS8
    file.write_bytes(private.private_bytes(PEM, format_, serialization.NoEncryption()))
    return file


def write_public_key(file: Path, key: Any) -> Path:
    """The public half alone."""
    format_ = serialization.PublicFormat.SubjectPublicKeyInfo
    file.write_bytes(key.public_key().public_bytes(PEM, format_))
    return file


class TestIssuer:
    """Somebody else who signs tokens, with its keys in a file."""

    __test__ = False
    name = "https://id.example"
    audience = "embed"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = jose.read_signing_key(write_key(folder / "issuer.pem", rsa_key()))
        self.publish(self.key.public)

    def publish(self, *keys: dict[str, Any]) -> None:
        (self.folder / "jwks.json").write_text(json.dumps({"keys": keys}))

    def declared(self, **fields: Any) -> dict[str, Any]:
        """As the configuration declares it."""
        return {
            "issuer": self.name,
            "audience": self.audience,
            "jwks_file": str(self.folder / "jwks.json"),
            **fields,
        }

    def token(self, subject: Any = "abc-123", **claims: Any) -> str:
        now = int(time.time())
        values = {
            "iss": self.name,
            "aud": self.audience,
            "sub": subject,
            "iat": now,
            "exp": now + 600,
            **claims,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return jose.sign(given, key=self.key, type="JWT")


def forged(token: str, *, key: Any, algorithm: str, **headers: Any) -> str:
    """The same claims under another signature."""
    claims = jwt.decode(token, options={"verify_signature": False})
    kept = jwt.get_unverified_header(token)
    del kept["alg"]
    return jwt.encode(claims, key, algorithm=algorithm, headers={**kept, **headers})


def certificate(
    subject: str,
    *,
    issuer: "tuple[x509.Certificate, Any] | None" = None,
    days: tuple[int, int] = (-1, 1),
    host: str | None = None,
) -> tuple[x509.Certificate, Any]:
    """A certificate with its key, signed by the issuer, else by itself, as an authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer[0].subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=days[0]))
        .not_valid_after(now + timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if host:
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        builder = builder.add_extension(names, critical=False)
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


def write_certificate(file: Path, made: tuple[x509.Certificate, Any]) -> tuple[Path, Path]:
    """The files of the certificate and of its key."""
    file.write_bytes(made[0].public_bytes(PEM))
    return file, write_key(file.with_suffix(".key"), made[1])
