"""The served models: what one of them is, and as operators see them, whether they answer, what
they take, who needs them.
"""

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db.models import Count, Sum

from embeddings.engine import EngineOptions, ModelInfo, UnusableModel, model_names
from embeddings.engine.catalog import memory_needed
from embeddings.engine.interface import ModelKind, RemoteOptions
from embeddings.engine.remote_provider import provider_pause
from embeddings.exceptions import EngineUnavailable
from embeddings.models import Collection
from embeddings.services import engine
from embeddings.types.model import ModelDeclaration

GLANCE = RemoteOptions(connect_timeout=1.0, read_timeout=2.0, budget=2.0)
"""For a provider that must say what its model is: who reads a list does not use the model."""


@dataclass(frozen=True, slots=True)
class ModelUse:
    """How many collections were made with a model, with how many documents; `stranded` of the
    collections were made with another one under its name, and are not searched until that is back.
    """

    collections: int = 0
    documents: int = 0
    stranded: int = 0


@dataclass(frozen=True, slots=True)
class ModelState:
    """A model; nothing is known by `info` of one that can't be used. `memory` is what a local one
    takes once it is loaded, in bytes. `pause` is that of provider_pause, of a remote one.
    """

    name: str
    info: ModelInfo | None
    default: bool
    loaded: bool
    memory: int | None
    pause: float | None
    fallback: str | None
    use: ModelUse


def served_models() -> list[ModelInfo]:
    """What may be asked for, the default first, rerankers last."""
    rerankers = model_names(engine.engine_options(), kind="reranker")
    return [
        info or _as_declared(name, "reranker" if name in rerankers else "embedding")
        for name, info in listed_models()
    ]


def listed_models() -> list[tuple[str, ModelInfo | None]]:
    """As `served_models`, by name; nothing is known of those that can't be used now. All providers
    are asked at once, and those that are slow count as such.
    """
    options, default = engine.engine_options(), settings.EMBED.default_model
    names = sorted(model_names(options), key=lambda name: (name != default, name))
    kinds: dict[ModelKind, list[str]] = {
        "embedding": names,
        "reranker": [*model_names(options, kind="reranker")],
    }
    asked = [(name, kind) for kind, names in kinds.items() for name in names]
    with ThreadPoolExecutor(len(asked)) as threads:
        found = [threads.submit(copy_context().run, _found, name, kind) for name, kind in asked]
    return [(name, each.result()) for (name, _), each in zip(asked, found, strict=True)]


def model_states() -> list[ModelState]:
    """Those of listed_models, and behind them those that collections were made with and that are
    not served any more.
    """
    options, models = engine.engine_options(), listed_models()
    declared = {each.name: each for each in options.models}
    defaults = (settings.EMBED.default_model, engine.default_reranker())
    used = _uses({name: info.fingerprint for name, info in models if info is not None})
    loaded = engine.loaded_models([name for name, _ in models])
    states = [
        ModelState(
            name=name,
            info=info,
            default=name in defaults,
            loaded=name in loaded,
            memory=_memory(name, info.kind, options) if info and info.provider == "local" else None,
            pause=_pause(declared.get(name)),
            fallback=declared[name].fallback if name in declared else None,
            use=used.pop(name, ModelUse()),
        )
        for name, info in models
    ]
    gone = [
        ModelState(name, None, False, False, None, None, None, use)  # noqa: FBT003
        for name, use in sorted(used.items())
    ]
    return states + gone


def served_model(name: str) -> ModelInfo:
    """The model or reranker of this name. Raises UnknownModel, EngineUnavailable."""
    rerankers = model_names(engine.engine_options(), kind="reranker")
    return engine.model_info(name, "reranker" if name in rerankers else "embedding")


def _found(name: str, kind: ModelKind) -> ModelInfo | None:
    try:
        return engine.model_info(name, kind, patience=GLANCE)
    except EngineUnavailable:
        return None


def _as_declared(name: str, kind: ModelKind) -> ModelInfo:
    declared = {each.name: each for each in engine.engine_options().models}.get(name)
    return ModelInfo(
        name=name,
        dimensions=declared.dimensions or 0 if declared else 0,
        max_tokens=declared.max_tokens or 0 if declared else 0,
        revision="",
        fingerprint="",
        kind=kind,
        provider=declared.provider if declared else "local",
        usable=False,
    )


def _uses(fingerprints: dict[str, str]) -> dict[str, ModelUse]:
    made = Collection.objects.order_by().values_list("active__model", "active__fingerprint")
    uses: dict[str, ModelUse] = {}
    for name, fingerprint, collections, documents in made.annotate(
        Count("pk"), Sum("document_count")
    ):
        before = uses.get(name, ModelUse())
        uses[name] = ModelUse(
            before.collections + collections,
            before.documents + documents,
            before.stranded + (collections if fingerprints.get(name) != fingerprint else 0),
        )
    return uses


def _pause(declaration: ModelDeclaration | None) -> float | None:
    if declaration is None or declaration.url is None:
        return None
    return provider_pause(declaration.url)


@lru_cache(maxsize=256)
def _memory(name: str, kind: ModelKind, options: EngineOptions) -> int | None:
    try:
        return memory_needed(name, options, kind=kind)
    except (UnusableModel, OSError):
        return None
