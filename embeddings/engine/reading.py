"""Texts to token ids, by the model's own tokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

CHARS_PER_TOKEN = 16
"""A text is first tokenized up to this many characters for each token the model reads; English
has about 4.5."""


@dataclass(frozen=True, slots=True)
class ReadTexts:
    """Ids as the model reads them, special ones included, and which texts did not fit."""

    token_ids: list[list[int]]
    truncated: list[bool]


class Reader:
    """Tokenizes in Rust batches and cuts to what the model reads; safe to share."""

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        # tokenizer.json may carry padding and truncation of its own (MiniLM's: 128 tokens).
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._special = tokenizer.num_special_tokens_to_add(is_pair=False)
        self._room = max_tokens - self._special

    def read(self, texts: Sequence[str], *, at_most: int | None = None) -> ReadTexts:
        """The first tokens of each text that the model has room for, or `at_most` of them, which
        does not count as truncated.
        """
        kept = min(self._room, at_most or self._room)
        token_ids = []
        truncated = []
        for encoding in self._encode_enough(texts):
            wanted = min(len(encoding), at_most or len(encoding))
            truncated.append(wanted > self._room)
            encoding.truncate(kept)
            token_ids.append(self._tokenizer.post_process(encoding).ids)
        return ReadTexts(token_ids=token_ids, truncated=truncated)

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of the whole texts, special ones included."""
        return [len(encoding) + self._special for encoding in self._encode(texts)]

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        return self._tokenizer.encode_batch(list(texts), add_special_tokens=False)

    def _encode_enough(self, texts: Sequence[str]) -> list[Encoding]:
        """As much of each text as decides the first tokens; absurdly long texts are not tokenized
        to their end unless their beginning is nearly empty.
        """
        bound = self._room * CHARS_PER_TOKEN
        encodings = self._encode([text[:bound] for text in texts])
        unsettled = [
            index
            for index, text in enumerate(texts)
            if len(text) > bound and not self._settled(encodings[index])
        ]
        whole = self._encode([texts[index] for index in unsettled])
        for index, encoding in zip(unsettled, whole, strict=True):
            encodings[index] = encoding
        return encodings

    def _settled(self, encoding: Encoding) -> bool:
        """Whether the tokens that will be read all lie before the word that the bound cut."""
        if len(encoding) <= self._room:
            return False
        words = encoding.word_ids
        return words[-1] is not None and words[self._room - 1] not in (None, words[-1])
