"""This service's own protocol, in what two real instances can't be made to say at will."""

from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from embeddings.engine.interface import UnusableModel
from embeddings.exceptions import EngineUnavailable, TextTooLong
from tests.unit.engine.remote.conftest import SAME, Make
from tests.unit.engine.remote.fake_provider import (
    DIMENSIONS,
    FakeProvider,
    Fault,
    Handler,
    status,
    vectors_of,
)

pytestmark = pytest.mark.usefixtures("soon")

TEXTS = ["tea", "coffee"]
THERE = {"id": "m", "dimensions": DIMENSIONS, "max_tokens": 7, "fingerprint": SAME}


@pytest.fixture(autouse=True)
def models(server: FakeProvider) -> None:
    server.models = [{**THERE, "id": "other", "dimensions": 3}, THERE]


def ours(**changes: Any) -> Fault:
    """A good answer of an instance, with changes."""

    def fault(handler: Handler) -> None:
        answer = handler.answer() | {"fingerprint": SAME}
        for row in answer["data"]:
            row |= {"tokens": 3, "truncated": False, "cached": False}
        answer["data"][-1] |= {"tokens": 7, "truncated": True}
        handler.send(200, answer | changes)

    return fault


def make_ours(make: Make, server: FakeProvider, **fields: Any) -> Any:
    return make(server, protocol="embed", **{"dimensions": None, "max_tokens": None, **fields})


def test_it_works(server: FakeProvider, make: Make) -> None:
    server.faults = [ours()]
    embedder = make_ours(make, server)
    assert (embedder.dimensions, embedder.max_tokens) == (DIMENSIONS, 7)
    assert embedder.fingerprint == SAME
    embedded = embedder.embed(TEXTS, input_type="query", truncate=False)
    np.testing.assert_array_equal(embedded.vectors, vectors_of(TEXTS))
    assert embedded.tokens.tolist() == [3, 7]
    assert embedded.truncated.tolist() == [False, True]
    [request] = server.requests
    assert request.path == "/v1/embed"
    assert request.body == {
        "model": "m",
        "input": TEXTS,
        "input_type": "query",
        "truncate": False,
        "encoding_format": "base64",
    }


def test_another_model_under_the_same_name_is_never_mixed_in(
    server: FakeProvider, make: Make
) -> None:
    server.faults = [ours(fingerprint="cd" * 32)] * 9
    with capture_logs() as logs, pytest.raises(EngineUnavailable):
        make_ours(make, server).embed(TEXTS)
    assert "not the one it was" in str(logs)


@pytest.mark.parametrize("field", ["tokens", "truncated"])
@pytest.mark.parametrize("value", [None, "1", -1, 1.5])
def test_what_is_not_counted_is_no_answer(
    field: str, value: Any, server: FakeProvider, make: Make
) -> None:
    def garbled(handler: Handler) -> None:
        answer = handler.answer()
        for row in answer["data"]:
            row |= {"tokens": 3, "truncated": False, field: value}
        handler.send(200, answer)

    server.faults = [garbled, ours()]
    assert make_ours(make, server).embed(TEXTS).tokens.tolist() == [3, 7]
    assert len(server.requests) == 2


def test_a_text_that_is_too_long_over_there_is_too_long_here(
    server: FakeProvider, make: Make
) -> None:
    detail = TextTooLong(index=1, tokens=900, max_tokens=7).detail
    server.faults = [status(400, {"code": "text_too_long", "detail": detail})]
    with pytest.raises(TextTooLong) as caught:
        make_ours(make, server).embed(TEXTS, truncate=False)
    assert caught.value.values == {"index": 1, "tokens": 900, "max_tokens": 7}


def test_its_index_is_that_of_the_whole_call(server: FakeProvider, make: Make) -> None:
    texts = [f"text {number}" for number in range(300)]

    def refuse_the_last(handler: Handler) -> None:
        if texts[-1] in handler.body["input"]:
            index = handler.body["input"].index(texts[-1])
            detail = TextTooLong(index=index, tokens=900, max_tokens=7).detail
            handler.send(400, {"code": "text_too_long", "detail": detail})
        else:
            ours()(handler)

    server.faults = [refuse_the_last] * 9
    with pytest.raises(TextTooLong) as caught:
        make_ours(make, server).embed(texts, truncate=False)
    assert caught.value.values["index"] == 299


def test_a_smaller_batch_is_sent_where_an_instance_takes_less(
    server: FakeProvider, make: Make
) -> None:
    def at_most_100(handler: Handler) -> None:
        if len(handler.body["input"]) <= 100:
            ours()(handler)
        else:
            fault = {"param": "input", "code": "not_texts", "detail": "Send 1 to 100 strings."}
            handler.send(400, {"code": "invalid", "detail": "no", "errors": [fault]})

    server.faults = [at_most_100] * 99
    texts = [f"text {number}" for number in range(200)]
    embedder = make_ours(make, server)
    np.testing.assert_array_equal(embedder.embed(texts).vectors, vectors_of(texts))
    assert len(server.requests) == 3


def test_prompts_of_ours_make_another_fingerprint(server: FakeProvider, make: Make) -> None:
    assert make_ours(make, server, query_prompt="query: ").fingerprint != SAME


def test_a_model_that_is_not_there_is_unusable(server: FakeProvider, make: Make) -> None:
    with pytest.raises(UnusableModel, match="serves no model absent"):
        make_ours(make, server, remote_name="absent")


def test_a_model_that_the_instance_can_not_use_itself_is_unusable(
    server: FakeProvider, make: Make
) -> None:
    unknown = {"dimensions": None, "max_tokens": None, "fingerprint": None}
    server.models = [{**THERE, **unknown, "usable": False}]
    with pytest.raises(UnusableModel, match="can't use its m now"):
        make_ours(make, server, dimensions=DIMENSIONS, max_tokens=7)


def test_an_instance_that_is_not_there_is_unavailable(server: FakeProvider, make: Make) -> None:
    server.models = None  # type: ignore[assignment]
    with pytest.raises(EngineUnavailable):
        make_ours(make, server)
