"""The embedders of this process: each model loaded once, when first asked for, and shared by all
threads.
"""

import threading
import time
from collections.abc import Callable, Sequence
from functools import lru_cache

from django.conf import settings

from embeddings import telemetry
from embeddings.engine import (
    Embedded,
    Embedder,
    EngineOptions,
    InputType,
    ModelInfo,
    describe_model,
    load_embedder,
    model_names,
)
from embeddings.exceptions import UnknownModel

_embedders: dict[str, Embedder] = {}
_loading = threading.Lock()


def get_embedder(name: str) -> Embedder:
    """The model's embedder, loaded on the first call. Raises UnknownModel."""
    if name not in _embedders:
        with _loading:
            if name not in _embedders:
                _embedders[name] = load_embedder(name, engine_options())
    return _embedders[name]


def run_embedder(
    embedder: Embedder,
    texts: Sequence[str],
    *,
    input_type: InputType = "document",
    truncate: bool = True,
    gone: Callable[[], bool] | None = None,
) -> Embedded:
    """What `embedder.embed` returns, and raises; counted and timed."""
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
    """Load the default model, so that the first request finds it."""
    get_embedder(settings.EMBED.default_model)


def is_loaded(name: str) -> bool:
    """Whether the model answers without loading first."""
    return name in _embedders


def served_models() -> list[ModelInfo]:
    """What may be asked for, the default first."""
    default = settings.EMBED.default_model
    names = sorted(model_names(engine_options()), key=lambda name: (name != default, name))
    return [model_info(name) for name in names]


@lru_cache(maxsize=64)
def model_info(name: str) -> ModelInfo:
    """What the model is; loads no weights. Raises UnknownModel."""
    return describe_model(name, engine_options())


def require_fingerprint(*, model: str, fingerprint: str) -> Embedder:
    """The embedder that makes exactly these vectors.

    Raises UnknownModel where the model is gone or is another one under the same name: mixing both
    in one generation would make every distance meaningless.
    """
    embedder = get_embedder(model)
    if embedder.fingerprint != fingerprint:
        raise UnknownModel(
            model=f"{model}@{fingerprint[:12]}", known=f"{model}@{embedder.fingerprint[:12]}"
        )
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
    )
