"""The served models: what one of them is, and as operators see them, whether they answer, what
they take, who needs them.
"""

from dataclasses import dataclass
from functools import lru_cache

from django.conf import settings
from django.db.models import Count, Sum

from embeddings.engine import EngineOptions, ModelInfo, UnusableModel, model_names
from embeddings.engine.catalog import memory_needed
from embeddings.engine.interface import ModelKind
from embeddings.engine.remote_provider import provider_pause
from embeddings.models import Collection
from embeddings.services import engine
from embeddings.types.model import ModelDeclaration


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


def model_states() -> list[ModelState]:
    """Those of listed_models, and behind them those that collections were made with and that are
    not served any more.
    """
    options, models = engine.engine_options(), engine.listed_models()
    declared = {each.name: each for each in options.models}
    defaults = (settings.EMBED.default_model, engine.default_reranker())
    used = _uses({name: info.fingerprint for name, info in models if info is not None})
    states = [
        ModelState(
            name=name,
            info=info,
            default=name in defaults,
            loaded=engine.is_loaded(name),
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
