"""What every test shares: one embedded PostgreSQL for the whole run, and its folder."""

import atexit
import logging
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pydantic import SecretStr

from accounts.actor import SYSTEM, acting
from accounts.payer import paying
from accounts.services import audit_buffer
from accounts.services.callers import forget_callers
from accounts.services.rate_leases import forget_leases
from accounts.services.verified_tokens import forget_verified_tokens
from embeddings.services import usage
from embedsite.caches import cache_settings
from embedsite.postgres import start
from tests import audit_chains
from tests.caches import start_cache
from tests.redis_server import RedisServer

# How long an example takes says more of the machine than of the code.
hypothesis_settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.load_profile("any machine")


def pytest_unconfigure() -> None:
    # It would ask a server for half a minute that has been stopped.
    atexit.unregister(usage.flush_usage)
    shutil.rmtree(settings.EMBED.data_dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Commands with a progress bar quiet the log for their process, which here is ours."""
    log = logging.getLogger("embeddings")
    before = log.level
    yield
    log.setLevel(before)


@pytest.fixture(autouse=True)
def nothing_bound() -> Iterator[None]:
    """What one test did without a request stays bound to the log's lines, and so do who acts and
    who pays, as no request ends.
    """
    structlog.contextvars.clear_contextvars()
    with acting(SYSTEM), paying(None):
        yield


@pytest.fixture(autouse=True)
def tokens_verified_anew() -> None:
    """What one test's database held must not be trusted in the next."""
    forget_verified_tokens()
    forget_callers()
    forget_leases()


@pytest.fixture(autouse=True)
def nothing_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread would write to the audit past the test's transaction: a test that wants that
    written calls flush_notes.
    """
    monkeypatch.setattr(audit_buffer, "start_flusher", lambda: None)
    audit_buffer.forget_notes()


@pytest.fixture(autouse=True)
def audit_begun_anew(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """Flushing the database, behind a test that commits, leaves the audit as it is."""
    yield
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits or "transactional_db" in request.fixturenames:
        with django_db_blocker.unblock():
            audit_chains.empty()


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """What one test embedded must not be cached in the next; and no test that counts its queries
    is to meet the one which asks, now and then, what was cleared.
    """
    start_cache()


@pytest.fixture(autouse=True)
def usage_written_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test used must not be written during the next, on a connection of its own."""
    monkeypatch.setattr(usage, "start_timer", lambda: None)
    usage._waiting.take()


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis of the test's own."""
    server = RedisServer().start()
    yield server
    server.stop()


@pytest.fixture
def shared_cache(redis_server: RedisServer, settings: Any) -> RedisServer:
    """The Redis, with the service's cache in it; one that is there has time to answer, as a busy
    machine takes it.
    """
    return use_redis(redis_server, settings, SOCKET_TIMEOUT=60.0, SOCKET_CONNECT_TIMEOUT=60.0)


@pytest.fixture
def hasty_cache(redis_server: RedisServer, settings: Any) -> RedisServer:
    """The same, waited for no longer than in production."""
    return use_redis(redis_server, settings)


def use_redis(server: RedisServer, settings: Any, **options: float) -> RedisServer:
    settings.EMBED = settings.EMBED.model_copy(update={"redis_url": SecretStr(server.url)})
    caches = cache_settings(settings.EMBED)
    caches["shared"]["OPTIONS"] |= options
    settings.CACHES = caches
    start_cache()
    return server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[None]:
    lease = start(data_dir=settings.EMBED.data_dir, durable=False)
    yield
    lease.release()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres_server: None) -> Iterator[None]:
    yield
    for connection in connections.all():
        if isinstance(connection, DatabaseWrapper):
            connection.close_pool()
