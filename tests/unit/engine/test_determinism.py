"""A text's vector is the same alone, in any batch, under load and after a restart."""

import dataclasses
import gzip
import itertools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.engine import Embedder, EngineOptions, load_embedder
from tests.unit.engine.texts import SENTENCE, TEXTS

pytestmark = pytest.mark.model

MINILM = "all-MiniLM-L6-v2"
TOLERANCE = 1e-5

CORPUS = Path(__file__).resolve().parents[4] / "shared/data/debian/corpus.jsonl.gz"
OF_CORPUS = 60
LOAD_THREADS = 3


@pytest.fixture(scope="module")
def minilm(real_options: EngineOptions) -> Iterator[Embedder]:
    embedder = load_embedder(MINILM, real_options)
    yield embedder
    embedder.close()


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Those of many kinds, and real ones where the machine has some."""
    if not CORPUS.exists():
        return TEXTS
    with gzip.open(CORPUS) as lines:
        return TEXTS + [json.loads(line)["text"] for line in itertools.islice(lines, OF_CORPUS)]


@pytest.fixture(scope="module")
def alone(minilm: Embedder, texts: list[str]) -> NDArray[np.float32]:
    return np.concatenate([minilm.embed([text]).vectors for text in texts])


@contextmanager
def under_load(embedder: Embedder) -> Iterator[None]:
    """Other callers' new texts, single ones and many at once, until the end."""
    stop = threading.Event()
    failures: list[BaseException] = []
    rounds = itertools.count()

    def work(seed: int) -> None:
        chance = np.random.default_rng(seed)
        try:
            while not stop.is_set():
                number = int(chance.choice((1, 1, 1, 8, 40)))
                embedder.embed(
                    [
                        f"{seed} {next(rounds)} {SENTENCE * 3}"[: chance.integers(5, 250)]
                        for _ in range(number)
                    ]
                )
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(LOAD_THREADS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert next(rounds) > LOAD_THREADS
    assert not failures


def assert_same(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    np.testing.assert_allclose(actual, expected, rtol=0, atol=TOLERANCE)


def test_in_one_batch(minilm: Embedder, texts: list[str], alone: NDArray[np.float32]) -> None:
    assert_same(minilm.embed(texts).vectors, alone)


def test_under_load(minilm: Embedder, texts: list[str], alone: NDArray[np.float32]) -> None:
    chance = np.random.default_rng(7)
    with under_load(minilm):
        for row in chance.permutation(len(texts))[:25]:
            assert_same(minilm.embed([texts[row]]).vectors, alone[[row]])
        for size in (2, 3, 7, 20, len(texts)):
            some = chance.permutation(len(texts))[:size]
            assert_same(minilm.embed([texts[row] for row in some]).vectors, alone[some])


def test_after_a_restart_and_with_other_batches(
    real_options: EngineOptions, texts: list[str], alone: NDArray[np.float32]
) -> None:
    again = load_embedder(MINILM, dataclasses.replace(real_options, batch_tokens=100))
    try:
        assert_same(again.embed(texts).vectors, alone)
    finally:
        again.close()
