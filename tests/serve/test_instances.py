"""Web instances without a model of their own in front of an engine instance: two whole services."""

import json
import re
import time
from collections.abc import Iterator

import numpy as np
import pytest

from embeddings.engine.hashing import HashingEmbedder
from tests.serve.instances import Instance, running, vectors

pytestmark = pytest.mark.serve

TEXTS = ["how to brew tea", "Größe", "a b c d"]
BUDGET_S = 30
"""Which a refused connection does not use up."""

SAME = "ab" * 32


@pytest.fixture(scope="module")
def engine() -> Iterator[Instance]:
    with running() as instance:
        yield instance


@pytest.fixture(scope="module")
def front(engine: Instance) -> Iterator[Instance]:
    there = {
        "provider": "remote",
        "url": f"http://127.0.0.1:{engine.port}/v1",
        "remote_name": "hashing-384",
        "api_key": engine.token,
    }
    models = [
        {**there, "name": "ours", "protocol": "embed"},
        {**there, "name": "plain", "dimensions": 384, "max_tokens": 8192},
        {
            **there,
            "name": "falling",
            "url": "http://127.0.0.1:1/v1",
            "dimensions": 384,
            "max_tokens": 8192,
            "fingerprint": SAME,
            "fallback": "standing",
        },
        {**there, "name": "standing", "protocol": "embed", "fingerprint": SAME},
        {**there, "name": "keyless", "protocol": "embed", "api_key": "emb_nonsense"},
    ]
    with running(
        EMBED_MODELS=json.dumps(models),
        EMBED_DEFAULT_MODEL="ours",
        EMBED_REMOTE_BUDGET_S=str(BUDGET_S),
        EMBED_REMOTE_READ_S=str(BUDGET_S),
    ) as instance:
        yield instance


def test_what_comes_back_is_exact(front: Instance) -> None:
    expected = HashingEmbedder().embed(TEXTS)
    status, _, answer = front.embed(*TEXTS)
    assert (status, answer["model"]) == (200, "ours")
    np.testing.assert_array_equal(vectors(answer), expected.vectors)
    assert [row["tokens"] for row in answer["data"]] == expected.tokens.tolist()
    assert [row["truncated"] for row in answer["data"]] == [False] * 3


def test_the_model_is_the_one_over_there(front: Instance, engine: Instance) -> None:
    there = {model["id"]: model for model in engine.call("GET", "/v1/models")[2]["data"]}
    here = {model["id"]: model for model in front.call("GET", "/v1/models")[2]["data"]}
    for field in ("dimensions", "max_tokens", "fingerprint", "revision"):
        assert here["ours"][field] == there["hashing-384"][field]
    assert here["ours"]["loaded"]
    assert here["plain"]["fingerprint"] != there["hashing-384"]["fingerprint"]


def test_the_dialect_of_openai_gives_the_same_vectors(front: Instance) -> None:
    expected = HashingEmbedder().embed(TEXTS)
    status, _, answer = front.embed(*TEXTS, model="plain")
    assert status == 200
    np.testing.assert_array_equal(vectors(answer), expected.vectors)
    assert answer["usage"]["tokens"] == expected.tokens.sum()


def test_a_thousand_texts_come_through(front: Instance) -> None:
    texts = [f"text {number}" for number in range(1000)]
    status, _, answer = front.embed(*texts)
    assert status == 200
    np.testing.assert_array_equal(vectors(answer), HashingEmbedder().embed(texts).vectors)


def test_a_wrong_key_is_ours_to_put_right_and_nobody_reads_it(front: Instance) -> None:
    status, headers, problem = front.embed("tea", model="keyless")
    assert status == 503
    assert "retry-after" not in headers  # no attempt will do before somebody acts
    assert problem["code"] == "model_unusable"
    log = front.log.read_text()
    assert "Set the model's api_key" in log
    assert "emb_nonsense" not in log + str(problem)


def test_a_declared_fallback_stands_in(front: Instance) -> None:
    status, _, answer = front.embed(*TEXTS, model="falling")
    assert (status, answer["model"], answer["fingerprint"]) == (200, "falling", SAME)
    np.testing.assert_array_equal(vectors(answer), HashingEmbedder().embed(TEXTS).vectors)


def test_documents_are_added_and_found(front: Instance) -> None:
    assert front.call("POST", "/v1/collection", {"name": "drinks"})[0] == 201
    documents = [{"id": text, "text": text} for text in TEXTS]
    added = front.call("POST", "/v1/add", {"collection": "drinks", "documents": documents})
    assert added[0] == 200
    search = {"collection": "drinks", "query": "brew tea", "top_k": 1}
    assert front.call("POST", "/v1/search", search)[2]["hits"][0]["id"] == TEXTS[0]


def test_an_engine_instance_that_is_down_is_503_in_time_until_it_is_back(
    front: Instance, engine: Instance
) -> None:
    assert front.call("POST", "/v1/collection", {"name": "kept"})[0] == 201
    engine.stop()
    started = time.monotonic()
    status, headers, _ = front.embed("while it is down")
    assert status == 503
    assert re.fullmatch(r"[1-9]\d*", headers["retry-after"])
    assert time.monotonic() - started < BUDGET_S + 30
    vector = HashingEmbedder().embed(["tea"]).vectors[0].tolist()
    assert front.call("POST", "/v1/search", {"collection": "kept", "vector": vector})[0] == 200

    engine.start()
    front.wait(lambda: front.embed(f"at {time.monotonic()}")[0] == 200)
