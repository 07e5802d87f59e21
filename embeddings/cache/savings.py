"""Which cached values spare models the most tokens: counted in this process, added up in Redis."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from embeddings.afterwards import put_off

if TYPE_CHECKING:
    from embeddings.cache.redis import Shared

MOST = 10_000
"""So many values are counted here; of more, the half that spared least is forgotten."""

MOST_SHARED = 1_000
FLUSH_S = 10.0


class Savings:
    """Tokens by key; of this process alone without Redis."""

    def __init__(self, *, shared: "Shared | None") -> None:
        self._shared = shared
        self._tokens: Counter[bytes] = Counter()
        self._lock = threading.Lock()
        self._due = time.monotonic() + FLUSH_S

    @put_off
    def add(self, tokens: Mapping[bytes, int]) -> None:
        """Each key has spared so many tokens once more."""
        with self._lock:
            for key, spared in tokens.items():
                if spared:
                    self._tokens[key] += spared
            if len(self._tokens) > MOST:
                # most_common takes five times as long, and every request waits for the lock.
                by_tokens = sorted(self._tokens, key=self._tokens.__getitem__)
                for key in by_tokens[: -MOST // 2]:
                    del self._tokens[key]
            due = self._shared is not None and time.monotonic() >= self._due
        if due:
            self.flush()

    def top(self, limit: int) -> list[tuple[bytes, int]]:
        """The keys that spared most, with their tokens."""
        if self._shared is None:
            with self._lock:
                return self._tokens.most_common(limit)
        self.flush()
        return self._shared.top_savings(limit)

    def forget(self, prefix: bytes) -> None:
        """What begins so has spared nothing yet."""
        with self._lock:
            for key in [key for key in self._tokens if key.startswith(prefix)]:
                del self._tokens[key]
        if self._shared is not None:
            self._shared.forget_savings(prefix)

    def flush(self) -> None:
        """Add what was counted here to what all have counted; what Redis does not take is lost."""
        if self._shared is None:
            return
        with self._lock:
            self._due = time.monotonic() + FLUSH_S
            tokens, self._tokens = self._tokens, Counter()
        if tokens:
            self._shared.add_savings(dict(tokens.most_common(MOST_SHARED)), keep=MOST_SHARED)
