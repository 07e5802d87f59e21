"""Signed tokens: keys, signatures and the claims that every token has to have. The one module that
names PyJWT and the keys of `cryptography`.

PyJWT alone, rather than djangorestframework-simplejwt around it: that knows one key and no `kid`,
so that no key could be replaced while it serves, and here tokens of others are checked by the same
lines as our own.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from jwt.algorithms import get_default_algorithms

MIN_RSA_BITS = 2048
CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
FAMILIES = {"RSA": ("RS", "PS"), "EC": ("ES",), "OKP": ("EdDSA",)}
"""Which algorithms a type of key is for: a symmetric key is for none."""

REQUIRED = ["iss", "aud", "sub", "exp", "iat"]
THUMBPRINT = ("crv", "e", "kty", "n", "x", "y")
"""The members of a public key that RFC 7638 hashes."""

PublicKey = dict[str, Any]
"""A public key as RFC 7517 spells it."""


class UnusableKey(ValueError):
    """A file holds no key that tokens may be signed with; the message says why."""


class Untrusted(Exception):
    """The token is not what it says; the message is for the log alone."""


@dataclass(frozen=True)
class SigningKey:
    """A private key, its algorithm, and its public half with its id."""

    private: Any
    algorithm: str
    public: PublicKey

    @property
    def id(self) -> str:
        """The key's thumbprint."""
        return str(self.public["kid"])


@dataclass(frozen=True)
class Trust:
    """What a token of one issuer has to fulfil. `keys` finds the public keys for a `kid`."""

    issuer: str
    audience: str
    algorithms: frozenset[str]
    keys: Callable[[str | None], Iterable[PublicKey]]
    type: str | None = None
    leeway_s: int = 0


def read_signing_key(file: Path) -> SigningKey:
    """The private key in a PEM file. Raises UnusableKey."""
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise UnusableKey(f"{file} holds no PEM private key: {error}") from None
    public = _public(private.public_key(), file)
    return SigningKey(private, public["alg"], public)


def read_public_key(file: Path) -> PublicKey:
    """The public key in a PEM file, or that of the private key there. Raises UnusableKey."""
    text = file.read_bytes()
    if b"PRIVATE KEY" in text:
        return read_signing_key(file).public
    try:
        return _public(load_pem_public_key(text), file)
    except ValueError as error:
        raise UnusableKey(f"{file} holds no PEM key: {error}") from None


def sign(claims: dict[str, Any], *, key: SigningKey, type: str) -> str:  # noqa: A002
    """The token; its header names the key and the type."""
    headers = {"kid": key.id, "typ": type}
    return jwt.encode(claims, key.private, algorithm=key.algorithm, headers=headers)


def claimed_issuer(token: str) -> str:
    """Who says to have signed it: nothing is proven yet. Raises Untrusted."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise Untrusted(str(error)) from None
    return str(claims.get("iss"))


def verify(token: str, *, trust: Trust) -> dict[str, Any]:
    """The claims, all of them signed. Raises Untrusted."""
    try:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in trust.algorithms:
            raise Untrusted("algorithm")
        if trust.type is not None and header.get("typ") != trust.type:
            raise Untrusted("type")
        for key in trust.keys(key_id):
            if _serves(key, algorithm):
                with suppress(jwt.InvalidSignatureError):  # without a `kid` any key may be the one
                    return _checked(token, key, algorithm, trust)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Untrusted(str(error)) from None
    raise Untrusted("no key has signed it")


def _checked(token: str, key: PublicKey, algorithm: str, trust: Trust) -> dict[str, Any]:
    return jwt.decode(
        token,
        jwt.PyJWK(key, algorithm),
        algorithms=[algorithm],
        audience=trust.audience,
        issuer=trust.issuer,
        leeway=trust.leeway_s,
        options={"require": REQUIRED, "enforce_minimum_key_length": True},
    )


def _serves(key: PublicKey, algorithm: str) -> bool:
    """Whether the key is one for this algorithm, by its type and by what it says of itself."""
    return (
        algorithm.startswith(FAMILIES.get(key.get("kty", ""), ()))
        and key.get("alg", algorithm) == algorithm
        and key.get("use", "sig") == "sig"
    )


def _public(key: Any, file: Path) -> PublicKey:
    algorithm = _algorithm(key, file)
    shown = get_default_algorithms()[algorithm].to_jwk(key, as_dict=True)
    # `key_ops` says the same as `use`, and only one of them should be there.
    public = {name: value for name, value in shown.items() if name in THUMBPRINT}
    hashed = json.dumps(public, sort_keys=True, separators=(",", ":")).encode()
    thumbprint = base64.urlsafe_b64encode(hashlib.sha256(hashed).digest()).rstrip(b"=").decode()
    return {**public, "kid": thumbprint, "alg": algorithm, "use": "sig"}


def _algorithm(key: Any, file: Path) -> str:
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "EdDSA"
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in CURVES:
        return CURVES[key.curve.name]
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS:
        return "RS256"
    raise UnusableKey(
        f"{file}: a key must be Ed25519, EC P-256, P-384 or P-521, or RSA from {MIN_RSA_BITS} bits"
    )
