"""What the cache has done, and clearing it, in every process."""

from collections import Counter
from pathlib import Path

from django.conf import settings
from django.db import transaction

from accounts.services.audit import record
from embeddings import telemetry
from embeddings.cache import (
    EVERYTHING,
    collection_scope,
    model_scope,
    now_ms,
    prefix_of,
    the_cache,
)
from embeddings.engine import model_names
from embeddings.exceptions import UnknownModel
from embeddings.models import CacheCutoff, Collection, Generation
from embeddings.services.engine import engine_options
from embeddings.types.cache import (
    MAX_TTL_S,
    CacheStats,
    ClearResult,
    LevelStats,
    ModelStats,
    Tally,
)

MIB = 1024 * 1024

Counts = Counter[tuple[str, ...]]
"""By cache, model, level and outcome."""


def cache_stats(*, folder: Path | None = None) -> CacheStats:
    """What the processes of this machine have counted since the service was started; a command,
    which is none of them, names the `folder` that they count in.
    """
    samples = list(telemetry.samples("cache_", folder=folder))
    counts: Counts = Counter()
    gauges: Counter[str] = Counter()
    for sample in samples:
        labels = sample.labels
        if sample.name == "cache_lookups_total":
            counts[labels["cache"], labels["model"], labels["level"], labels["outcome"]] += int(
                sample.value
            )
        elif sample.name == "cache_saved_tokens_total":
            counts[labels["cache"], labels["model"], labels["level"], "tokens"] += int(sample.value)
        elif not labels:
            gauges[sample.name] += int(sample.value)
    return CacheStats(
        levels=[_memory(counts, gauges), *_redis(counts)],
        models=[
            ModelStats(
                model=model,
                texts=_of_model(counts, "embedding", model),
                searches=_of_model(counts, "search", model),
            )
            for model in sorted({model for _, model, _, _ in counts})
        ],
    )


def clear_cache(
    *, model: str | None = None, collection: Collection | None = None, older_than_s: int = 0
) -> ClearResult:
    """Forget what was written more than `older_than_s` seconds ago: the vectors of a model and the
    searches with it, or the searches of a collection, or everything.

    Here at once, in other processes within a second, and in a Redis that does not answer as soon as
    it does: old values stay there for a while, but nobody takes them.
    """
    scope = EVERYTHING
    if model is not None:
        scope = model_scope(model)
    elif collection is not None:
        scope = collection_scope(collection.pk)
    before_ms = now_ms() + 1 - older_than_s * 1000
    with transaction.atomic():
        _set_cutoff(scope, before_ms)
        record(
            event="cache.clear",
            object_type="cache",
            object_id=scope,
            collection_id=None if collection is None else collection.pk,
            after={"older_than_s": older_than_s},
        )
    cache = the_cache()
    memory = cache.follow_cutoffs(now=True)
    redis = None
    if cache.shared is not None:
        redis = cache.shared.delete(
            prefix=prefix_of(scope), before_ms=before_ms if older_than_s else None
        )
    if not older_than_s:
        cache.savings.forget(prefix_of(scope))
    telemetry.cache_cleared(scope=scope.partition(":")[0], memory=memory, redis=redis)
    return ClearResult(before_ms=before_ms, memory=memory, redis=redis)


def clearable_model(name: str) -> str:
    """The name of a model that is declared here, be it unusable now, or that made a collection's
    vectors. Raises UnknownModel.
    """
    known = model_names(engine_options())
    if name not in known and not Generation.objects.filter(model=name).exists():
        raise UnknownModel(param="model", model=name, known=", ".join(known))
    return name


def _set_cutoff(scope: str, before_ms: int) -> None:
    moot = now_ms() - 1000 * MAX_TTL_S
    with transaction.atomic():
        moot_ones = CacheCutoff.objects.filter(before_ms__lt=moot)
        moot_ones.exclude(scope__startswith="queries").delete()
        _, made = CacheCutoff.objects.get_or_create(scope=scope, defaults={"before_ms": before_ms})
        if not made:
            earlier = CacheCutoff.objects.filter(scope=scope, before_ms__lt=before_ms)
            earlier.update(before_ms=before_ms)


def _memory(counts: Counts, gauges: Counter[str]) -> LevelStats:
    return LevelStats(
        level="memory",
        tally=_of_level(counts, "memory"),
        entries=gauges["cache_entries"],
        bytes=gauges["cache_bytes"],
        max_bytes=settings.EMBED.cache_memory_mb * MIB,
        evictions=gauges["cache_evictions_total"],
    )


def _redis(counts: Counts) -> list[LevelStats]:
    shared = the_cache().shared
    if shared is None:
        return []
    server = shared.server() or {}
    return [
        LevelStats(
            level="redis",
            tally=_of_level(counts, "redis"),
            available=bool(server),
            bytes=server.get("used_memory"),
            max_bytes=server.get("maxmemory") or None,
            evictions=server.get("evicted_keys"),
        )
    ]


def _of_level(counts: Counts, level: str) -> Tally:
    def total(outcome: str) -> int:
        return sum(
            count
            for (_, _, where, what), count in counts.items()
            if (where, what) == (level, outcome)
        )

    corrupt = total("corrupt")
    return Tally(
        hits=total("hit"),
        misses=total("miss") + corrupt,
        corrupt=corrupt,
        saved_tokens=total("tokens"),
    )


def _of_model(counts: Counts, cache: str, model: str) -> Tally:
    def total(outcome: str) -> int:
        return sum(
            count
            for (*where, _, what), count in counts.items()
            if (where, what) == ([cache, model], outcome)
        )

    # Every lookup begins in memory, so that what it misses is all that the later levels are asked.
    asked = sum(counts[cache, model, "memory", outcome] for outcome in ("hit", "miss"))
    hits = total("hit")
    return Tally(
        hits=hits, misses=asked - hits, corrupt=total("corrupt"), saved_tokens=total("tokens")
    )
