"""A model's own vocabulary: its tokens, their ids and where they stand in a text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from embeddings.engine import hashing
from embeddings.engine.catalog import describe_model, find_model
from embeddings.engine.interface import EngineOptions, InputType
from embeddings.engine.prepare import TOKENIZER_FILE
from embeddings.exceptions import NoVocabulary, UnknownToken

if TYPE_CHECKING:  # heavy: the web layer imports this module
    from tokenizers import Encoding, Tokenizer


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a text; a special one stands nowhere in it."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class Vocabulary:
    """What a model's tokenizer knows beyond reading; safe to share."""

    def __init__(
        self, tokenizer: "Tokenizer", *, prompts: Mapping[InputType, str], max_tokens: int
    ) -> None:
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self.prompts = prompts
        self._tokenizer = tokenizer
        self._room = max_tokens - tokenizer.num_special_tokens_to_add(is_pair=False)

    def tokenize(self, texts: Sequence[str], *, special: bool = True) -> list[list[Token]]:
        """The tokens of each text, all of them, with or without the special ones."""
        encodings = self._tokenizer.encode_batch(list(texts), add_special_tokens=special)
        return [_tokens(text, each) for text, each in zip(texts, encodings, strict=True)]

    def decode(self, ids: Sequence[int]) -> str:
        """The text that the ids spell, without the special ones. Raises UnknownToken."""
        for token_id in set(ids):
            if not 0 <= token_id < 2**32 or self._tokenizer.id_to_token(token_id) is None:
                raise UnknownToken(token_id=token_id, vocabulary="its own vocabulary")
        return self._tokenizer.decode(ids)

    def endings(self, texts: Sequence[str], *, input_type: InputType) -> list[str]:
        """Each text without as much of its beginning as the model has no room for, beside the
        prompt.
        """
        prompt, *encodings = self._tokenizer.encode_batch(
            [self.prompts[input_type], *texts], add_special_tokens=False
        )
        room = self._room - len(prompt)
        return [_ending(text, each, room) for text, each in zip(texts, encodings, strict=True)]


def load_vocabulary(name: str, options: EngineOptions) -> Vocabulary:
    """The model's, read from its files, wherever the model itself runs.

    Raises UnknownModel, UnusableModel, and NoVocabulary for remote models and the hashing one.
    """
    info = describe_model(name, options)
    if info.provider == "remote" or info.fingerprint == hashing.fingerprint():
        raise NoVocabulary(model=name)
    from tokenizers import Tokenizer  # heavy: not needed until someone asks

    card = find_model(name, options).card
    tokenizer = Tokenizer.from_file(str(card.folder / TOKENIZER_FILE))
    return Vocabulary(tokenizer, prompts=card.prompts, max_tokens=card.max_tokens)


def _tokens(text: str, encoding: "Encoding") -> list[Token]:
    tokens = []
    masked = zip(encoding.ids, encoding.tokens, encoding.special_tokens_mask, strict=True)
    for (token_id, name, special), (start, stop) in zip(masked, encoding.offsets, strict=True):
        if special:
            tokens.append(Token(token_id, name, special=True, start=None, stop=None))
        else:
            part = text[start:stop]
            tokens.append(Token(token_id, part, special=False, start=start, stop=stop))
    return tokens


def _ending(text: str, encoding: "Encoding", room: int) -> str:
    start = len(encoding) - room
    if start <= 0:
        return text
    words = encoding.word_ids
    # The rest of a word that was cut would be read as other tokens, maybe more of them.
    whole = (at for at in range(start, len(encoding)) if words[at] != words[at - 1])
    return text[encoding.offsets[next(whole, start)][0] :]
