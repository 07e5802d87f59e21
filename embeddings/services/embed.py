"""Texts to vectors."""

from collections.abc import Sequence

from django.conf import settings

from embeddings.exceptions import EmptyText, InvalidRequest, TextTooLong
from embeddings.services.engine import get_embedder, run_embedder
from embeddings.types.embed import EmbedResult, InputType
from embeddings.types.text import is_storable


def embed_texts(
    *,
    texts: Sequence[str],
    model: str | None = None,
    input_type: InputType = "document",
    dimensions: int | None = None,
    truncate: bool = True,
) -> EmbedResult:
    """The texts' vectors in their order, by the default model unless another is named.

    Raises EmptyText, InvalidRequest, UnknownModel, TextTooLong (only with `truncate` off),
    EngineUnavailable.
    """
    for index, text in enumerate(texts):
        check_text(text, param=f"input.{index}")
    embedder = get_embedder(model or settings.EMBED.default_model)
    if dimensions not in (None, embedder.dimensions):
        raise InvalidRequest(
            param="dimensions",
            detail=f"{embedder.name} has {embedder.dimensions} dimensions and was not trained for"
            " fewer. Leave the field out.",
        )
    try:
        embedded = run_embedder(embedder, texts, input_type=input_type, truncate=truncate)
    except TextTooLong as error:
        index = error.values["index"]
        raise error.at(f"input.{index}", index=index) from None
    return EmbedResult(
        model=embedder.name,
        dimensions=embedder.dimensions,
        vectors=embedded.vectors,
        tokens=embedded.tokens,
        truncated=embedded.truncated,
    )


def check_text(text: str, *, param: str) -> None:
    """Raises EmptyText or InvalidRequest for what no model should read and PostgreSQL can't
    hold.
    """
    if not text.strip():
        raise EmptyText(param=param)
    if len(text) > settings.EMBED.max_text_chars:
        limit = settings.EMBED.max_text_chars
        detail = f"The text has {len(text)} characters; the limit is {limit}. Split it."
        raise InvalidRequest(param=param, detail=detail)
    if not is_storable(text):
        raise InvalidRequest(
            param=param, detail="The text holds NUL or a lone surrogate. Remove it."
        )
