"""`POST /v1/embeddings`, as OpenAI's clients use it."""

import base64
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from embeddings.engine.hashing import HashingEmbedder
from embeddings.engine.vocabulary import Vocabulary
from embeddings.services import engine
from embeddings.services import openai as service
from tests.api.assertions import assert_error
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

PATH = "/v1/embeddings"
MODEL = "hashing-384"
IDS = [15339, 1917]
"""hello world"""


def embed(client: APIClient, given: Any, **others: Any) -> Any:
    return client.post(PATH, {"model": MODEL, "input": given, **others})


def vectors(response: Any) -> list[list[float]]:
    assert response.status_code == 200, response.content
    return [row["embedding"] for row in response.json()["data"]]


def test_it_works(as_charlie: APIClient) -> None:
    answer = embed(as_charlie, ["green tea", "coffee"]).json()

    rows = answer.pop("data")
    assert answer == {
        "object": "list",
        "model": MODEL,
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }
    for index, row in enumerate(rows):
        assert (row["object"], row["index"], len(row["embedding"])) == ("embedding", index, 384)
    ours = as_charlie.post("/v1/embed", {"input": ["green tea", "coffee"]}).json()["data"]
    assert [row["embedding"] for row in rows] == [row["embedding"] for row in ours]


def test_the_path_without_a_version(as_alice: APIClient) -> None:
    response = as_alice.post("/embeddings", {"model": MODEL, "input": "tea"})
    assert vectors(response) == vectors(embed(as_alice, "tea"))


def test_everyone_with_a_token_may_embed(
    as_alice: APIClient, as_bob: APIClient, stranger: APIClient
) -> None:
    assert vectors(embed(as_alice, "tea")) == vectors(embed(as_bob, "tea"))
    response = embed(stranger, "tea")
    assert_error(response, "openai", 401, "not_authenticated")
    assert response["X-Request-Id"]


def test_the_clients_request_id_comes_back(as_alice: APIClient) -> None:
    assert as_alice.post(PATH, {}, HTTP_X_REQUEST_ID="mine")["X-Request-Id"] == "mine"


def test_base64_is_the_same_vector(as_alice: APIClient) -> None:
    [as_floats] = vectors(embed(as_alice, "tea"))
    [text] = vectors(embed(as_alice, "tea", encoding_format="base64"))

    vector = np.frombuffer(base64.b64decode(str(text), validate=True), dtype="<f4")

    assert vector.tolist() == np.array(as_floats, dtype=np.float32).tolist()


@pytest.mark.parametrize("given", [IDS, [IDS]])
def test_token_ids_are_those_of_cl100k_base(as_alice: APIClient, given: Any) -> None:
    assert vectors(embed(as_alice, given)) == vectors(embed(as_alice, "hello world"))


def test_lists_of_token_ids(as_alice: APIClient) -> None:
    expected = vectors(embed(as_alice, ["hello world", "rer"]))
    assert vectors(embed(as_alice, [IDS, [38149]])) == expected


def test_token_ids_of_the_models_own_vocabulary(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = Vocabulary(small_tokenizer(), prompts={"document": "", "query": ""}, max_tokens=16)
    info = replace(engine.model_info(MODEL), token_ids="own")
    monkeypatch.setattr(service, "model_info", lambda name: info)
    monkeypatch.setattr(service, "vocabulary_of", lambda name: small)

    assert vectors(embed(as_alice, [4, 5])) == vectors(embed(as_alice, "alpha beta"))
    response = embed(as_alice, [[4], IDS])
    assert_error(response, "openai", 400, "unknown_token", param="input.1")


def test_what_clients_send_besides(as_alice: APIClient) -> None:
    nulls = {"encoding_format": None, "dimensions": None, "user": None}
    assert len(vectors(embed(as_alice, "tea", **nulls))) == 1
    assert len(vectors(embed(as_alice, "tea", user="u-1", dimensions=384))) == 1


def test_white_space_is_a_text(as_alice: APIClient) -> None:
    assert len(vectors(embed(as_alice, [" ", "tea"]))) == 2


def test_the_empty_string_is_refused_unless_allowed(
    as_alice: APIClient, settings: Settings
) -> None:
    error = assert_error(embed(as_alice, ""), "openai", 400, "empty_text", param="input.0")
    assert error["error"]["message"].endswith("Send at least one character.")
    assert_error(embed(as_alice, ["tea", ""]), "openai", 400, "empty_text", param="input.1")

    settings.EMBED = settings.EMBED.model_copy(update={"openai_empty_text": True})

    [vector] = vectors(embed(as_alice, ""))
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert_error(embed(as_alice, []), "openai", 400, "empty_input")


@pytest.mark.parametrize("kind", ["texts", "ids"])
def test_2048_inputs_are_the_most(as_alice: APIClient, kind: str) -> None:
    one: Any = "a" if kind == "texts" else [64]
    assert len(vectors(embed(as_alice, [one] * 2048, encoding_format="base64"))) == 2048
    body = assert_error(embed(as_alice, [one] * 2049), "openai", 400, param="input")
    assert "2049" in body["message"]


@pytest.mark.parametrize("kind", ["texts", "ids"])
def test_8192_tokens_are_the_longest_input(as_alice: APIClient, kind: str) -> None:
    def long(tokens: int) -> Any:
        return "a " * tokens if kind == "texts" else [264] * tokens

    assert len(vectors(embed(as_alice, ["tea", long(8192)] if kind == "texts" else [long(8192)])))
    response = embed(as_alice, [long(1), long(8193)])
    body = assert_error(response, "openai", 400, "input_too_long", param="input.1")
    assert "8193 tokens" in body["message"]


@pytest.mark.parametrize("kind", ["texts", "ids"])
def test_300000_tokens_are_the_most(as_alice: APIClient, kind: str) -> None:
    def long(tokens: int) -> Any:
        return "a " * tokens if kind == "texts" else [264] * tokens

    most = [long(6000)] * 50
    assert len(vectors(embed(as_alice, most))) == 50
    response = embed(as_alice, [*most, long(1)])
    assert_error(response, "openai", 400, "max_tokens_per_request", param="input")


def test_texts_are_counted_only_near_the_limits(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Uncounted(HashingEmbedder):
        def count_tokens(self, texts: Any) -> list[int]:
            raise AssertionError("counted")

    monkeypatch.setitem(engine._embedders, MODEL, Uncounted())

    assert len(vectors(embed(as_alice, ["x" * 8000] * 30))) == 30
    with pytest.raises(AssertionError, match="counted"):
        embed(as_alice, "é" * 2100)


def test_a_text_over_the_models_own_limit_is_cut(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._embedders, MODEL, HashingEmbedder(max_tokens=2))
    assert vectors(embed(as_alice, "green tea pot")) == vectors(embed(as_alice, "green tea"))


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": [[]]}, "input"),
        ({"input": [IDS, []]}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": ["tea", 7]}, "input"),
        ({"input": ["tea", IDS]}, "input"),
        ({"input": ["tea", None]}, "input"),
        ({"input": [1.5]}, "input"),
        ({"input": [True]}, "input"),
        ({"input": [[1, "2"]]}, "input"),
        ({"input": [[1, [2]]]}, "input"),
        ({"input": [100256]}, "input.0"),
        ({"input": [IDS, [-1]]}, "input.1"),
        ({"input": [2**40]}, "input.0"),
        ({"input": "a\x00b"}, "input.0"),
        ({"input": "x" * 200_001}, "input.0"),
        ({"input": "tea", "model": None}, "model"),
        ({"input": "tea", "model": ""}, "model"),
        ({"input": "tea", "model": ["hashing-384"]}, "model"),
        ({"input": "tea", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "tea", "dimensions": 0}, "dimensions"),
        ({"input": "tea", "dimensions": 385}, "dimensions"),
        ({"input": "tea", "dimensions": 383}, "dimensions"),
        ({"input": "tea", "dimensions": "384"}, "dimensions"),
        ({"input": "tea", "user": 7}, "user"),
        ({"input": "tea", "inputs": "tea"}, "inputs"),
    ],
)
def test_bad_input_is_refused(as_alice: APIClient, body: Any, param: str) -> None:
    assert_error(as_alice.post(PATH, {"model": MODEL} | body), "openai", 400, param=param)


def test_an_unknown_model_is_what_openai_calls_not_found(as_alice: APIClient) -> None:
    response = as_alice.post(PATH, {"model": "text-embedding-3-small", "input": "tea"})
    body = assert_error(response, "openai", 404, "model_not_found", param="model")
    assert MODEL in body["message"]


def test_the_model_must_be_named(as_alice: APIClient) -> None:
    assert_error(as_alice.post(PATH, {"input": "tea"}), "openai", 400, "invalid", param="model")


def test_every_fault_is_in_the_message(as_alice: APIClient) -> None:
    body = assert_error(as_alice.post(PATH, {"input": 7}), "openai", 400, param="input")
    assert body["message"].startswith("input: Send a string, ")
    assert body["message"].endswith(" model: This field is required.")
