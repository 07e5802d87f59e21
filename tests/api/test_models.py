"""`GET /v1/models`."""

from rest_framework.test import APIClient

from embeddings.services.engine import get_embedder
from tests.api.assertions import assert_problem


def test_it_works(as_charlie: APIClient) -> None:
    embedder = get_embedder("hashing-384")

    first, *others = as_charlie.get("/v1/models").json()["data"]

    assert first.pop("revision")
    assert first == {
        "id": "hashing-384",
        "dimensions": 384,
        "max_tokens": embedder.max_tokens,
        "fingerprint": embedder.fingerprint,
        "default": True,
        "loaded": True,
    }
    assert "all-MiniLM-L6-v2" in [model["id"] for model in others]
    assert not any(model["default"] for model in others)


def test_the_cast(as_alice: APIClient, as_bob: APIClient, stranger: APIClient) -> None:
    assert as_alice.get("/v1/models").json() == as_bob.get("/v1/models").json()
    assert_problem(stranger.get("/v1/models"), 401, "not_authenticated")
