"""Embedding within OpenAI's limits, token ids too."""

from collections.abc import Callable, Sequence

from django.conf import settings

from accounts.principal import Principal
from embeddings.engine import Embedder, cl100k
from embeddings.exceptions import EmptyText, InputTooLong, TooManyTokens, UnknownToken
from embeddings.services.embed import embed_texts
from embeddings.services.engine import get_embedder, model_info
from embeddings.services.vocabulary import vocabulary_of
from embeddings.types.embed import EmbedResult

Inputs = Sequence[str | list[int]]
"""Texts, or the token ids of each text."""

MAX_INPUTS = 2048
MAX_INPUT_TOKENS = 8192
MAX_REQUEST_TOKENS = 300_000
"""As OpenAI documents its embeddings."""

TOKENS_PER_CHARACTER = 4
"""No common tokenizer makes more of a character that is not ASCII, which has up to 4 bytes."""

SPECIAL_TOKENS = 4
"""No common tokenizer adds more to a text."""

COUNTED_AT_ONCE = 64
"""So that what is far over the limit is not counted to its end."""


def embed_openai(
    *,
    principal: Principal,
    inputs: Inputs,
    model: str,
    dimensions: int | None,
    gone: Callable[[], bool] | None = None,
) -> EmbedResult:
    """The vectors of texts or token ids.

    Raises EmptyText, InputTooLong, TooManyTokens, UnknownToken, NoVocabulary, and what embed_texts
    raises.
    """
    check_tokens(embedder=get_embedder(model), inputs=inputs)
    decode = _decoder(model)
    texts = [_text(item, decode, param=f"input.{at}") for at, item in enumerate(inputs)]
    return embed_texts(
        principal=principal,
        texts=texts,
        model=model,
        dimensions=dimensions,
        allow_blank=True,
        gone=gone,
    )


def check_tokens(*, embedder: Embedder, inputs: Inputs) -> None:
    """Raises InputTooLong or TooManyTokens; counts only what could be too much."""
    most = [_most_tokens(item) for item in inputs]
    if max(most) <= MAX_INPUT_TOKENS and sum(most) <= MAX_REQUEST_TOKENS:
        return
    total = 0
    for start in range(0, len(inputs), COUNTED_AT_ONCE):
        counts = _count(embedder, inputs[start : start + COUNTED_AT_ONCE])
        for index, tokens in enumerate(counts, start):
            if tokens > MAX_INPUT_TOKENS:
                raise InputTooLong(
                    param=f"input.{index}", index=index, tokens=tokens, limit=MAX_INPUT_TOKENS
                )
        total += sum(counts)
        if total > MAX_REQUEST_TOKENS:
            raise TooManyTokens(param="input", limit=MAX_REQUEST_TOKENS)


def _most_tokens(item: str | list[int]) -> int:
    if isinstance(item, list):
        return len(item)
    return len(item) * (1 if item.isascii() else TOKENS_PER_CHARACTER) + SPECIAL_TOKENS


def _count(embedder: Embedder, inputs: Inputs) -> list[int]:
    texts = [item for item in inputs if isinstance(item, str)]
    return embedder.count_tokens(texts) if texts else [len(ids) for ids in inputs]


def _decoder(model: str) -> Callable[[list[int]], str]:
    """What makes text of token ids, in the vocabulary that the model's operator declared."""
    if model_info(model).token_ids == "own":  # noqa: S105 - no password
        return lambda ids: vocabulary_of(model).decode(ids)
    return cl100k.decode


def _text(item: str | list[int], decode: Callable[[list[int]], str], *, param: str) -> str:
    if isinstance(item, list):
        try:
            return decode(item)
        except UnknownToken as error:
            raise UnknownToken(param=param, **error.values) from None
    if not item and not settings.EMBED.openai_empty_text:
        raise EmptyText(param=param, needed="character")
    return item
