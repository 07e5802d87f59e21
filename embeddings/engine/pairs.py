"""A query and each of many texts to the token ids of pairs, as a cross-encoder reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

from embeddings.engine.reading import Reader


@dataclass(frozen=True, slots=True)
class ReadPairs:
    """Ids and types (which of the two a token belongs to), special tokens included, and which pairs
    did not fit.
    """

    token_ids: list[list[int]]
    type_ids: list[list[int]]
    truncated: list[bool]


class PairReader(Reader):
    """Cuts pairs as transformers' `truncation="longest_first"`, which sentence-transformers asks
    for.
    """

    def __init__(self, tokenizer: Tokenizer, *, max_tokens: int) -> None:
        super().__init__(tokenizer, max_tokens=max_tokens)
        self._pair_special = tokenizer.num_special_tokens_to_add(is_pair=True)
        self._pair_room = max_tokens - self._pair_special

    def read_pairs(
        self, query: str, texts: Sequence[str], *, text_tokens: int | None = None
    ) -> ReadPairs:
        """The pairs, each cut to the model's room, and no text longer than `text_tokens`."""
        heads: dict[int, Encoding] = {}
        pairs = ReadPairs([], [], [])
        [asked] = self._encode_enough([query])
        for encoding in self._encode_enough(texts):
            length = min(len(encoding), text_tokens or len(encoding))
            of_query, of_text = longest_first(len(asked), length, room=self._pair_room)
            if of_query not in heads:
                heads[of_query] = self._head(query, of_query)
            encoding.truncate(of_text)
            pair = self._tokenizer.post_process(heads[of_query], encoding)
            pairs.token_ids.append(pair.ids)
            pairs.type_ids.append(pair.type_ids)
            pairs.truncated.append(len(asked) + length > self._pair_room)
        return pairs

    def count_pair(self, query: str, text: str) -> int:
        """Tokens of both whole, special ones included."""
        return sum(len(each) for each in self._encode([query, text])) + self._pair_special

    def _head(self, query: str, tokens: int) -> Encoding:
        [encoding] = self._encode_enough([query])
        encoding.truncate(tokens)
        return encoding


def longest_first(first: int, second: int, *, room: int) -> tuple[int, int]:
    """How many tokens are kept of each: of the longer one less, of both the half where both are
    longer than that; the odd token is the longer one's. As tokenizers' `LongestFirst`.
    """
    if first + second <= room:
        return first, second
    shorter = min(first, second, room // 2)
    longer = room - shorter
    return (longer, shorter) if first > second else (shorter, longer)
