"""The embedders and rerankers of this process: each model loaded once, when first used, shared by
all threads, and unloaded when it is idle or memory is short.
"""

import atexit
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import TypeVar

import structlog
from django.conf import settings
from django.db import connection

from embeddings import telemetry
from embeddings.engine import (
    LATE_INTERACTION,
    Embedded,
    Embedder,
    EngineOptions,
    InputType,
    ModelInfo,
    Reranker,
    describe_model,
    load_embedder,
    load_reranker,
    model_names,
)
from embeddings.engine.catalog import memory_needed
from embeddings.engine.door import SharedEmbedder, SharedReranker
from embeddings.engine.interface import ModelKind, Queueing, RemoteOptions, UnusableModel
from embeddings.engine.lazy import LazyEmbedder, LazyReranker
from embeddings.engine.residents import Resident, Room
from embeddings.exceptions import (
    EmbeddingsError,
    EngineUnavailable,
    ModelUnusable,
    UnknownModel,
    WrongModelKind,
)
from embeddings.services.door import shared_engine

log = structlog.stdlib.get_logger("embeddings.engine")

PRELOAD_RETRY_S = 5.0
IN_LOG = "the service's log says why."

_embedders: dict[str, Embedder] = {}
_rerankers: dict[str, Reranker] = {}
_reasons: dict[str, str] = {}


def get_embedder(name: str) -> Embedder:
    """The model's embedder; a local model is loaded when it first embeds.

    Raises UnknownModel, WrongModelKind, EngineUnavailable.
    """
    return _kept(_embedders, name, _open_embedder)


def get_reranker(name: str | None = None) -> Reranker:
    """The reranker, or without a name the default one; a local one is loaded when it first scores.

    Raises UnknownModel, WrongModelKind, EngineUnavailable.
    """
    return _kept(_rerankers, name or default_reranker(), _open_reranker)


def default_reranker() -> str:
    """The first one that the operator declared, or the one that needs no declaration."""
    declared = (each.name for each in engine_options().models if each.kind == "reranker")
    return next(declared, LATE_INTERACTION.name)


def run_embedder(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    input_type: InputType = "document",
    truncate: bool = True,
    gone: Callable[[], bool] | None = None,
) -> Embedded:
    """What `embedder.embed` returns, and raises; counted and timed.

    A caller that may go, a request, gives its database connection back while it waits: there are
    more threads than connections.
    """
    if gone is not None and not connection.in_atomic_block:
        connection.close()
    started = time.perf_counter()
    embedded = embedder.embed(texts, input_type=input_type, truncate=truncate, gone=gone)
    telemetry.embedded(
        model=embedder.name,
        texts=len(texts),
        tokens=int(embedded.tokens.sum()),
        seconds=time.perf_counter() - started,
    )
    return embedded


def preload() -> None:
    """Load the default model, so that the first request finds it; tried until it succeeds, as a
    provider or an engine instance may start after us.
    """
    while True:
        try:
            embedder = get_embedder(settings.EMBED.default_model)
            if isinstance(embedder, LazyEmbedder):
                embedder.load()
        except EngineUnavailable as error:
            log.warning("default_model_not_ready", reason=error.detail)
            time.sleep(PRELOAD_RETRY_S)
        except (UnknownModel, WrongModelKind) as error:
            log.error("default_model_unknown", reason=error.detail)
            return
        else:
            return


def is_loaded(name: str) -> bool:
    """Whether the model answers without loading first."""
    return name in loaded_models([name])


def loaded_models(names: Sequence[str]) -> set[str]:
    """Those of them that answer without loading first; an engine is asked once for all."""
    engine = shared_engine()
    held = set() if engine is None else {name for name in names if not _is_remote(name)}
    loaded = {name for name in names if name not in held and _is_loaded_here(name)}
    return loaded | engine.loaded(sorted(held)) if engine is not None and held else loaded


def waiting_tokens() -> int:
    """Tokens of the callers whose texts this process's models have not embedded yet, estimated."""
    return sum(each.waiting_tokens for each in _embedders.values() if isinstance(each, Queueing))


def model_info(
    name: str, kind: ModelKind = "embedding", *, patience: RemoteOptions | None = None
) -> ModelInfo:
    """What the model is; loads no weights, and reads the model's files, or asks its provider, once;
    with this patience, where it is not that of the configuration.

    Raises UnknownModel, WrongModelKind, EngineUnavailable.
    """
    options = engine_options()
    if patience is not None:
        options = replace(options, remote=patience)
    return _described(name, kind, options)


def require_fingerprint(*, model: str, fingerprint: str) -> Embedder:
    """The embedder that makes exactly these vectors.

    Raises ModelUnusable where the model is gone or is another one under the same name: mixing both
    in one generation would make every distance meaningless. EngineUnavailable.
    """
    try:
        embedder = get_embedder(model)
    except UnknownModel:
        raise ModelUnusable(model=model, reason="it is not served here any more.") from None
    if embedder.fingerprint != fingerprint:
        log.error("model_changed", model=model, stored=fingerprint, served=embedder.fingerprint)
        reason = "under its name, another model than that of the stored vectors is served."
        raise ModelUnusable(model=model, reason=reason)
    return embedder


@lru_cache(maxsize=1)
def engine_options() -> EngineOptions:
    """The engine's share of the configuration."""
    config = settings.EMBED
    return EngineOptions(
        data_dir=config.data_dir,
        model_dir=config.model_dir,
        device=config.device,
        precision=config.precision,
        threads=config.inference_threads,
        batch_tokens=config.batch_tokens,
        queue_tokens=config.queue_tokens,
        models=tuple(config.models),
        remote=RemoteOptions(
            connect_timeout=config.remote_connect_s,
            read_timeout=config.remote_read_s,
            budget=config.remote_budget_s,
        ),
    )


def _is_loaded_here(name: str) -> bool:
    model = _embedders.get(name) or _rerankers.get(name)
    if isinstance(model, LazyEmbedder | LazyReranker):
        return model.is_loaded
    return model is not None


def _is_remote(name: str) -> bool:
    return any(each.name == name and each.provider == "remote" for each in engine_options().models)


@lru_cache(maxsize=256)
def _described(name: str, kind: ModelKind, options: EngineOptions) -> ModelInfo:
    known = model_names(options, kind=kind)
    other: ModelKind = "reranker" if kind == "embedding" else "embedding"
    if name not in known and name in model_names(options, kind=other):
        raise WrongModelKind(param="model", model=name, known=", ".join(known))
    with _unusable_told(name):
        return describe_model(name, options, kind=kind)


Kept = TypeVar("Kept", Embedder, Reranker)


def _kept(kept: dict[str, Kept], name: str, open_model: Callable[[str], Kept]) -> Kept:
    model = kept.get(name)
    if model is None:
        opened = open_model(name)
        model = kept.setdefault(name, opened)
        if model is not opened:  # another thread was faster
            opened.close()
    return model


def _open_embedder(name: str) -> Embedder:
    info = model_info(name)
    if info.provider == "remote":
        with _unusable_told(name):
            return load_embedder(name, engine_options(), others=get_embedder)
    if (engine := shared_engine()) is not None:
        return SharedEmbedder(info, engine)
    return LazyEmbedder(info, _resident(info, partial(_load_embedder, info)))


def _open_reranker(name: str) -> Reranker:
    info = model_info(name, "reranker")
    if info.provider == "remote":
        with _unusable_told(name):
            return load_reranker(name, engine_options(), others=get_reranker)
    if (engine := shared_engine()) is not None:
        return SharedReranker(info, engine)
    return LazyReranker(info, _resident(info, partial(load_reranker, name, engine_options())))


def _load_embedder(info: ModelInfo) -> Embedder:
    embedder = load_embedder(info.name, engine_options())
    if embedder.fingerprint != info.fingerprint:
        embedder.close()
        raise UnusableModel("Its files were changed. Restart the service to serve them.")
    return embedder


def _resident(info: ModelInfo, load: Callable[[], Kept]) -> Resident[Kept]:
    def told_load() -> Kept:
        with _unusable_told(info.name):
            return load()

    def size() -> int:
        with _unusable_told(info.name):
            return memory_needed(info.name, engine_options(), kind=info.kind)

    pinned = info.name == settings.EMBED.default_model
    return Resident(info.name, load=told_load, size=size, room=_room(), pinned=pinned)


@lru_cache(maxsize=1)
def _room() -> Room:
    config = settings.EMBED
    room = Room(budget=config.model_memory_mb * 1024 * 1024, idle_s=config.model_idle_s)
    atexit.register(room.close)
    return room


@contextmanager
def _unusable_told(name: str) -> Iterator[None]:
    """The reason goes to the log alone: it names folders, and may be anything that a library says.

    Raises ModelUnusable.
    """
    try:
        yield
    except EmbeddingsError:
        raise
    except Exception as error:
        # Once for each reason: everyone who lists the models runs into it.
        if _reasons.get(name) != str(error):
            _reasons[name] = str(error)
            expected = isinstance(error, UnusableModel)
            log.error("model_unusable", model=name, reason=str(error), exc_info=not expected)
        raise ModelUnusable(model=name, reason=IN_LOG) from error
    else:
        _reasons.pop(name, None)
