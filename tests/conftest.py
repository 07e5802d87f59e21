"""What every test shares: one embedded PostgreSQL for the whole run, and its folder."""

import logging
import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from accounts.services.tokens import forget_verified_tokens
from embedsite.postgres import start


def pytest_unconfigure() -> None:
    shutil.rmtree(settings.EMBED.data_dir, ignore_errors=True)


@pytest.fixture(autouse=True)
def log_level() -> Iterator[None]:
    """Commands with a progress bar quiet the log for their process, which here is ours."""
    log = logging.getLogger("embeddings")
    before = log.level
    yield
    log.setLevel(before)


@pytest.fixture(autouse=True)
def tokens_verified_anew() -> None:
    """What one test's database held must not be trusted in the next."""
    forget_verified_tokens()


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
