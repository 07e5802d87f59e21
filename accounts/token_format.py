"""The form of an API token, `emb_<key>_<secret><checksum>`, and the keyed hash that is stored."""

import hmac
import re
import secrets
import string
import zlib

from django.conf import settings

ALPHABET = string.ascii_letters + string.digits
KEY_CHARS = 12
SECRET_CHARS = 40
"""Of 62 each: 238 bits, which nobody guesses; so a fast hash is as good as a slow one."""

KEY_PATTERN = f"[A-Za-z0-9]{{{KEY_CHARS}}}"
TOKEN_PATTERN = re.compile(rf"emb_({KEY_PATTERN})_([A-Za-z0-9]{{{SECRET_CHARS}}})([0-9a-f]{{8}})")


def is_key(text: str) -> bool:
    """Whether it may be one; anything else is not asked of the database."""
    return re.fullmatch(KEY_PATTERN, text) is not None


def new_key() -> str:
    """What finds a token's row, and names the token to people."""
    return _random(KEY_CHARS)


def new_secret() -> str:
    """What proves the caller."""
    return _random(SECRET_CHARS)


def spell(*, key: str, secret: str) -> str:
    """The token as its holder has it."""
    return f"emb_{key}_{secret}{checksum(key + secret)}"


def parse(plaintext: str) -> tuple[str, str] | None:
    """Key and secret; None for what is no token, or a mistyped one."""
    parts = TOKEN_PATTERN.fullmatch(plaintext)
    if parts is None or parts[3] != checksum(parts[1] + parts[2]):
        return None
    return parts[1], parts[2]


def checksum(text: str) -> str:
    """CRC-32: for typing errors, not for attackers."""
    return f"{zlib.crc32(text.encode()):08x}"


def digests(secret: str) -> list[bytes]:
    """The keyed hashes that may be stored of the secret: by the present pepper, then by the one
    before it.
    """
    return [
        hmac.digest(f"api token {pepper}".encode(), secret.encode(), "sha256")
        for pepper in _peppers()
    ]


def pepper_id() -> str:
    """Names the present pepper without telling it."""
    return hmac.digest(_peppers()[0].encode(), b"pepper id", "sha256").hex()[:16]


def _peppers() -> list[str]:
    config = settings.EMBED
    previous = config.token_pepper_previous
    peppers = [config.token_pepper or config.secret_key, *([previous] if previous else [])]
    return [pepper.get_secret_value() for pepper in peppers]


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
