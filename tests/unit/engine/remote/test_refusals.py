"""What a provider refuses: for its operator to put right, or the sender of too long a text."""

from typing import Any

import numpy as np
import pytest
from structlog.testing import capture_logs

from embeddings.engine.interface import UnusableModel
from embeddings.exceptions import ModelUnusable, TextTooLong
from embeddings.exceptions_remote import InputRefused
from tests.unit.engine.remote.conftest import Make
from tests.unit.engine.remote.fake_provider import (
    FakeProvider,
    status,
    vectors_of,
)

TEXTS = ["tea", "coffee"]


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (302, "Redirects are not followed"),
        (400, "protocol, remote_name"),
        (401, "api_key"),
        (403, "api_key"),
        (404, "url"),
    ],
)
def test_a_refusal_is_not_repeated_and_the_log_says_what_to_do(
    code: int, advice: str, server: FakeProvider, make: Make
) -> None:
    secret = "Incorrect API key provided: sk-12***89, while embedding tea"
    elsewhere = {"Location": server.url}
    body = {"error": {"message": secret, "code": "invalid_api_key"}}
    server.faults = [status(code, body, elsewhere)] * 9
    with capture_logs() as logs, pytest.raises(ModelUnusable) as caught:
        make(server).embed(TEXTS)
    assert len(server.requests) == 1
    assert (caught.value.status, caught.value.headers) == (503, {}), "nothing to wait for"
    [failed] = logs
    assert advice in failed["advice"]
    assert failed["code"] == "invalid_api_key"
    assert "sk-" not in str(logs) + str(caught.value) + caught.value.detail


@pytest.mark.parametrize("code", ["unknown_model", "wrong_model_kind", "model_not_found"])
def test_a_model_that_the_provider_does_not_have_is_no_fault_of_the_texts(
    code: str, server: FakeProvider, make: Make
) -> None:
    server.faults = [status(400, {"code": code, "detail": "no"})]
    with pytest.raises(ModelUnusable):
        make(server).embed(TEXTS)


def test_another_instance_that_can_not_use_the_model_is_not_asked_again(
    server: FakeProvider, make: Make
) -> None:
    server.faults = [status(503, {"code": "model_unusable", "detail": "no"})] * 9
    with capture_logs() as logs, pytest.raises(ModelUnusable) as caught:
        make(server).embed(TEXTS)
    assert len(server.requests) == 1
    assert caught.value.headers == {}
    assert "log of the instance" in logs[0]["advice"]


@pytest.mark.parametrize("code", [400, 413, 422])
def test_texts_that_the_provider_refuses_are_their_senders_fault(
    code: int, server: FakeProvider, make: Make
) -> None:
    body = {"error": {"message": "tea is forbidden to sk-12***89", "code": "content_filter"}}
    server.faults = [status(code, body)]
    with capture_logs() as logs, pytest.raises(InputRefused) as caught:
        make(server).embed(["tea"])
    assert (caught.value.status, caught.value.code) == (400, "input_refused")
    assert f"with status {code}" in caught.value.detail
    [failed] = logs
    assert (failed["log_level"], failed["code"]) == ("warning", "content_filter")
    assert "sk-" not in str(logs) + caught.value.detail


def test_refusals_do_not_open_the_breaker(server: FakeProvider, make: Make) -> None:
    """Or one caller's odd texts could take the model from all."""
    server.faults = [status(400)] * 20
    embedder = make(server)
    for _ in range(20):
        with pytest.raises(InputRefused):
            embedder.embed(TEXTS)
    np.testing.assert_array_equal(embedder.embed(TEXTS).vectors, vectors_of(TEXTS))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (400, "This model's maximum context length is 8192 tokens, however you requested 9001"),
        (413, "`inputs` must have less than 512 tokens. Given: 1234"),
        (422, "`inputs` must have less than 512 tokens. Given: 1234"),
    ],
)
def test_a_text_that_the_provider_calls_too_long_is_its_senders_fault(
    code: int, message: str, server: FakeProvider, make: Make
) -> None:
    def refuse_long(handler: Any) -> None:
        ok = max(map(len, handler.body["input"])) < 100
        handler.send(200 if ok else code, handler.answer() if ok else {"error": message})

    server.faults = [refuse_long] * 50
    embedder = make(server)
    texts = [f"text {number}" for number in range(20)]
    with pytest.raises(TextTooLong) as caught:
        embedder.embed([*texts, "long " * 100, *texts])
    assert caught.value.values["index"] == 20
    assert caught.value.status == 400
    server.requests.clear()
    embedder.embed(texts * 2)
    assert [len(request.body["input"]) for request in server.requests] == [40]


@pytest.mark.parametrize(
    "url", ["http://user:secret@host/v1", "http:///v1", "https://host/v1?key=secret"]
)
def test_a_senseless_url_is_refused_without_repeating_it(url: str, make: Make) -> None:
    with pytest.raises(UnusableModel) as caught:
        make(url)
    assert "secret" not in str(caught.value)


def test_what_a_provider_does_not_tell_must_be_declared(make: Make) -> None:
    with pytest.raises(UnusableModel, match="dimensions and max_tokens"):
        make("http://127.0.0.1:1/v1", dimensions=None)
