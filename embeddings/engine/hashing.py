"""An embedder without a model: hashed words and character n-grams, for tests and demos."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from embeddings.engine.interface import Embedded, InputType, RuntimeName
from embeddings.exceptions import CallerGone, TextTooLong

NAME = "hashing-384"
DIMENSIONS = 384
MAX_TOKENS = 1_000_000
ALGORITHM = 1
"""Part of the fingerprint: raise it with any change that moves a vector."""

NGRAM = 3
NGRAM_WEIGHT = 0.4
"""n-grams relate `database` and `databases`; words tell more, so they weigh more."""

_WORD = re.compile(r"\w+")


def fingerprint() -> str:
    """Identity of the hashing embedder's vectors."""
    return hashlib.sha256(f"{NAME}:{ALGORITHM}:{DIMENSIONS}:{MAX_TOKENS}".encode()).hexdigest()


class HashingEmbedder:
    """Feature hashing (Weinberger et al. 2009, arXiv:0902.2206): signed, log-tf, L2-normalised.

    Texts that share words or parts of words score higher; no vector is zero.
    """

    name = NAME
    dimensions = DIMENSIONS
    runtime: RuntimeName = "hashing"

    def __init__(self, *, max_tokens: int = MAX_TOKENS) -> None:
        self.max_tokens = max_tokens
        self.fingerprint = fingerprint()

    def embed(
        self,
        texts: Sequence[str],
        *,
        input_type: InputType = "document",  # noqa: ARG002 - one space for both
        truncate: bool = True,
        gone: Callable[[], bool] | None = None,
    ) -> Embedded:
        """As Embedder.embed; a token is a word. Asks `gone` once: it takes no time to speak of."""
        if gone is not None and gone():
            raise CallerGone
        words = [_words(text) for text in texts]
        too_long = [len(each) > self.max_tokens for each in words]
        if not truncate and True in too_long:
            first = too_long.index(True)
            raise TextTooLong(index=first, tokens=len(words[first]), max_tokens=self.max_tokens)
        vectors = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for row, each in enumerate(words):
            vectors[row] = _vector(each[: self.max_tokens])
        return Embedded(
            vectors=vectors,
            tokens=np.array([min(len(each), self.max_tokens) for each in words], dtype=np.int32),
            truncated=np.array(too_long, dtype=np.bool_),
        )

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Words of each text."""
        return [len(_words(text)) for text in texts]

    def close(self) -> None:
        """Nothing is held."""


def _words(text: str) -> list[str]:
    """Words, or the single characters of a text that has none; never an empty list."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _WORD.findall(folded) or list(folded) or [""]


@lru_cache(maxsize=65_536)
def _features(word: str) -> tuple[tuple[int, float], ...]:
    """Hash and weight of the word itself and of its n-grams, its ends marked."""
    marked = f"<{word}>"
    ngrams = {marked[at : at + NGRAM] for at in range(len(marked) - NGRAM + 1)} - {marked}
    own = (crc32(f"w {word}".encode("utf-8", "surrogatepass")), 1.0)
    parts = (
        (crc32(f"n {ngram}".encode("utf-8", "surrogatepass")), NGRAM_WEIGHT)
        for ngram in sorted(ngrams)
    )
    return (own, *parts)


def _vector(words: list[str]) -> NDArray[np.float32]:
    counts = Counter(feature for word in words for feature in _features(word))
    hashes = np.array([hashed for hashed, _ in counts], dtype=np.uint32)
    weights = np.array([weight for _, weight in counts], dtype=np.float64)
    weights *= 1.0 + np.log(np.array(list(counts.values()), dtype=np.float64))
    signs = np.where(hashes >> np.uint32(31), -1.0, 1.0)
    vector = np.bincount(hashes % DIMENSIONS, weights=weights * signs, minlength=DIMENSIONS)
    norm = float(np.linalg.norm(vector))
    if norm < 1e-9:  # every feature met its opposite in the same bucket
        vector[:] = 0.0
        vector[int(hashes[0]) % DIMENSIONS] = norm = 1.0
    return (vector / norm).astype(np.float32)
