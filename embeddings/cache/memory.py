"""The first level: the values that this process used last, bounded in bytes."""

import threading
from collections.abc import Iterable, Iterator, Mapping

from cachetools import Cache, LRUCache

from embeddings.cache.values import written_ms

ENTRY_OVERHEAD = 400
"""Bytes that an entry costs besides its value: its key of some 70 bytes, three dictionary slots and
two objects' heads. tracemalloc counts 380 over 50,000 entries."""


class Memory:
    """A mapping of bytes to bytes, safe to share between threads."""

    def __init__(self, *, max_bytes: int) -> None:
        self._entries = _Entries(max_bytes)
        self._lock = threading.Lock()

    @property
    def size(self) -> tuple[int, int]:
        """Entries, and bytes they take."""
        with self._lock:
            return len(self._entries), int(self._entries.currsize)

    def resize(self, max_bytes: int) -> int:
        """Take so many bytes from now on; returns how many entries had to go."""
        with self._lock:
            before = self._entries.evicted
            self._entries.resize(max_bytes)
            return self._entries.evicted - before

    def get_many(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values that are here."""
        entries = self._entries
        with self._lock:
            return {key: entries[key] for key in keys if key in entries}

    def set_many(self, values: Mapping[bytes, bytes]) -> int:
        """Keep the values, as far as one fits; returns how many others had to go."""
        with self._lock:
            before = self._entries.evicted
            for key, value in values.items():
                if len(value) + ENTRY_OVERHEAD <= self._entries.maxsize:
                    self._entries[key] = value
            return self._entries.evicted - before

    def count(self, *, prefix: bytes, before_ms: int) -> tuple[int, int]:
        """Entries that were written before the time under keys that begin so, and their bytes."""
        with self._lock:
            sizes = [
                len(value) + ENTRY_OVERHEAD
                for key, value in self._entries.untouched()
                if key.startswith(prefix) and written_ms(value) < before_ms
            ]
        return len(sizes), sum(sizes)

    def discard(self, keys: Iterable[bytes]) -> int:
        """Drop these entries; returns how many there were."""
        with self._lock:
            found = {key for key in keys if key in self._entries}
            for key in found:
                del self._entries[key]
        return len(found)

    def delete(self, *, prefix: bytes, before_ms: int) -> int:
        """Drop what was written before the time under keys that begin so; returns how many."""
        with self._lock:
            old = [
                key
                for key, value in self._entries.untouched()
                if key.startswith(prefix) and written_ms(value) < before_ms
            ]
            for key in old:
                del self._entries[key]
        return len(old)


class _Entries(LRUCache[bytes, bytes]):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda value: len(value) + ENTRY_OVERHEAD)
        self.evicted = 0

    def resize(self, max_bytes: int) -> None:
        # cachetools has no way to, but lets go by this very attribute.
        self._Cache__maxsize = max_bytes
        while self.currsize > max_bytes:
            self.popitem()

    def untouched(self) -> Iterator[tuple[bytes, bytes]]:
        """All entries; `items` would have each of them used a moment ago."""
        return ((key, Cache.__getitem__(self, key)) for key in self)

    def popitem(self) -> tuple[bytes, bytes]:
        self.evicted += 1
        return super().popitem()
