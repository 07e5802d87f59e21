"""How long a text is in a model's own tokens, and where those begin."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embeddings.engine import hashing
from embeddings.engine.catalog import describe_model, find_model
from embeddings.engine.interface import EngineOptions
from embeddings.engine.prepare import TOKENIZER_FILE

if TYPE_CHECKING:  # heavy: the web layer imports this module
    from tokenizers import Tokenizer

PIECE_CHARS = 65_536
"""Read at once: an encoding takes some hundred times the memory of its text."""

ESTIMATED_SHARE = 0.75
"""How much of what a model elsewhere reads its chunks may fill by the estimate, which is 99 times
in 100 no less than 0.78 of the tokens of either vocabulary that it was compared with."""

WORDS = r"[\p{L}\p{N}_]+"
"""What the hashing embedder reads as tokens, Python's `\\w+`."""

ESTIMATE = (
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]|[\p{L}\p{M}]{1,4}|\p{N}{1,2}"
    r"|[^\s\p{L}\p{M}\p{N}]"
)
"""Tokens of a vocabulary that is not known here: four letters at most. MiniLM's WordPiece makes
0.68 to 0.90 as many of English and of code and 0.99 of XQuAD's languages, cl100k_base 0.67 to
0.87."""

_SPACE = re.compile(r"\s(?=\S)")


class Ruler:
    """Measures texts; safe to share. `room` is how many tokens of a text the model reads beside
    its prompt and the special ones.
    """

    def __init__(self, tokenizer: "Tokenizer", *, max_tokens: int, prompt: str = "") -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        special = tokenizer.num_special_tokens_to_add(is_pair=False)
        self.room = max_tokens - special - (self.count([prompt])[0] if prompt else 0)

    @property
    def json(self) -> str:
        """The tokenizer, as its library writes it."""
        return self._tokenizer.to_str()

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, special ones apart."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding) for encoding in encodings]

    def starts(self, text: str) -> NDArray[np.int64]:
        """The character at which each token begins, ascending."""
        parts = [
            np.array(
                self._tokenizer.encode(text[start:end], add_special_tokens=False).offsets
            ).reshape(-1, 2)[:, 0]
            + start
            for start, end in _pieces(text)
        ]
        # A byte of a character may count as a token that began with a later one.
        return np.maximum.accumulate(np.concatenate([*parts, np.empty(0, dtype=np.int64)]))


def load_ruler(name: str, options: EngineOptions) -> Ruler:
    """The model's own, read from its files, wherever the model itself runs; an estimate where its
    vocabulary is elsewhere.

    Raises UnknownModel, UnusableModel.
    """
    from tokenizers import Tokenizer  # heavy: not needed until someone asks

    info = describe_model(name, options)
    if info.fingerprint == hashing.fingerprint():
        return Ruler(_matching(WORDS), max_tokens=info.max_tokens)
    if info.provider == "remote":
        return Ruler(_matching(ESTIMATE), max_tokens=int(info.max_tokens * ESTIMATED_SHARE))
    card = find_model(name, options).card
    tokenizer = Tokenizer.from_file(str(card.folder / TOKENIZER_FILE))
    return Ruler(tokenizer, max_tokens=card.max_tokens, prompt=card.prompts["document"])


def _matching(pattern: str) -> "Tokenizer":
    """One token for each match of the pattern, and nothing for what lies between."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"": 0}, unk_token=""))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "removed", invert=True)
    return tokenizer


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Ends before white space, where a vocabulary has no token across, as far as there is any."""
    start = 0
    while start < len(text):
        end = start + PIECE_CHARS
        if end < len(text):
            spaces = [match.start() for match in _SPACE.finditer(text, end - 1_000, end)]
            end = spaces[-1] if spaces else end
        yield start, min(end, len(text))
        start = end
