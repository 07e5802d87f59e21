"""What the service depends on, and how each of it is, in detail, for operators."""

import time
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import Error
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from embeddings.cache import the_cache
from embeddings.services.engine import is_loaded
from embeddings.services.machine import disk_bytes, memory_bytes
from embeddings.services.models import listed_models
from embeddings.services.stalled_jobs import STALLED_AFTER_S
from embeddings.store.instance import server_facts
from embeddings.types.operations import Dependency, Health

MIB = 1024 * 1024
LOW_SHARE = 0.1
"""Of a disk or a memory: what is left is to be looked at."""

LEAST_SHARE = 0.03
"""Hardly anything is left: PostgreSQL stops when it can write no more."""


def dependencies() -> list[Dependency]:
    """The database, Redis, the models, the worker, the disk and the memory; never fails."""
    checks = {
        "PostgreSQL": _database,
        "Redis": _redis,
        "Models": _models,
        "Worker": _worker,
        "Disk": _disk,
        "Memory": _memory,
    }
    return [_timed(name, check) for name, check in checks.items()]


def _timed(name: str, check: Callable[[], Dependency]) -> Dependency:
    started = time.perf_counter()
    try:
        found = check()
    except Error:
        return Dependency(name, Health.DOWN, "The database does not answer.")
    latency = round((time.perf_counter() - started) * 1000, 1)
    asked = found.state != Health.OFF and check not in (_disk, _memory)
    return Dependency(
        found.name, found.state, found.detail, latency if asked else None, found.facts
    )


def _database() -> Dependency:
    facts = server_facts()
    used, most = int(facts["connections"]), int(facts["max_connections"])
    pgvector = facts.pop("pgvector", None)
    shown = (("pgvector", pgvector or "missing"), *facts.items())
    if pgvector is None:
        detail = "It has no pgvector: run manage.py migrate."
        return Dependency("PostgreSQL", Health.DOWN, detail, facts=shown)
    detail = f"{used} of {most} connections."
    state = Health.DEGRADED if used > most * (1 - LOW_SHARE) else Health.UP
    return Dependency("PostgreSQL", state, detail, facts=shown)


def _redis() -> Dependency:
    shared = the_cache().shared
    if shared is None:
        detail = "Not configured: each process has a cache of its own."
        return Dependency("Redis", Health.OFF, detail)
    server = shared.server()
    if server is None:
        detail = "It does not answer: what the processes have in memory serves meanwhile."
        return Dependency("Redis", Health.DOWN, detail)
    facts = {
        "version": str(server.get("redis_version", "")),
        "memory": f"{server.get('used_memory', 0) / MIB:,.1f} MiB",
        "most memory": f"{server.get('maxmemory', 0) / MIB:,.1f} MiB",
        "eviction": str(server.get("maxmemory_policy", "")),
        "clients": str(server.get("connected_clients", "")),
    }
    return Dependency("Redis", Health.UP, f"{facts['memory']} used.", facts=tuple(facts.items()))


def _models() -> Dependency:
    default = settings.EMBED.default_model
    models = listed_models()
    facts = tuple(
        (name, "not usable; the log says why" if info is None else info.provider)
        for name, info in models
    )
    if not is_loaded(default):
        return Dependency("Models", Health.DOWN, f"{default} is not loaded.", facts=facts)
    if unusable := [name for name, info in models if info is None]:
        detail = f"Not usable: {', '.join(unusable)}."
        return Dependency("Models", Health.DEGRADED, detail, facts=facts)
    return Dependency("Models", Health.UP, f"{default} is loaded.", facts=facts)


def _worker() -> Dependency:
    alive_since = timezone.now() - timedelta(seconds=STALLED_AFTER_S)
    alive = ProcrastinateWorker.objects.filter(last_heartbeat__gte=alive_since).count()
    newest = ProcrastinateWorker.objects.aggregate(newest=Max("last_heartbeat"))["newest"]
    seen = "never" if newest is None else f"{(timezone.now() - newest).total_seconds():.0f} s ago"
    facts = (("workers", str(alive)), ("last heartbeat", seen))
    if alive:
        return Dependency("Worker", Health.UP, f"Last heartbeat {seen}.", facts=facts)
    return Dependency("Worker", Health.DOWN, "Nobody runs jobs.", facts=facts)


def _disk() -> Dependency:
    return _room("Disk", *disk_bytes())


def _memory() -> Dependency:
    found = memory_bytes()
    if found is None:
        return Dependency("Memory", Health.OFF, "The system does not say.")
    return _room("Memory", *found)


def _room(name: str, size: int, free: int) -> Dependency:
    gib = 1024 * MIB
    facts = (("size", f"{size / gib:,.1f} GiB"), ("free", f"{free / gib:,.1f} GiB"))
    share = free / size if size else 0.0
    state = Health.UP
    if share < LOW_SHARE:
        state = Health.DOWN if share < LEAST_SHARE else Health.DEGRADED
    return Dependency(name, state, f"{free / gib:,.1f} of {size / gib:,.1f} GiB free.", facts=facts)
