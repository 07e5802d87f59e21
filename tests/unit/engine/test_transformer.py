"""The embedder around a runtime: order, prompts, limits and threads, with a runtime that only
adds up token ids.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.engine.card import ModelCard
from embeddings.engine.interface import RuntimeName
from embeddings.engine.reading import Reader
from embeddings.engine.transformer import TransformerEmbedder
from embeddings.exceptions import EngineUnavailable, TextTooLong
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

MAX_TOKENS = 8


class AddingRuntime:
    """The vector of a text is the sum of its ids and their number."""

    name: RuntimeName = "openvino"
    streams = 2
    best_batch_tokens = 32
    run_cost_tokens = 16
    pad_id = 9

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []
        self.running = 0
        self.most_running = 0
        self._lock = threading.Lock()

    def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        with self._lock:
            self.shapes.append(ids.shape)
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        sums = np.stack([(ids * mask).sum(axis=1), mask.sum(axis=1)], axis=1)
        with self._lock:
            self.running -= 1
        return sums.astype(np.float32)


def make_embedder(runtime: AddingRuntime, *, query: str = "") -> TransformerEmbedder:
    card = ModelCard(
        name="adding",
        folder=Path(),
        dimensions=2,
        max_tokens=MAX_TOKENS,
        prompts={"document": "", "query": query},
        identity={},
    )
    return TransformerEmbedder(
        card=card,
        fingerprint="f",
        reader=Reader(small_tokenizer(), max_tokens=MAX_TOKENS),
        runtime=runtime,
        batch_tokens=8192,
    )


TEXTS = ["alpha", "beta " * 3, "", "gamma " * 20, "alpha beta"] * 7
SUMS = [(9, 3), (20, 5), (5, 2), (41, 8), (14, 4)] * 7


def test_it_works() -> None:
    embedded = make_embedder(AddingRuntime()).embed(TEXTS)

    np.testing.assert_array_equal(embedded.vectors, SUMS)
    assert embedded.vectors.dtype == np.float32
    assert embedded.vectors.flags.c_contiguous
    assert embedded.tokens.tolist() == [tokens for _, tokens in SUMS]
    assert embedded.truncated.tolist() == [False, False, False, True, False] * 7


def test_batches_keep_to_the_runtimes_budget() -> None:
    runtime = AddingRuntime()

    make_embedder(runtime).embed(TEXTS)

    assert max(rows * width for rows, width in runtime.shapes) <= runtime.best_batch_tokens
    assert len(runtime.shapes) > 1


def test_no_texts_give_no_vectors_and_run_nothing() -> None:
    runtime = AddingRuntime()

    embedded = make_embedder(runtime).embed([])

    assert embedded.vectors.shape == (0, 2)
    assert embedded.vectors.dtype == np.float32
    assert len(embedded.tokens) == len(embedded.truncated) == 0
    assert runtime.shapes == []


def test_a_text_too_long_is_refused_before_anything_runs() -> None:
    runtime = AddingRuntime()

    with pytest.raises(TextTooLong) as refused:
        make_embedder(runtime).embed(["alpha", "beta " * 1000, "beta " * 10], truncate=False)

    assert refused.value.values == {"index": 1, "tokens": 1002, "max_tokens": MAX_TOKENS}
    assert runtime.shapes == []


def test_a_query_is_read_with_the_models_prompt() -> None:
    embedder = make_embedder(AddingRuntime(), query="gamma ")

    as_query = embedder.embed(["alpha"], input_type="query")
    as_document = embedder.embed(["alpha"])

    np.testing.assert_array_equal(as_query.vectors, [[15, 4]])
    np.testing.assert_array_equal(as_document.vectors, [[9, 3]])
    assert as_query.tokens.tolist() == [4]


def test_tokens_are_counted_without_the_prompt_and_beyond_the_limit() -> None:
    embedder = make_embedder(AddingRuntime(), query="gamma ")

    assert embedder.count_tokens(["alpha", "beta " * 100]) == [3, 102]


def test_many_threads_get_their_own_vectors_from_a_bounded_number_of_streams() -> None:
    runtime = AddingRuntime()
    embedder = make_embedder(runtime)

    with ThreadPoolExecutor(16) as threads:
        results = list(threads.map(lambda at: embedder.embed(TEXTS[at:]).vectors, [0, 1, 2] * 40))

    for at, vectors in zip([0, 1, 2] * 40, results, strict=True):
        np.testing.assert_array_equal(vectors, SUMS[at:])
    assert runtime.most_running <= runtime.streams


def test_an_error_of_the_runtime_reaches_the_caller_and_the_next_call_works() -> None:
    class Failing(AddingRuntime):
        fails = True

        def run(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
            if self.fails:
                raise RuntimeError("out of memory")
            return super().run(ids, mask)

    runtime = Failing()
    embedder = make_embedder(runtime)
    with pytest.raises(RuntimeError, match="out of memory"):
        embedder.embed(TEXTS)
    runtime.fails = False

    np.testing.assert_array_equal(embedder.embed(TEXTS).vectors, SUMS)


def test_closed_is_closed() -> None:
    embedder = make_embedder(AddingRuntime())
    embedder.close()

    with pytest.raises(EngineUnavailable):
        embedder.embed(["alpha"])
