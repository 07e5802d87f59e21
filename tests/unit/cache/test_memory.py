"""The level in this process."""

import threading
import tracemalloc

from embeddings.cache import Kind, pack
from embeddings.cache.memory import ENTRY_OVERHEAD, Memory
from embeddings.cache.values import is_intact, now_ms

PAYLOAD = bytes(1536)
HOUR_MS = 3_600_000


def value(key: bytes, size: int = 1536) -> bytes:
    return pack(key=key, kind=Kind.RESULT, tokens=1, payload=bytes(size))


def key(number: int) -> bytes:
    return b"embed:0123456789abcdef:0123456789abcdef:%032d" % number


def test_the_least_recently_used_goes_first() -> None:
    entry = len(value(b"")) + ENTRY_OVERHEAD
    memory = Memory(max_bytes=3 * entry)
    assert memory.set_many({b"a": value(b"a"), b"b": value(b"b"), b"c": value(b"c")}) == 0
    memory.get_many([b"a"])
    assert memory.set_many({b"d": value(b"d")}) == 1
    assert memory.get_many([b"a", b"b", b"c", b"d"]).keys() == {b"a", b"c", b"d"}
    assert memory.size == (3, 3 * entry)


def test_counting_and_deleting_use_nothing() -> None:
    entry = len(value(b"")) + ENTRY_OVERHEAD
    memory = Memory(max_bytes=3 * entry)
    memory.set_many({b"a": value(b"a"), b"b": value(b"b"), b"c": value(b"c")})
    memory.get_many([b"a"])
    assert memory.count(prefix=b"", before_ms=now_ms() + HOUR_MS) == (3, 3 * entry)
    assert memory.delete(prefix=b"", before_ms=now_ms() - HOUR_MS) == 0
    memory.set_many({b"d": value(b"d")})
    assert memory.get_many([b"a", b"b", b"c"]).keys() == {b"a", b"c"}


def test_what_does_not_fit_is_not_kept() -> None:
    memory = Memory(max_bytes=2000)
    memory.set_many({b"small": value(b"small", 10), b"large": value(b"large", 4000)})
    assert memory.get_many([b"small", b"large"]).keys() == {b"small"}
    nothing = Memory(max_bytes=0)
    assert nothing.set_many({b"small": value(b"small", 10)}) == 0
    assert nothing.size == (0, 0)


def test_deleting_by_prefix_and_age() -> None:
    memory = Memory(max_bytes=100_000)
    memory.set_many({b"x:1": value(b"x:1"), b"x:2": value(b"x:2"), b"y:1": value(b"y:1")})
    assert memory.delete(prefix=b"x:", before_ms=now_ms() - HOUR_MS) == 0
    assert memory.delete(prefix=b"x:", before_ms=now_ms() + HOUR_MS) == 2
    assert memory.get_many([b"x:1", b"x:2", b"y:1"]).keys() == {b"y:1"}


def test_dropping_what_is_named_twice() -> None:
    memory = Memory(max_bytes=100_000)
    memory.set_many({b"a": value(b"a"), b"b": value(b"b")})
    assert memory.discard([b"a", b"absent", b"a"]) == 1
    assert memory.get_many([b"a", b"b"]).keys() == {b"b"}


def test_the_bytes_it_counts_are_those_it_takes() -> None:
    memory = Memory(max_bytes=100_000_000)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(20_000):
            memory.set_many({key(number): value(key(number))})
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    taken = after - before
    _, counted = memory.size
    assert 0.85 * counted < taken <= counted


def test_many_threads_at_once() -> None:
    memory = Memory(max_bytes=50 * (1600 + ENTRY_OVERHEAD))
    faults: list[BaseException] = []

    def work(seed: int) -> None:
        try:
            for turn in range(300):
                mine = key((seed * 7 + turn) % 90)
                memory.set_many({mine: value(mine)})
                for found, content in memory.get_many([mine, key(turn % 90)]).items():
                    assert is_intact(found, content, vector_bytes=0)
                if turn % 50 == 0:
                    memory.delete(prefix=b"", before_ms=now_ms())
        except BaseException as error:  # noqa: BLE001  asserted on below
            faults.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert memory.size[1] <= 50 * (1600 + ENTRY_OVERHEAD)
