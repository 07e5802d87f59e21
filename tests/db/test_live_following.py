"""How a process keeps up with what is set live."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connection

from embeddings.services import live_following
from embeddings.services.live_settings import change_options
from embeddings.store import live_settings as store
from tests.log_capture import capture_logs


@pytest.fixture(autouse=True)
def _as_configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    config = django_settings.EMBED
    monkeypatch.setattr(live_following, "_followed", live_following._Followed())
    yield
    django_settings.EMBED = config


@pytest.mark.django_db(transaction=True)
def test_it_works() -> None:
    with closing(store.follow(at_latest_s=30)) as changes:
        assert next(changes) == {}
        change_options(changes={"max_batch": 7})
        assert next(changes) == {"max_batch": 7}
    assert store.read_once() == {"max_batch": 7}


@pytest.mark.django_db(transaction=True)
def test_a_server_that_is_cut_off_is_given_up_soon() -> None:
    with closing(store._connect()) as listener:
        assert 0 < int(listener.info.get_parameters()["tcp_user_timeout"]) <= 5_000


@pytest.mark.django_db(transaction=True)
def test_without_any_news_it_looks_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    # As behind a pooler, where nobody listens.
    monkeypatch.setattr(store, "CHANNEL", "another")
    with closing(store.follow(at_latest_s=0.05)) as changes:
        assert next(changes) == {}
        with connection.cursor() as cursor:
            cursor.execute("""INSERT INTO live_settings (id, options) VALUES (1, '{"a": 1}')""")
        assert next(changes) == {"a": 1}


def test_an_outage_is_told_once_and_what_is_set_afterwards_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns: list[Any] = [psycopg.OperationalError, psycopg.OperationalError, {"max_batch": 7}]

    def follow(*, at_latest_s: float) -> Iterator[Any]:
        if not turns:
            raise KeyboardInterrupt
        turn = turns.pop(0)
        if not isinstance(turn, dict):
            raise turn
        yield turn

    monkeypatch.setattr(store, "follow", follow)
    monkeypatch.setattr(live_following, "RETRY_S", 0)
    with capture_logs() as logs, pytest.raises(KeyboardInterrupt):
        live_following._follow()

    assert len(logs.named("live_settings_unknown")) == 1
    assert django_settings.EMBED.max_batch == 7
