"""Whatever comes in, the dialects answer it in their own words and never with a 500."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework.test import APIClient

from embeddings.engine.vocabulary import Vocabulary
from tests.api.assertions import assert_error
from tests.api.test_fuzz import FUZZ, flags, mostly, texts, values
from tests.unit.engine.tokenizers_for_tests import small_tokenizer

ids = st.lists(st.integers(-1, 100_300), max_size=4)
given_texts = mostly(st.one_of(texts, st.lists(texts, max_size=3)))
reading = {
    "truncate": flags,
    "truncation_direction": mostly(st.sampled_from(["left", "Right"])),
    "prompt_name": mostly(st.sampled_from([None, "query"])),
}
sentences = st.fixed_dictionaries(
    {"source_sentence": mostly(texts), "sentences": mostly(st.lists(texts, max_size=3))}
)

BODIES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("/v1/embeddings", "openai"): st.fixed_dictionaries(
        {
            "model": mostly(st.just("hashing-384")),
            "input": st.one_of(given_texts, ids, st.lists(ids, max_size=3)),
        },
        optional={
            "encoding_format": mostly(st.sampled_from(["float", "base64", None])),
            "dimensions": mostly(st.sampled_from([384, None])),
            "user": mostly(texts),
        },
    ),
    ("/", "tei"): st.fixed_dictionaries(
        {"inputs": given_texts},
        optional={**reading, "normalize": flags, "dimensions": mostly(st.just(384))},
    ),
    ("/similarity", "tei"): st.fixed_dictionaries(
        {"inputs": mostly(sentences)},
        optional={"parameters": mostly(st.fixed_dictionaries({}, optional=reading))},
    ),
    ("/tokenize", "tei"): st.fixed_dictionaries(
        {"inputs": given_texts},
        optional={"add_special_tokens": flags, "prompt_name": reading["prompt_name"]},
    ),
}
Send = Callable[[str, str, bytes], None]


@pytest.fixture
def send(as_alice: APIClient, monkeypatch: pytest.MonkeyPatch) -> Send:
    """Sends a body; a bug raises here, as the client passes exceptions on."""
    small = Vocabulary(small_tokenizer(), prompts={"document": "", "query": "q "}, max_tokens=5)
    monkeypatch.setattr("embeddings.services.tei.vocabulary_of", lambda model: small)

    def send_and_check(path: str, dialect: str, body: bytes) -> None:
        content: Any = body
        response = as_alice.generic("POST", path, content, content_type="application/json")
        assert response.status_code < 500, (response.content, body)
        if response.status_code >= 400:
            assert_error(response, dialect, response.status_code)

    return send_and_check


@pytest.mark.parametrize(("path", "dialect"), BODIES)
@FUZZ
@given(data=st.data())
def test_bodies_of_about_the_right_shape(
    send: Send, path: str, dialect: str, data: st.DataObject
) -> None:
    send(path, dialect, orjson.dumps(data.draw(BODIES[path, dialect])))


@pytest.mark.parametrize(("path", "dialect"), BODIES)
@FUZZ
@given(body=st.one_of(st.binary(max_size=50), values.map(orjson.dumps)))
@example(body=b'{"input":' * 2_000)
@example(body=b'{"inputs": "\xed\xa0\x80"}')
def test_bodies_of_any_shape(send: Send, path: str, dialect: str, body: bytes) -> None:
    send(path, dialect, body)
