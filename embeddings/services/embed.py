"""Texts to vectors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from django.conf import settings

from accounts.principal import Principal
from embeddings.cache import (
    Area,
    Fetched,
    Kind,
    kind_of,
    pack,
    pack_vector,
    text_keys,
    the_cache,
    unpack,
    vectors_of,
)
from embeddings.engine import Embedded, Embedder
from embeddings.engine.matryoshka import shorten
from embeddings.exceptions import EmptyText, InvalidRequest, TextTooLong
from embeddings.services.audit_reads import note_use
from embeddings.services.budgets import charged
from embeddings.services.engine import get_embedder, model_info, run_embedder
from embeddings.services.usage import record_usage
from embeddings.types.embed import EmbedResult, InputType
from embeddings.types.text import is_storable

Gone = Callable[[], bool]


def embed_texts(
    *,
    principal: Principal,
    texts: Sequence[str],
    model: str | None = None,
    input_type: InputType = "document",
    dimensions: int | None = None,
    truncate: bool = True,
    allow_blank: bool = False,
    gone: Gone | None = None,
) -> EmbedResult:
    """The texts' vectors in their order, by the default model unless another is named.

    Raises EmptyText, InvalidRequest, UnknownModel, TextTooLong (only with `truncate` off),
    EngineUnavailable, and CallerGone once `gone()` says so.
    """
    for index, text in enumerate(texts):
        check_text(text, param=f"input.{index}", allow_blank=allow_blank)
    embedder = get_embedder(model or settings.EMBED.default_model)
    _check_dimensions(embedder, dimensions)
    try:
        result = embed_cached(
            embedder=embedder,
            owner_id=principal.user_id,
            texts=texts,
            input_type=input_type,
            truncate=truncate,
            gone=gone,
        )
    except TextTooLong as error:
        index = error.values["index"]
        raise error.at(f"input.{index}", index=index) from None
    record_usage(
        model=result.model, tokens=int(result.tokens.sum()), cached_tokens=result.cached_tokens
    )
    note_use(
        event="texts.embed", model=result.model, count=len(texts), tokens=int(result.tokens.sum())
    )
    if dimensions in (None, result.dimensions):
        return result
    return replace(result, dimensions=dimensions, vectors=shorten(result.vectors, dimensions))


def _check_dimensions(embedder: Embedder, dimensions: int | None) -> None:
    """A model that was not trained for it gives vectors that are worth little when they are cut."""
    if dimensions in (None, embedder.dimensions):
        return
    sizes = sorted(model_info(embedder.name).matryoshka)
    if dimensions not in sizes:
        given = ", ".join(map(str, sizes))
        advice = f"Ask for one of {given}, or leave" if sizes else "It can't be cut; leave"
        raise InvalidRequest(
            param="dimensions",
            detail=f"A vector of {embedder.name} has {embedder.dimensions} dimensions."
            f" {advice} the field out.",
        )


def embed_cached(
    *,
    embedder: Embedder,
    owner_id: int | None,
    texts: Sequence[str],
    input_type: InputType = "document",
    truncate: bool = True,
    gone: Gone | None = None,
) -> EmbedResult:
    """The texts' vectors, from the cache as far as they are in it; `owner_id` is whose cached
    vectors may serve, and None passes the cache by.

    Raises what `Embedder.embed` does, and QuotaExceeded; TextTooLong may name another text than the
    first, if that one is known to be too long.
    """
    run = partial(_run, embedder, input_type=input_type, truncate=truncate, gone=gone)
    if owner_id is None:
        made = run(texts)
        return EmbedResult(
            model=embedder.name,
            dimensions=embedder.dimensions,
            vectors=made.vectors,
            tokens=made.tokens,
            truncated=made.truncated,
            cached=np.zeros(len(texts), dtype=np.bool_),
        )
    area = vectors_of(model=embedder.name, dimensions=embedder.dimensions)
    keys = text_keys(
        area,
        texts,
        owner_id=owner_id,
        fingerprint=embedder.fingerprint,
        input_type=input_type,
        max_tokens=embedder.max_tokens,
        truncate=truncate,
    )
    compute = partial(_compute, area, embedder, texts, keys, run)
    fetched = the_cache().fetch(area=area, keys=keys, compute=compute, gone=gone)
    return _result(embedder, keys, fetched)


def _run(embedder: Embedder, texts: Sequence[str], **options: Any) -> Embedded:
    """What run_embedder returns, on the account of whoever it is done for."""
    most = embedder.max_tokens
    return charged(
        count=lambda: sum(min(tokens, most) for tokens in embedder.count_tokens(texts)),
        work=lambda: run_embedder(embedder, texts, **options),
        tokens=lambda made: int(made.tokens.sum()),
    )


def _compute(
    area: Area,
    embedder: Embedder,
    texts: Sequence[str],
    keys: Sequence[bytes],
    run: Callable[[list[str]], Embedded],
    missing: list[bytes],
    found: Mapping[bytes, bytes],
) -> dict[bytes, bytes]:
    _refuse_long(embedder, keys, found)
    by_key = dict(zip(keys, texts, strict=True))
    try:
        made = run([by_key[key] for key in missing])
    except TextTooLong as error:
        key = missing[error.values["index"]]
        refusal = pack(key=key, kind=Kind.TOO_LONG, tokens=error.values["tokens"])
        the_cache().store(area, {key: refusal})
        raise TextTooLong(**{**error.values, "index": keys.index(key)}) from None
    rows = zip(missing, made.vectors, made.tokens, made.truncated, strict=True)
    return {
        key: pack_vector(key=key, vector=vector, tokens=tokens, truncated=truncated)
        for key, vector, tokens, truncated in rows
    }


def _refuse_long(embedder: Embedder, keys: Sequence[bytes], found: Mapping[bytes, bytes]) -> None:
    for index, key in enumerate(keys):
        if key in found and kind_of(found[key]) == Kind.TOO_LONG:
            tokens = unpack(found[key]).tokens
            raise TextTooLong(index=index, tokens=tokens, max_tokens=embedder.max_tokens)


def _result(embedder: Embedder, keys: Sequence[bytes], fetched: Fetched) -> EmbedResult:
    _refuse_long(embedder, keys, fetched.values)
    values = [unpack(fetched.values[key]) for key in keys]
    vectors = np.frombuffer(bytearray().join(value.payload for value in values), dtype="<f4")
    return EmbedResult(
        model=embedder.name,
        dimensions=embedder.dimensions,
        vectors=vectors.reshape(len(keys), -1).astype(np.float32, copy=False),
        tokens=np.array([value.tokens for value in values], dtype=np.int32),
        truncated=np.array([value.kind == Kind.TRUNCATED_VECTOR for value in values]),
        cached=np.array([key in fetched.cached for key in keys]),
    )


def check_text(text: str, *, param: str, allow_blank: bool = False) -> None:
    """Raises EmptyText or InvalidRequest for what no model should read and PostgreSQL can't
    hold.
    """
    if not allow_blank and not text.strip():
        raise EmptyText(param=param, needed="character that is not white space")
    if len(text) > settings.EMBED.max_text_chars:
        limit = settings.EMBED.max_text_chars
        detail = f"The text has {len(text)} characters; the limit is {limit}. Split it."
        raise InvalidRequest(param=param, detail=detail)
    if not is_storable(text):
        raise InvalidRequest(
            param=param, detail="The text holds NUL or a lone surrogate. Remove it."
        )
