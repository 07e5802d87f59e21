"""Declared remote models: what each is, and its embedder."""

import hashlib
import time
from collections.abc import Callable
from typing import Any

import orjson

from embeddings.engine.interface import Embedder, EngineOptions, ModelInfo, UnusableModel
from embeddings.engine.remote import RemoteEmbedder, RemoteModel
from embeddings.engine.remote_failures import BadAnswer, ProviderFailure
from embeddings.engine.remote_http import Limits
from embeddings.engine.remote_provider import Provider
from embeddings.types.model import ModelDeclaration

_reasons: dict[str, set[str]] = {}
"""Why a provider did not say what a model is, each told once until it does: everyone who lists the
models runs into it."""

MODELS_BYTES = 4 * 1024 * 1024
"""Of a provider's list of models, at most."""


def describe_remote(declaration: ModelDeclaration, options: EngineOptions) -> ModelInfo:
    """What the model is, as declared; what is not, an instance of this service is asked for.

    Raises UnusableModel, EngineUnavailable.
    """
    return _describe(declaration, _stated(declaration, options))


def load_remote(
    declaration: ModelDeclaration,
    options: EngineOptions,
    *,
    fallback: Callable[[], Embedder] | None = None,
) -> RemoteEmbedder:
    """The model's embedder; `fallback` gives the one to ask when it fails.

    Raises UnusableModel, EngineUnavailable.
    """
    stated = _stated(declaration, options)
    info = _describe(declaration, stated)
    model = RemoteModel(
        name=info.name,
        remote_name=declaration.remote_name or info.name,
        protocol=declaration.protocol,
        dimensions=info.dimensions,
        max_tokens=info.max_tokens,
        fingerprint=info.fingerprint,
        expected=str(stated.get("fingerprint", "")),
        query_prompt=declaration.query_prompt or "",
        document_prompt=declaration.document_prompt or "",
        normalize=bool(declaration.normalize),
    )
    return RemoteEmbedder(model, _provider(declaration), options=options.remote, fallback=fallback)


def _describe(declaration: ModelDeclaration, stated: dict[str, Any]) -> ModelInfo:
    dimensions = declaration.dimensions or stated.get("dimensions")
    max_tokens = declaration.max_tokens or stated.get("max_tokens")
    if not isinstance(dimensions, int) or not isinstance(max_tokens, int):
        raise UnusableModel(
            f"{declaration.name}: declare its dimensions and max_tokens, which its provider"
            " does not tell."
        )
    own = str(stated.get("fingerprint", ""))
    normalized = declaration.normalize
    return ModelInfo(
        name=declaration.name,
        dimensions=dimensions,
        max_tokens=max_tokens,
        revision=str(stated.get("revision", "")),
        fingerprint=declaration.fingerprint or _fingerprint(declaration, dimensions, own),
        provider="remote",
        matryoshka=declaration.matryoshka or tuple(stated.get("matryoshka", ())),
        normalized=bool(stated.get("normalized", True)) if normalized is None else normalized,
        precision=declaration.precision or "float32",
        price_per_million_tokens=declaration.price_per_million_tokens,
        token_ids=declaration.token_ids,
    )


def _provider(declaration: ModelDeclaration) -> Provider:
    key = declaration.api_key
    try:
        return Provider(
            model=declaration.name,
            url=declaration.url or "",
            api_key=key.get_secret_value() if key else None,
        )
    except ValueError as error:
        raise UnusableModel(f"{declaration.name}: {error}.") from None


def _stated(declaration: ModelDeclaration, options: EngineOptions) -> dict[str, Any]:
    """What an instance of this service says of its model; other servers say nothing of use."""
    if declaration.protocol != "embed":
        return {}
    name = declaration.remote_name or declaration.name
    provider = _provider(declaration)

    def read(answer: Any) -> dict[str, Any]:
        models = answer.get("data") if isinstance(answer, dict) else None
        if not isinstance(models, list):
            raise BadAnswer("the answer is no list of models")
        named = (each for each in models if isinstance(each, dict) and each.get("id") == name)
        return next(named, {})

    remote = options.remote
    limits = Limits(
        deadline=time.monotonic() + remote.budget,
        connect=remote.connect_timeout,
        silence=remote.read_timeout,
        max_bytes=MODELS_BYTES,
    )
    try:
        found = provider.call("GET", "/models", read=read, limits=limits)
    except ProviderFailure as failure:
        reasons = _reasons.setdefault(declaration.name, set())
        quiet = failure.reason in reasons
        reasons.add(failure.reason)
        raise provider.unavailable(failure, quiet=quiet) from None
    finally:
        provider.close()
    _reasons.pop(declaration.name, None)
    if not found:
        raise UnusableModel(f"{declaration.name}: {provider.origin} serves no model {name}.")
    if not found.get("usable", True):
        raise UnusableModel(f"{declaration.name}: {provider.origin} can't use its {name} now.")
    return found


def _fingerprint(declaration: ModelDeclaration, dimensions: int, own: str) -> str:
    """The provider's, unless we change what it makes; else of all that decides the vectors.

    The url is part of that: of two servers' models of one name nobody knows whether they are one.
    """
    ours = (declaration.query_prompt, declaration.document_prompt, declaration.normalize)
    if own and not any(ours):
        return own
    name = declaration.remote_name or declaration.name
    identity = [own or declaration.url, name, dimensions, *ours]
    return hashlib.sha256(orjson.dumps(["remote", *identity])).hexdigest()
