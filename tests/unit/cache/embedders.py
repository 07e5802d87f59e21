"""Embedders that say what they were asked for."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from prometheus_client import REGISTRY

from embeddings.engine import Embedded
from embeddings.engine.hashing import HashingEmbedder


class Recorder(HashingEmbedder):
    """Keeps the texts of each call; `hold` makes calls wait, `fail` runs before each."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.calls: list[list[str]] = []
        self.hold: threading.Event | None = None
        self.fail: Callable[[list[str]], None] = lambda _: None

    def embed(self, texts: Sequence[str], **options: Any) -> Embedded:
        self.calls.append(list(texts))
        if self.hold is not None:
            assert self.hold.wait(120)
        self.fail(list(texts))
        return super().embed(texts, **options)


def counted(
    level: str, outcome: str, *, model: str = "hashing-384", cache: str = "embedding"
) -> float:
    """How often a level has been asked, with this outcome."""
    labels = {"cache": cache, "model": model, "level": level, "outcome": outcome}
    return REGISTRY.get_sample_value("cache_lookups_total", labels) or 0.0


def sample(name: str, **labels: str) -> float:
    """The value of a metric."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
