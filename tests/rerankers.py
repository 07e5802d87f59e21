"""A reranker without a model, for tests of what stands around one."""

from collections.abc import Callable, Sequence

import numpy as np

from embeddings.engine import Scores
from embeddings.engine.interface import RuntimeName
from embeddings.engine.logits import sigmoid
from embeddings.exceptions import CallerGone, TextTooLong


class WordOverlap:
    """The logit is how many of the query's words the text has, less 1; a token is a word."""

    name = "word-overlap"
    runtime: RuntimeName = "hashing"
    max_tokens = 20

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self.ignored: set[str] = set()

    def score(
        self,
        query: str,
        texts: Sequence[str],
        *,
        truncate: bool = True,
        text_tokens: int | None = None,
        gone: Callable[[], bool] | None = None,
    ) -> Scores:
        if gone is not None and gone():
            raise CallerGone
        self.calls.append((query, list(texts)))
        asked = set(query.split()) - self.ignored
        words = [text.split()[: text_tokens or None] for text in texts]
        for index, each in enumerate(words):
            if not truncate and len(each) > self.max_tokens:
                raise TextTooLong(index=index, tokens=len(each), max_tokens=self.max_tokens)
        logits = np.array([len(asked & set(each)) - 1 for each in words], dtype=np.float32)
        return Scores(
            scores=sigmoid(logits),
            logits=logits,
            tokens=np.array([len(each[: self.max_tokens]) for each in words], dtype=np.int32),
        )

    def close(self) -> None:
        """Nothing is held."""
