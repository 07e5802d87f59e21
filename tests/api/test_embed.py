"""`POST /v1/embed`."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rest_framework.test import APIClient

from embeddings.engine import Embedded
from embeddings.engine.hashing import HashingEmbedder
from embeddings.services import engine
from embeddings.types.model import ModelDeclaration
from tests.api.assertions import assert_problem
from tests.models import declare
from tests.unit.engine.model_folders import make_model_folder

PATH = "/v1/embed"


def test_it_works(as_charlie: APIClient) -> None:
    answer = as_charlie.post(PATH, {"input": ["green tea", "coffee"]}).json()

    assert (answer["model"], answer["dimensions"]) == ("hashing-384", 384)
    assert [row["index"] for row in answer["data"]] == [0, 1]
    assert answer["usage"]["tokens"] == sum(row["tokens"] for row in answer["data"]) > 0
    for row in answer["data"]:
        assert (row["truncated"], row["cached"]) == (False, False)
        assert np.linalg.norm(row["embedding"]) == pytest.approx(1, abs=1e-5)


def test_strangers_stay_outside(stranger: APIClient) -> None:
    assert_problem(stranger.post(PATH, {"input": "tea"}), 401, "not_authenticated")


def test_everyone_with_a_token_may_embed(as_alice: APIClient, as_bob: APIClient) -> None:
    for client in (as_alice, as_bob):
        assert client.post(PATH, {"input": "tea"}).status_code == 200


def test_one_text_is_a_list_of_one(as_alice: APIClient) -> None:
    one = as_alice.post(PATH, {"input": "tea"}).json()["data"]
    listed = as_alice.post(PATH, {"input": ["tea"]}).json()["data"]
    assert listed == [one[0] | {"cached": True}]


def test_base64_is_the_same_vector(as_alice: APIClient) -> None:
    as_floats = as_alice.post(PATH, {"input": "tea"}).json()["data"][0]["embedding"]
    body = {"input": "tea", "encoding_format": "base64"}
    text = as_alice.post(PATH, body).json()["data"][0]["embedding"]

    vector = np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4")

    assert vector.tolist() == np.array(as_floats, dtype=np.float32).tolist()


def test_the_models_own_dimensions_may_be_named(as_alice: APIClient) -> None:
    body = {"input": "tea", "model": "hashing-384", "dimensions": 384, "input_type": "query"}
    assert as_alice.post(PATH, body).status_code == 200


@pytest.fixture
def shortenable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A model that may be cut to 8 or 4 of its 32 dimensions; it stands in for a trained one."""
    folder = make_model_folder(tmp_path / "small")
    declare(monkeypatch, ModelDeclaration(name="mrl", folder=folder, matryoshka=(8, 4)))

    class Stand(HashingEmbedder):
        name = "mrl"
        dimensions = 32

        def embed(self, texts: Sequence[str], **options: Any) -> Embedded:
            embedded = super().embed(texts, **options)
            return replace(embedded, vectors=embedded.vectors[:, :32].copy() + 1)

    monkeypatch.setitem(engine._embedders, "mrl", Stand())
    return "mrl"


def test_vectors_are_cut_and_normalised_again(as_alice: APIClient, shortenable: str) -> None:
    body = {"input": ["tea", "coffee"], "model": shortenable}
    whole = as_alice.post(PATH, body).json()
    short = as_alice.post(PATH, body | {"dimensions": 8}).json()

    assert (whole["dimensions"], short["dimensions"]) == (32, 8)
    for full, cut in zip(whole["data"], short["data"], strict=True):
        part = np.array(full["embedding"][:8])
        expected = part / np.linalg.norm(part)
        np.testing.assert_allclose(cut["embedding"], expected, rtol=0, atol=1e-6)
        assert cut["cached"], "the cache holds whole vectors"


@pytest.mark.parametrize("dimensions", [5, 31, 33, 64])
def test_only_the_sizes_that_the_model_was_trained_for_are_given(
    as_alice: APIClient, shortenable: str, dimensions: int
) -> None:
    body = {"input": "tea", "model": shortenable, "dimensions": dimensions}

    problem = assert_problem(as_alice.post(PATH, body), 400, "invalid", param="dimensions")

    assert "has 32 dimensions. Ask for one of 4, 8, or" in problem["errors"][0]["detail"]
    for allowed in (4, 8, 32):
        assert as_alice.post(PATH, body | {"dimensions": allowed}).status_code == 200


def test_a_model_that_can_not_be_used_is_a_503_that_tells_no_path(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare(monkeypatch, ModelDeclaration(name="gone", folder=Path("/nowhere/secret")))

    response = as_alice.post(PATH, {"input": "tea", "model": "gone"})

    assert_problem(response, 503, "model_unusable")
    assert not response.has_header("Retry-After"), "nobody knows when it will be put right"
    assert b"secret" not in response.content


def test_a_long_text_is_cut_or_refused(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=3))
    body: dict[str, Any] = {"input": ["short", "one two three four"]}

    assert [row["truncated"] for row in as_alice.post(PATH, body).json()["data"]] == [False, True]
    response = as_alice.post(PATH, body | {"truncate": False})
    assert_problem(response, 400, "text_too_long", param="input.1")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "input"),
        ({"input": None}, "input"),
        ({"input": 7}, "input"),
        ({"input": []}, "input"),
        ({"input": {"a": 1}}, "input"),
        ({"input": ["tea", 7]}, "input"),
        ({"input": ["tea", None]}, "input"),
        ({"input": ["tea"] * 1001}, "input"),
        ({"input": ["tea", ""]}, "input.1"),
        ({"input": " \n"}, "input.0"),
        ({"input": "a\x00b"}, "input.0"),
        ({"input": "x" * 200_001}, "input.0"),
        ({"input": "tea", "model": "gpt"}, "model"),
        ({"input": "tea", "model": ["hashing-384"]}, "model"),
        ({"input": "tea", "input_type": "passage"}, "input_type"),
        ({"input": "tea", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "tea", "dimensions": 383}, "dimensions"),
        ({"input": "tea", "dimensions": 0}, "dimensions"),
        ({"input": "tea", "dimensions": "384"}, "dimensions"),
        ({"input": "tea", "dimensions": True}, "dimensions"),
        ({"input": "tea", "truncate": "true"}, "truncate"),
        ({"input": "tea", "truncate": 1}, "truncate"),
        ({"inputs": "tea"}, "inputs"),
    ],
)
def test_bad_input_is_refused(as_alice: APIClient, body: Any, param: str) -> None:
    assert_problem(as_alice.post(PATH, body), 400, param=param)
