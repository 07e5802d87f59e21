"""Signed tokens: what is signed, by whom and how, is checked before anything in them counts."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa

from accounts import jose
from accounts.jose import SigningKey, Trust, Untrusted, UnusableKey
from tests.keys import forged, rsa_key, write_key, write_public_key

KEYS: dict[str, Callable[[], Any]] = {
    "EdDSA": lambda: None,
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "RS256": rsa_key,
}


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return jose.read_signing_key(write_key(tmp_path / "key.pem"))


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    given = {"iss": "us", "aud": "us", "sub": "7", "iat": now, "exp": now + 60, **changes}
    return {name: value for name, value in given.items() if value is not None}


def trust(*keys: SigningKey, **changes: Any) -> Trust:
    values: dict[str, Any] = {
        "issuer": "us",
        "audience": "us",
        "algorithms": frozenset(KEYS),
        "keys": lambda key_id: [k.public for k in keys if key_id in (None, k.id)],
        **changes,
    }
    return Trust(**values)


@pytest.mark.parametrize("algorithm", KEYS)
def test_it_works(tmp_path: Path, algorithm: str) -> None:
    key = jose.read_signing_key(write_key(tmp_path / "key.pem", KEYS[algorithm]()))
    assert key.algorithm == algorithm
    given = claims()
    token = jose.sign(given, key=key, type="at+jwt")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": key.id}
    assert jose.verify(token, trust=trust(key, type="at+jwt")) == given


def test_the_id_of_a_key_is_its_thumbprint(tmp_path: Path) -> None:
    # RFC 8037, appendix A.3: the public key of the example, and its thumbprint.
    private = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    file = write_key(tmp_path / "key.pem", ed25519.Ed25519PrivateKey.from_private_bytes(private))
    assert jose.read_signing_key(file).id == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_nothing_private_is_published(tmp_path: Path) -> None:
    for make in KEYS.values():
        public = jose.read_signing_key(write_key(tmp_path / "key.pem", make())).public
        assert not {"d", "p", "q", "dp", "dq", "qi", "oth", "k"} & public.keys()


def test_a_public_key_is_the_same_from_either_half(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    private = jose.read_public_key(write_key(tmp_path / "private.pem", key))
    assert jose.read_public_key(write_public_key(tmp_path / "public.pem", key)) == private


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(public_exponent=65537, key_size=1024),  # noqa: S505
        lambda: dsa.generate_private_key(key_size=1024),  # noqa: S505
        lambda: ec.generate_private_key(ec.SECP256K1()),
    ],
    ids=["short RSA", "DSA", "another curve"],
)
def test_a_weak_or_unknown_key_is_refused(tmp_path: Path, make: Any) -> None:
    with pytest.raises(UnusableKey):
        jose.read_signing_key(write_key(tmp_path / "key.pem", make()))


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("nothing")
    for read in (jose.read_signing_key, jose.read_public_key):
        with pytest.raises(UnusableKey):
            read(tmp_path / "key.pem")


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "them"},
        {"iss": None},
        {"aud": "them"},
        {"aud": ["them", "others"]},
        {"aud": None},
        {"exp": None},
        {"exp": int(time.time()) - 1},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 86_400},
        {"iat": None},
        {"iat": int(time.time()) + 86_400},
        {"sub": None},
    ],
    ids=lambda changes: " ".join(f"{name}" for name in changes),
)
def test_every_claim_counts(key: SigningKey, changes: dict[str, Any]) -> None:
    with pytest.raises(Untrusted):
        jose.verify(jose.sign(claims(**changes), key=key, type="JWT"), trust=trust(key))


def test_an_algorithm_outside_the_list_is_refused(key: SigningKey) -> None:
    token = jose.sign(claims(), key=key, type="JWT")
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key, algorithms=frozenset({"RS256"})))


def test_no_signature_is_none(key: SigningKey) -> None:
    bare = forged(jose.sign(claims(), key=key, type="JWT"), key=None, algorithm="none")
    with pytest.raises(Untrusted):
        jose.verify(bare, trust=trust(key))


def test_a_public_key_is_no_shared_secret(tmp_path: Path) -> None:
    file = write_key(tmp_path / "key.pem", rsa_key())
    key = jose.read_signing_key(file)
    public = write_public_key(tmp_path / "public.pem", rsa_key()).read_bytes()
    # PyJWT itself refuses to sign so.
    header, payload, _ = jose.sign(claims(), key=key, type="JWT").split(".")
    header = _encoded({"alg": "HS256", "typ": "JWT", "kid": key.id})
    signature = hmac.new(public, f"{header}.{payload}".encode(), hashlib.sha256).digest()
    token = f"{header}.{payload}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key))


def test_a_symmetric_key_in_a_published_list_is_none(key: SigningKey) -> None:
    secret = b"0123456789abcdef0123456789abcdef"
    shared = {"kty": "oct", "k": base64.urlsafe_b64encode(secret).decode(), "kid": "1"}
    token = jwt.encode(claims(), secret, algorithm="HS256", headers={"kid": "1"})
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(keys=lambda _: [shared], algorithms=frozenset({"HS256"})))


def test_a_key_serves_its_own_algorithm_alone(tmp_path: Path) -> None:
    key = jose.read_signing_key(write_key(tmp_path / "key.pem", rsa_key()))
    token = forged(jose.sign(claims(), key=key, type="JWT"), key=rsa_key(), algorithm="RS512")
    allowed = frozenset({"RS256", "RS512"})
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key, algorithms=allowed))


def test_another_type_of_token_is_refused(key: SigningKey) -> None:
    token = jose.sign(claims(), key=key, type="rt+jwt")
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key, type="at+jwt"))


def test_without_a_key_id_any_key_may_be_the_one(tmp_path: Path, key: SigningKey) -> None:
    other = jose.read_signing_key(write_key(tmp_path / "other.pem"))
    token = jwt.encode(claims(), other.private, algorithm="EdDSA")
    assert jose.verify(token, trust=trust(key, other))
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key))


def test_a_changed_payload_is_refused(key: SigningKey) -> None:
    header, _, signature = jose.sign(claims(), key=key, type="JWT").split(".")
    token = f"{header}.{_encoded(claims(sub='1'))}.{signature}"
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key))


@pytest.mark.parametrize(
    "token", ["..", "a.b.c", "é.é.é", "e30.e30.", "bnVsbA.bnVsbA.AA", "[].[].x"]
)
def test_what_is_no_token_is_refused(key: SigningKey, token: str) -> None:
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key))


def test_what_is_no_token_names_no_issuer() -> None:
    for token in ("..", "a.b.c", "é.é.é"):
        with pytest.raises(Untrusted):
            jose.claimed_issuer(token)


def test_what_is_critical_and_unknown_is_refused(key: SigningKey) -> None:
    token = forged(
        jose.sign(claims(), key=key, type="JWT"),
        key=key.private,
        algorithm="EdDSA",
        crit=["b64x"],
        b64x=True,
    )
    with pytest.raises(Untrusted):
        jose.verify(token, trust=trust(key))


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
