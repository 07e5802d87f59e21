"""Which cached values spare models the most."""

import pytest

from embeddings.cache import savings as module
from embeddings.cache import the_cache
from embeddings.cache.redis import Shared
from embeddings.cache.savings import Savings
from tests.redis_server import RedisServer


def test_it_works() -> None:
    savings = Savings(shared=None)
    savings.add({b"a": 3, b"b": 5})
    savings.add({b"a": 3, b"nothing": 0})

    assert savings.top(2) == [(b"a", 6), (b"b", 5)]
    assert savings.top(9) == [(b"a", 6), (b"b", 5)]
    savings.forget(b"a")
    assert savings.top(9) == [(b"b", 5)]


def test_memory_is_bounded_and_keeps_what_spares_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    savings = Savings(shared=None)
    for number in range(1, 101):
        savings.add({b"%d" % number: number})

    kept = savings.top(100)
    assert len(kept) <= 10
    assert kept[0] == (b"100", 100)


def test_processes_add_up_in_redis(
    shared_cache: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_SHARED", 3)
    one, other = Savings(shared=Shared()), Savings(shared=Shared())
    one.add({b"a": 2, b"b": 1})
    other.add({b"a": 2, b"c": 9, b"d": 5})
    one.flush()

    assert other.top(9) == [(b"c", 9), (b"d", 5), (b"a", 4)]
    client = shared_cache.client()
    (name,) = client.keys("savings:*")
    assert 0 < client.ttl(name) <= 30 * 86_400


def test_a_while_after_the_last_time_it_is_sent_by_itself(
    shared_cache: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FLUSH_S", 0.0)
    Savings(shared=Shared()).add({b"a": 2})

    assert Savings(shared=Shared()).top(1) == [(b"a", 2)]


def test_without_an_answer_nothing_is_known_and_nothing_fails(shared_cache: RedisServer) -> None:
    savings = the_cache().savings
    savings.add({b"a": 2})
    shared_cache.kill()

    assert savings.top(1) == []
    savings.forget(b"a")
