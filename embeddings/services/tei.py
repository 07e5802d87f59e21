"""What text-embeddings-inference does, with the default model: it knows no other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from accounts.principal import Principal
from embeddings.engine.vocabulary import Token
from embeddings.exceptions import EmptyText, InvalidRequest
from embeddings.services.embed import check_text, embed_texts
from embeddings.services.engine import model_info
from embeddings.services.vocabulary import vocabulary_of
from embeddings.types.embed import InputType


@dataclass(frozen=True, slots=True)
class TeiOptions:
    """How texts are read. `keep_end` is what is cut of a text that is too long."""

    input_type: InputType = "document"
    truncate: bool = True
    keep_end: bool = False


def embed_tei(
    *,
    principal: Principal,
    texts: Sequence[str],
    options: TeiOptions,
    normalize: bool = True,
    dimensions: int | None = None,
    gone: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """The texts' vectors, float32 `(n, dimensions)`.

    Raises EmptyText, InvalidRequest, NoVocabulary, and what embed_texts raises.
    """
    info = model_info(settings.EMBED.default_model)
    if info.normalized and not normalize:
        detail = f"{info.name} normalises its vectors by itself. Leave the field out."
        raise InvalidRequest(param="normalize", detail=detail)
    for index, text in enumerate(texts):
        if not text:
            raise EmptyText(param=f"inputs.{index}", needed="character")
    if options.truncate and options.keep_end:
        texts = _endings(texts, input_type=options.input_type)
    vectors = embed_texts(
        principal=principal,
        texts=texts,
        input_type=options.input_type,
        dimensions=dimensions,
        truncate=options.truncate,
        allow_blank=True,
        gone=gone,
    ).vectors
    return _normalized(vectors) if normalize and not info.normalized else vectors


def similarities(
    *,
    principal: Principal,
    source: str,
    texts: Sequence[str],
    options: TeiOptions,
    gone: Callable[[], bool] | None = None,
) -> NDArray[np.float32]:
    """The cosine of each text and the source, float32 `(n,)`. Raises what embed_tei raises."""
    vectors = embed_tei(principal=principal, texts=[source, *texts], options=options, gone=gone)
    cosines: NDArray[np.float32] = vectors[1:] @ vectors[0]
    return cosines


def tokenize(
    *, texts: Sequence[str], input_type: InputType | None, special: bool
) -> list[list[Token]]:
    """The tokens of each text, after the prompt of its type; None is without one.

    Raises InvalidRequest, NoVocabulary.
    """
    for index, text in enumerate(texts):
        check_text(text, param=f"inputs.{index}", allow_blank=True)
    vocabulary = vocabulary_of(settings.EMBED.default_model)
    prompt = vocabulary.prompts[input_type] if input_type else ""
    return vocabulary.tokenize([prompt + text for text in texts], special=special)


def _endings(texts: Sequence[str], *, input_type: InputType) -> list[str]:
    for index, text in enumerate(texts):
        check_text(text, param=f"inputs.{index}", allow_blank=True)
    return vocabulary_of(settings.EMBED.default_model).endings(texts, input_type=input_type)


def _normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    normalized: NDArray[np.float32] = vectors / np.maximum(lengths, np.finfo(np.float32).tiny)
    return normalized
