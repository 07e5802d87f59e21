"""Rerankers that a provider runs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from embeddings.engine.interface import RemoteOptions, Reranker
from embeddings.engine.reranker_remote import RemoteReranker, remote_reranker
from embeddings.exceptions import CallerGone, EngineUnavailable, ModelUnusable, TextTooLong
from embeddings.exceptions_remote import InputRefused
from embeddings.types.model import ModelDeclaration
from tests.rerankers import WordOverlap
from tests.unit.engine.remote.conftest import PATIENCE_S
from tests.unit.engine.remote.fake_provider import FakeProvider, Fault, Handler, hang, status

TEXTS = ["a", "bbb", "cc", "ddddd"]
Make = Callable[..., RemoteReranker]


def score_of(text: str) -> float:
    return len(text) / 10


def cohere(handler: Handler) -> None:
    """A good answer of Cohere's, Jina's, vLLM's or ours."""
    documents = handler.body["documents"]
    rows = [{"index": i, "relevance_score": score_of(text)} for i, text in enumerate(documents)]
    best = sorted(rows, key=lambda row: -row["relevance_score"])[: handler.body["top_n"]]
    handler.send(200, {"results": best, "usage": {"total_tokens": 100}})


def tei(handler: Handler) -> None:
    texts = handler.body["texts"]
    assert handler.body["raw_scores"] is False
    rows = [{"index": i, "score": score_of(text)} for i, text in enumerate(texts)]
    handler.send(200, sorted(rows, key=lambda row: -row["score"]))


def results(rows: Any) -> Fault:
    return lambda handler: handler.send(200, {"results": rows})


def scored(*scores: Any) -> Fault:
    return results([{"index": i, "relevance_score": each} for i, each in enumerate(scores)])


@pytest.fixture
def make(server: FakeProvider, soon: None) -> Iterator[Make]:
    made: list[RemoteReranker] = []

    def make_reranker(
        silence: float = PATIENCE_S,
        fallback: Callable[[], Reranker] | None = None,
        **fields: Any,
    ) -> RemoteReranker:
        declaration = ModelDeclaration(
            name="m", kind="reranker", provider="remote", url=server.url, **fields
        )
        options = RemoteOptions(connect_timeout=PATIENCE_S, read_timeout=silence, budget=PATIENCE_S)
        made.append(remote_reranker(declaration, options, fallback=fallback))
        return made[-1]

    yield make_reranker
    for reranker in made:
        reranker.close()


def test_it_works(server: FakeProvider, make: Make) -> None:
    server.faults = [cohere]

    scores = make(remote_name="rerank-v3.5", api_key="secret").score("q", TEXTS)

    np.testing.assert_allclose(scores.scores, [0.1, 0.3, 0.2, 0.5])
    np.testing.assert_array_equal(scores.logits, scores.scores)
    assert scores.tokens.sum() == 100
    [request] = server.requests
    assert request.path == "/v1/rerank"
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.body == {
        "model": "rerank-v3.5",
        "query": "q",
        "documents": TEXTS,
        "top_n": 4,
        "return_documents": False,
    }


def test_text_embeddings_inference(server: FakeProvider, make: Make) -> None:
    server.faults = [tei]

    scores = make(rerank_protocol="tei").score("q", TEXTS, truncate=False)

    np.testing.assert_allclose(scores.scores, [0.1, 0.3, 0.2, 0.5])
    assert server.requests[0].body["truncate"] is False
    assert (scores.tokens > 0).all()


@pytest.mark.parametrize("score", [-0.1, 1.1, None])
def test_no_score_of_text_embeddings_inference_is_beyond_its_bounds(
    server: FakeProvider, make: Make, score: float | None
) -> None:
    server.faults = [status(200, [{"index": 0, "score": score}]), tei]

    assert make(rerank_protocol="tei").score("q", ["a"]).scores == pytest.approx([0.1])
    assert len(server.requests) == 2


def test_the_most_that_is_read_of_a_text_goes_along(server: FakeProvider, make: Make) -> None:
    server.faults = [cohere]
    make().score("q", TEXTS, text_tokens=7)

    assert server.requests[0].body["max_tokens_per_doc"] == 7


def test_a_score_beyond_its_bounds_is_kept_as_the_models_own(
    server: FakeProvider, make: Make
) -> None:
    server.faults = [scored(-0.5, 1.5)]
    scores = make().score("q", ["a", "b"])

    assert scores.logits.tolist() == [-0.5, 1.5]
    assert scores.scores.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("code", [413, 422])
def test_too_many_texts_are_asked_in_parts(server: FakeProvider, make: Make, code: int) -> None:
    server.faults = [status(code), cohere, cohere, cohere, cohere]
    reranker = make()

    for _ in range(2):
        scores = reranker.score("q", TEXTS * 5)
        np.testing.assert_allclose(scores.scores, [0.1, 0.3, 0.2, 0.5] * 5)

    assert [len(each.body["documents"]) for each in server.requests] == [20, 10, 10, 10, 10]


def test_what_one_text_is_refused_for_makes_no_later_request_smaller(
    server: FakeProvider, make: Make
) -> None:
    server.faults = [status(422), status(422), status(422), cohere]
    reranker = make()

    with pytest.raises(InputRefused):
        reranker.score("q", TEXTS)
    reranker.score("q", TEXTS)

    assert [len(each.body["documents"]) for each in server.requests] == [4, 2, 1, 4]


def test_a_text_that_is_too_long_is_its_senders_fault(server: FakeProvider, make: Make) -> None:
    server.faults = [status(422), cohere, status(422), cohere, status(422)]

    with pytest.raises(TextTooLong) as raised:
        make().score("q", TEXTS, truncate=False)
    assert raised.value.values["index"] == 3


@pytest.mark.parametrize("code", [400, 413, 422])
def test_a_text_that_is_refused_is_its_senders_fault_and_not_taken_elsewhere(
    server: FakeProvider, make: Make, code: int
) -> None:
    server.faults = [status(code)]
    other = WordOverlap()

    with pytest.raises(InputRefused):
        make(fallback=lambda: other).score("q", ["a"])
    assert other.calls == []


@pytest.mark.parametrize("fault", [status(401), status(400, {"code": "unknown_model"})])
def test_a_model_that_is_refused_can_not_be_used(
    server: FakeProvider, make: Make, fault: Fault
) -> None:
    server.faults = [fault]

    with pytest.raises(ModelUnusable):
        make().score("q", ["a"])
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [
        status(500),
        status(429, headers={"Retry-After": "0"}),
        results([]),
        results(None),
        results([{"index": 0, "relevance_score": 0.1}, {"index": 0, "relevance_score": 0.1}]),
        results([{"index": 0, "relevance_score": 0.1}, {"index": 2, "relevance_score": 0.1}]),
        results([{"index": "0", "relevance_score": 0.1}, {"index": 1, "relevance_score": 0.1}]),
        scored(0.1, "0.2"),
        scored(0.1, True),
        scored(0.1, None),
        scored(0.1, 1e300),
        lambda handler: handler.send(200, []),
        lambda handler: handler.send(200, b'{"results": [{"index": 0, "relevance_score": NaN}'),
        hang,
    ],
)
def test_a_fault_is_tried_again_and_never_a_wrong_score(
    server: FakeProvider, make: Make, fault: Fault
) -> None:
    server.faults = [fault, cohere]
    reranker = make(silence=0.3) if fault is hang else make()
    scores = reranker.score("q", ["a", "bbb"])

    np.testing.assert_allclose(scores.scores, [0.1, 0.3])
    assert len(server.requests) == 2 or fault is hang


def test_a_provider_that_is_down_is_503(server: FakeProvider, make: Make) -> None:
    server.faults = [status(500)] * 10

    with pytest.raises(EngineUnavailable) as raised:
        make().score("q", ["a"])
    assert int(raised.value.headers["Retry-After"]) >= 1


def test_another_reranker_stands_in(server: FakeProvider, make: Make) -> None:
    server.faults = [status(500)] * 10
    other = WordOverlap()

    scores = make(fallback=lambda: other).score("a b", ["a", "a b"])

    assert scores.logits.tolist() == [0, 1]
    assert other.calls == [("a b", ["a", "a b"])]


def test_nobody_is_asked_for_a_caller_that_has_gone(server: FakeProvider, make: Make) -> None:
    with pytest.raises(CallerGone):
        make().score("q", ["a"], gone=lambda: True)
    assert server.requests == []
