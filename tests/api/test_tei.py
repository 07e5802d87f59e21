"""`/embed`, `/info`, `/similarity` and `/tokenize`, as clients of text-embeddings-inference use
them.
"""

import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pytest_django import Settings
from rest_framework.test import APIClient

from embeddings.engine.hashing import HashingEmbedder
from embeddings.engine.vocabulary import Vocabulary
from embeddings.services import engine
from embeddings.services import tei as service
from embedsite.config import BASE_DIR
from tests.api.assertions import assert_error, assert_problem
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

SIMILAR = {"source_sentence": "green tea", "sentences": ["green tea", "tea", "gate code"]}


@pytest.fixture
def small_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten tokens, in place of the hashing embedder, which has none; three words are read."""
    small = Vocabulary(small_tokenizer(), prompts={"document": "", "query": "alpha "}, max_tokens=5)
    monkeypatch.setattr(service, "vocabulary_of", lambda model: small)
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=3))


def vectors(client: APIClient, inputs: Any, **others: Any) -> Any:
    response = client.post("/embed", {"inputs": inputs, **others})
    assert response.status_code == 200, response.content
    return response.json()


def test_it_works(as_charlie: APIClient) -> None:
    answer = vectors(as_charlie, ["green tea", "coffee"])

    ours = as_charlie.post("/v1/embed", {"input": ["green tea", "coffee"]}).json()["data"]
    assert answer == [row["embedding"] for row in ours]


@pytest.mark.parametrize("path", ["/embed", "/"])
def test_one_text_is_a_list_of_one_vector(as_alice: APIClient, path: str) -> None:
    answer = as_alice.post(path, {"inputs": "tea"}).json()
    assert answer == vectors(as_alice, ["tea"])
    assert [len(vector) for vector in answer] == [384]


def test_the_key_decides_who_is_spoken_to(as_alice: APIClient) -> None:
    assert as_alice.post("/embed", {"input": "tea"}).json()["dimensions"] == 384
    assert_problem(as_alice.post("/embed", {"input": 7}), 400, param="input")
    assert_error(as_alice.post("/embed", {"inputs": 7}), "tei", 422)
    assert_problem(as_alice.post("/embed", {}), 400, param="input")
    assert_problem(as_alice.post("/v1/embed", {"inputs": "tea"}), 400, param="inputs")
    assert_error(as_alice.post("/", {"input": "tea"}), "tei", 422)


def test_the_cast(as_alice: APIClient, as_bob: APIClient, stranger: APIClient) -> None:
    assert vectors(as_alice, "tea") == vectors(as_bob, "tea")
    # Nobody reads a stranger's body to find out which dialect it is in.
    assert_problem(stranger.post("/embed", {"inputs": "tea"}), 401)
    assert_error(stranger.post("/", {"inputs": "tea"}), "tei", 401)


def test_what_clients_send_besides(as_alice: APIClient) -> None:
    others = {
        "truncate": None,
        "truncation_direction": "Right",
        "prompt_name": None,
        "normalize": True,
        "dimensions": 384,
        "something": "else",
    }
    assert vectors(as_alice, "tea", **others) == vectors(as_alice, "tea")
    assert vectors(as_alice, "tea", prompt_name="query") == vectors(as_alice, "tea")


def test_a_long_text_is_cut_or_refused(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(engine._embedders, "hashing-384", HashingEmbedder(max_tokens=2))

    assert vectors(as_alice, "green tea pot") == vectors(as_alice, "green tea")
    response = as_alice.post("/embed", {"inputs": "green tea pot", "truncate": False})
    assert "3 tokens" in assert_error(response, "tei", 422, "Validation")["error"]


@pytest.mark.usefixtures("small_vocabulary")
def test_either_end_can_be_cut(as_alice: APIClient) -> None:
    given = "beta gamma alpha deltas"
    for direction, kept in (("left", "deltas"), ("Left", "deltas"), ("right", "beta gamma alpha")):
        cut = vectors(as_alice, given, truncation_direction=direction)
        assert cut == vectors(as_alice, kept), direction
    assert vectors(as_alice, "beta", truncation_direction="left") == vectors(as_alice, "beta")


def test_vectors_of_a_model_that_does_not_normalise(
    as_alice: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Doubled(HashingEmbedder):
        def embed(self, *arguments: Any, **named: Any) -> Any:
            embedded = super().embed(*arguments, **named)
            embedded.vectors[:] *= 2
            return embedded

    info = engine.model_info("hashing-384")
    bare = replace(info, normalized=False)
    monkeypatch.setitem(engine._embedders, "hashing-384", Doubled())
    monkeypatch.setattr(service, "model_info", lambda name: bare)

    assert np.linalg.norm(vectors(as_alice, "tea")) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(vectors(as_alice, "tea", normalize=False)) == pytest.approx(2, abs=1e-5)


def test_a_model_that_normalises_can_not_be_asked_not_to(as_alice: APIClient) -> None:
    response = as_alice.post("/embed", {"inputs": "tea", "normalize": False})
    assert "by itself" in assert_error(response, "tei", 422, "Validation")["error"]


@pytest.mark.parametrize("inputs", [[], "", ["tea", ""]])
def test_what_is_empty(as_alice: APIClient, inputs: Any) -> None:
    error = assert_error(as_alice.post("/embed", {"inputs": inputs}), "tei", 400, "Empty")
    assert "white space" not in error["error"]


def test_white_space_is_a_text(as_alice: APIClient) -> None:
    assert len(as_alice.post("/embed", {"inputs": [" ", "tea"]}).json()) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": None},
        {"inputs": 7},
        {"inputs": {"a": 1}},
        {"inputs": ["tea", 7]},
        {"inputs": [[1, 2]]},
        {"inputs": ["tea"] * 1001},
        {"inputs": "a\x00b"},
        {"inputs": "x" * 200_001},
        {"inputs": "tea", "dimensions": 0},
        {"inputs": "tea", "dimensions": 385},
        {"inputs": "tea", "dimensions": 100},
        {"inputs": "tea", "truncate": "true"},
        {"inputs": "tea", "truncation_direction": "up"},
        {"inputs": "tea", "prompt_name": "passage"},
        {"inputs": "tea", "normalize": 1},
    ],
)
def test_bad_input_is_refused(as_alice: APIClient, body: Any) -> None:
    assert_error(as_alice.post("/embed", body), "tei", 422, "Validation")


def test_cutting_the_beginning_needs_a_vocabulary(as_alice: APIClient) -> None:
    response = as_alice.post("/embed", {"inputs": "tea", "truncation_direction": "left"})
    assert_error(response, "tei", 424, "Backend")


def test_info(as_charlie: APIClient, settings: Settings) -> None:
    answer = as_charlie.get("/info").json()

    assert answer["model_id"] == answer["served_model_name"] == "hashing-384"
    assert answer["model_type"] == {"embedding": {"pooling": "mean"}}
    assert answer["max_client_batch_size"] == settings.EMBED.max_batch
    assert answer["max_input_length"] == HashingEmbedder().max_tokens
    assert answer["auto_truncate"] is True
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]
    assert answer["version"] == project["version"]


def test_similarity(as_charlie: APIClient) -> None:
    same, near, far = as_charlie.post("/similarity", {"inputs": SIMILAR}).json()

    assert same == pytest.approx(1, abs=1e-5)
    assert same > near > far
    body = {"inputs": SIMILAR, "parameters": {"truncate": False, "prompt_name": "query"}}
    assert as_charlie.post("/similarity", body).json() == pytest.approx([same, near, far])
    assert as_charlie.post("/similarity", {"inputs": SIMILAR, "parameters": None}).json()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"inputs": "tea"}, 422),
        ({"inputs": SIMILAR | {"sentences": "tea"}}, 422),
        ({"inputs": SIMILAR | {"sentences": []}}, 400),
        ({"inputs": SIMILAR | {"sentences": ["tea", ""]}}, 400),
        ({"inputs": SIMILAR | {"source_sentence": ""}}, 400),
        ({"inputs": SIMILAR | {"source_sentence": 7}}, 422),
        ({"inputs": SIMILAR | {"sentences": ["tea"] * 1001}}, 422),
        ({"inputs": SIMILAR, "parameters": {"prompt_name": "x"}}, 422),
    ],
)
def test_bad_comparisons_are_refused(as_alice: APIClient, body: Any, status: int) -> None:
    kind = "Empty" if status == 400 else "Validation"
    assert_error(as_alice.post("/similarity", body), "tei", status, kind)


def test_what_is_no_object_is_told_what_to_send(as_alice: APIClient) -> None:
    error = assert_error(as_alice.post("/similarity", {"inputs": "tea"}), "tei", 422, "Validation")
    assert "Send a JSON object." in error["error"]


@pytest.mark.usefixtures("small_vocabulary")
def test_tokenize(as_charlie: APIClient) -> None:
    special = {"special": True, "start": None, "stop": None}
    expected = [
        {"id": 2, "text": "[CLS]", **special},
        {"id": 5, "text": "beta", "special": False, "start": 0, "stop": 4},
        {"id": 3, "text": "[SEP]", **special},
    ]
    assert as_charlie.post("/tokenize", {"inputs": "beta"}).json() == [expected]

    body: dict[str, Any] = {"inputs": ["beta", ""], "add_special_tokens": False}
    assert as_charlie.post("/tokenize", body).json() == [[expected[1]], []]

    prompted = as_charlie.post("/tokenize", body | {"prompt_name": "query"}).json()
    assert [[token["text"] for token in tokens] for tokens in prompted] == [
        ["alpha", "beta"],
        ["alpha"],
    ]


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        ({"inputs": "tea"}, 424, "Backend"),
        ({"inputs": []}, 400, "Empty"),
        ({"inputs": 7}, 422, "Validation"),
        ({"inputs": "a\x00b"}, 422, "Validation"),
        ({"inputs": "tea", "add_special_tokens": "no"}, 422, "Validation"),
        ({"inputs": "tea", "prompt_name": "x"}, 422, "Validation"),
    ],
)
def test_what_can_not_be_tokenized(as_alice: APIClient, body: Any, status: int, kind: str) -> None:
    assert_error(as_alice.post("/tokenize", body), "tei", status, kind)


@pytest.mark.model
def test_a_real_vocabulary(as_alice: APIClient, settings: Settings) -> None:
    settings.EMBED = settings.EMBED.model_copy(update={"default_model": "all-MiniLM-L6-v2"})

    [tokens] = as_alice.post("/tokenize", {"inputs": "Embeddings"}).json()

    assert [token["text"] for token in tokens] == ["[CLS]", "Em", "bed", "ding", "s", "[SEP]"]
    assert [token["id"] for token in tokens][::5] == [101, 102]
