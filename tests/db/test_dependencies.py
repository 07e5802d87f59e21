"""How what the service depends on is."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from embeddings.services import dependencies as service
from embeddings.services.dependencies import dependencies
from embeddings.types.operations import Dependency, Health
from tests.redis_server import RedisServer

pytestmark = pytest.mark.django_db


def found(name: str) -> Dependency:
    return next(each for each in dependencies() if each.name == name)


def beat(seconds_ago: float) -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)", [at])


def test_it_works() -> None:
    database = found("PostgreSQL")
    assert database.state == Health.UP
    assert database.latency_ms is not None
    facts = dict(database.facts)
    assert facts["version"].startswith("18")
    assert facts["pgvector"].startswith("0.8")
    assert facts["hnsw.iterative_scan"] == "strict_order"
    assert int(facts["connections"]) >= 1
    assert [each.name for each in dependencies()] == [
        "PostgreSQL",
        "Redis",
        "Models",
        "Worker",
        "Disk",
        "Memory",
    ]


def test_redis_is_needed_by_nobody() -> None:
    redis = found("Redis")
    assert (redis.state, redis.latency_ms) == (Health.OFF, None)


def test_redis_says_what_it_has(shared_cache: RedisServer) -> None:
    redis = found("Redis")
    assert redis.state == Health.UP
    assert "MiB" in dict(redis.facts)["memory"]
    shared_cache.kill()
    assert found("Redis").state == Health.DOWN


def test_a_worker_is_alive_while_its_heart_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    assert (found("Worker").state, found("Worker").detail) == (Health.DOWN, "Nobody runs jobs.")
    beat(60)
    assert found("Worker").state == Health.DOWN
    assert dict(found("Worker").facts)["last heartbeat"] == "60 s ago"
    beat(1)
    assert found("Worker").state == Health.UP


@pytest.mark.parametrize(
    ("free", "state"), [(50, Health.UP), (9, Health.DEGRADED), (2, Health.DOWN)]
)
def test_room_gets_short(monkeypatch: pytest.MonkeyPatch, free: int, state: Health) -> None:
    monkeypatch.setattr(service, "disk_bytes", lambda: (100, free))
    monkeypatch.setattr(service, "memory_bytes", lambda: (100, free))
    assert (found("Disk").state, found("Memory").state) == (state, state)


def test_models_are_told(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "is_loaded", lambda name: True)
    assert found("Models").state == Health.UP
    monkeypatch.setattr(service, "listed_models", lambda: [("broken", None)])
    broken = found("Models")
    assert (broken.state, broken.detail) == (Health.DEGRADED, "Not usable: broken.")
    monkeypatch.setattr(service, "is_loaded", lambda name: False)
    assert found("Models").state == Health.DOWN


def test_a_database_that_is_away_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> Any:
        raise OperationalError

    monkeypatch.setattr(service, "server_facts", gone)
    database = dependencies()[0]
    assert (database.name, database.state) == ("PostgreSQL", Health.DOWN)
    assert database.detail == "The database does not answer."
