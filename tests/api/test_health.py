"""`/health`, `/health/live` and `/health/ready`."""

from typing import Any

import psycopg_pool
import pytest
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from rest_framework.test import APIClient

from embeddings.services import engine, health
from embeddings.services.engine import preload
from tests.log_capture import capture_logs

PATHS = ("/health", "/health/live", "/health/ready")


@pytest.fixture(autouse=True)
def _loaded() -> None:
    preload()


def break_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_connection(*_: Any, **__: Any) -> Any:
        raise psycopg_pool.PoolTimeout

    def no_query(*_: Any) -> Any:
        raise OperationalError

    monkeypatch.setattr(psycopg_pool.ConnectionPool, "connection", no_connection)
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", no_query)


def test_it_works(stranger: APIClient) -> None:
    for path in PATHS:
        response = stranger.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok"}), path


def test_details_are_for_operators(as_bob: APIClient, as_alice: APIClient) -> None:
    checks = {"database": True, "migrations": True, "model": True}
    assert as_bob.get("/health").json() == {"status": "ok", "checks": checks}
    assert as_alice.get("/health").json() == {"status": "ok"}


def test_without_its_model_the_service_lives_but_is_not_ready(
    stranger: APIClient, as_bob: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_embedders", {})

    assert stranger.get("/health/live").status_code == 200
    for path in ("/health", "/health/ready"):
        response = stranger.get(path)
        assert (response.status_code, response.json()) == (503, {"status": "unavailable"})
        assert int(response["Retry-After"]) > 0
    assert as_bob.get("/health").json()["checks"]["model"] is False


def test_without_its_database_the_service_lives_but_is_not_ready(
    stranger: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        break_database(broken)

        assert stranger.get("/health/live").status_code == 200
        assert stranger.get("/health/ready").status_code == 503
        assert stranger.get("/health").json() == {"status": "unavailable"}


def test_the_log_tells_when_readiness_changes_and_not_of_each_probe(
    stranger: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_told", None)
    with capture_logs() as logs:
        stranger.get("/health/ready")
        with monkeypatch.context() as broken:
            broken.setattr(engine, "_embedders", {})
            for _ in range(3):
                stranger.get("/health/ready")
        for _ in range(3):
            stranger.get("/health/ready")

    events = [line for line in logs.lines if line["logger"] == "embeddings"]
    assert [line["event"] for line in events] == ["not_ready", "ready_again"]
    assert events[0].items() >= {"database": True, "migrations": True, "model": False}.items()


def test_without_its_schema_the_service_is_not_ready(
    stranger: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    health._require_migrations.cache_clear()
    with monkeypatch.context() as pending:
        pending.setattr(MigrationExecutor, "migration_plan", lambda *_: ["one"])
        assert stranger.get("/health/ready").status_code == 503

    assert stranger.get("/health/ready").status_code == 200  # a failure is not remembered
