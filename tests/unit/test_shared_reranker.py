"""Reranking by the engine instance, whose model several processes share."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import orjson
import pytest

from embeddings.engine.door import SharedEngine, SharedReranker
from embeddings.engine.interface import ModelInfo
from embeddings.exceptions import TextTooLong
from embeddings.views import door
from tests.rerankers import WordOverlap

T = TypeVar("T")

INFO = ModelInfo("word-overlap", 0, 20, "r", "f", kind="reranker")
TEXTS = ["black coffee", "tea from green leaves", "green paint"]


class SameProcess(SharedEngine):
    """Asks the door's own function; everything passes through JSON, as it would on the socket."""

    def __init__(self) -> None:
        """Without a socket."""

    def ask(
        self,
        path: str,
        payload: object,
        *,
        read: Callable[[dict[str, Any]], T],
        max_bytes: int = 0,
        patience: float = 0,
        gone: Callable[[], bool] | None = None,
    ) -> T:
        assert path == "/score"
        answer = orjson.dumps(door._score(orjson.loads(orjson.dumps(payload)), lambda: False))
        return read(orjson.loads(answer))


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedReranker:
    monkeypatch.setattr(door, "get_reranker", lambda name: WordOverlap())
    return SharedReranker(INFO, SameProcess())


@pytest.mark.parametrize("text_tokens", [None, 1])
def test_it_works(shared: SharedReranker, text_tokens: int | None) -> None:
    said = shared.score("green tea leaves", TEXTS, text_tokens=text_tokens)

    expected = WordOverlap().score("green tea leaves", TEXTS, text_tokens=text_tokens)
    np.testing.assert_array_equal(said.scores, expected.scores)
    np.testing.assert_array_equal(said.logits, expected.logits)
    np.testing.assert_array_equal(said.tokens, expected.tokens)
    assert (shared.name, shared.max_tokens) == ("word-overlap", 20)


def test_what_may_not_be_cut_is_refused(shared: SharedReranker) -> None:
    with pytest.raises(TextTooLong):
        shared.score("tea", ["leaf " * 21], truncate=False)
