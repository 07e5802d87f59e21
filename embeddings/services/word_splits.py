"""How finely a model's tokenizer splits the words of a text: a tokenizer that was made for other
languages cuts words into pieces that mean nothing, and the model knows them badly.
"""

import re

from embeddings.exceptions import EngineUnavailable
from embeddings.models import Generation
from embeddings.services.engine import model_info, require_fingerprint

PIECE_LETTERS = 4
"""Of a word that the model knows. MiniLM's pieces have 4.7 letters in English, 2.7 in German and
2.8 in Spanish (XQuAD's paragraphs)."""

_WORD = re.compile(r"(?=[^\W\d_])[\u2e80-\U0003ffff]|[^\W\d_\u2e80-\U0003ffff]+")
"""A run of letters; of the scripts that don't divide words, a single one."""


def split_fineness(*, generation: Generation, text: str) -> float:
    """How many times more pieces the words have than where the model knows them; 1 at least. 1 too
    where nobody can say: of a remote model's tokenizer, or while the model can't be used.
    """
    words = _WORD.findall(text)
    try:
        embedder = require_fingerprint(model=generation.model, fingerprint=generation.fingerprint)
        if not words or model_info(generation.model).provider == "remote":
            return 1.0
        with_special, special = embedder.count_tokens([" ".join(words), ""])
    except EngineUnavailable:
        return 1.0
    return fineness(words=words, pieces=with_special - special)


def fineness(*, words: list[str], pieces: int) -> float:
    """The same of so many pieces. A short word is one piece in any case."""
    known = max(len(words), sum(map(len, words)) / PIECE_LETTERS)
    return max(pieces / known, 1.0)
