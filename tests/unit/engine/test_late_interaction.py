"""Late interaction on token vectors that are known."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from embeddings.engine.interface import InputType, RuntimeName
from embeddings.engine.late_interaction import LateInteraction
from embeddings.engine.reading import Reader
from tests.unit.engine.tokenizers_for_tests import WORDS, small_tokenizer

ALPHA, BETA, GAMMA, DEL = (WORDS.index(word) for word in ("alpha", "beta", "gamma", "del"))


class KnownVectors:
    """Each token has its own vector, padding too, and `gamma` lies between `alpha` and `beta`; a
    text's vector is the sum of its tokens'.
    """

    name: RuntimeName = "openvino"
    streams = 2
    best_batch_tokens = 16
    pad_id = BETA

    def __init__(self) -> None:
        self.table = np.eye(len(WORDS), dtype=np.float32)
        self.table[GAMMA] = 3 * (self.table[ALPHA] + self.table[BETA])

    def run_tokens(
        self, ids: NDArray[np.int64], mask: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        tokens = self.table[ids]
        return (tokens * mask[..., None]).sum(axis=1), tokens


@pytest.fixture
def runtime() -> KnownVectors:
    return KnownVectors()


@pytest.fixture
def reranker(runtime: KnownVectors) -> Iterator[LateInteraction]:
    made = make(runtime, {"document": "", "query": ""})
    yield made
    made.close()


def make(runtime: KnownVectors, prompts: dict[InputType, str]) -> LateInteraction:
    return LateInteraction(
        name="known",
        max_tokens=16,
        reader=Reader(small_tokenizer(), max_tokens=16),
        runtime=runtime,
        prompts=prompts,
        batch_tokens=1024,
    )


def test_it_works(reranker: LateInteraction) -> None:
    """By hand, with the share of max-sim 0.6: [CLS] and [SEP] are tokens like the others."""
    scores = reranker.score("alpha", ["alpha", "beta", "gamma"])

    half = 0.5**0.5
    cosine_of_gamma = (2 + 3) / (3**0.5 * 20**0.5)
    np.testing.assert_allclose(
        scores.logits,
        [
            1.0,
            0.4 * 2 / 3 + 0.6 * 2 / 3,
            0.4 * cosine_of_gamma + 0.6 * (2 + half) / 3,
        ],
        rtol=1e-6,
    )
    assert scores.tokens.tolist() == [3, 3, 3]


def test_padding_is_no_token(reranker: LateInteraction) -> None:
    """It would be the nearest token to `beta` in the shorter text."""
    alone = reranker.score("beta", ["alpha"]).logits
    beside = reranker.score("beta", ["alpha", "alpha alpha alpha alpha"]).logits

    np.testing.assert_allclose(alone, beside[:1], rtol=1e-6)


def test_prompts_are_those_of_the_model(reranker: LateInteraction, runtime: KnownVectors) -> None:
    prompted = make(runtime, {"document": "beta beta ", "query": "del "})

    with_prompts = prompted.score("alpha", ["gamma"]).logits
    right = reranker.score("del alpha", ["beta beta gamma"]).logits
    exchanged = reranker.score("beta beta alpha", ["del gamma"]).logits
    np.testing.assert_allclose(with_prompts, right)
    assert not np.allclose(with_prompts, exchanged)
    prompted.close()


def test_a_score_is_never_below_zero(reranker: LateInteraction, runtime: KnownVectors) -> None:
    runtime.table[:] = 0
    runtime.table[DEL, 0], runtime.table[ALPHA, 0] = 1, -5

    scores = reranker.score("del", ["alpha", "del"])

    np.testing.assert_allclose(scores.logits, [-0.4, 0.4 + 0.6 / 3], rtol=1e-6)
    np.testing.assert_allclose(scores.scores, [0, 0.6], rtol=1e-6)
