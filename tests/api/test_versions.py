"""The routes without a version, and the header `API-Version`."""

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem


def test_it_works(collection: Collection, as_alice: APIClient) -> None:
    for path in ("/collection", "/collection/drinks", "/collection/drinks/documents", "/models"):
        plain, versioned = as_alice.get(path), as_alice.get(f"/v1{path}")
        assert plain.status_code == 200
        assert plain.json() == versioned.json()
        assert plain["API-Version"] == versioned["API-Version"] == "1"
    for path, body in (
        ("/embed", {"input": "tea"}),
        ("/search", {"collection": "drinks", "query": "tea"}),
        ("/add", {"collection": "drinks", "documents": [{"text": "tea"}]}),
    ):
        assert as_alice.post(path, body, HTTP_API_VERSION="1").status_code == 200


@pytest.mark.parametrize("path", ["/models", "/v1/models"])
@pytest.mark.parametrize("version", ["0", "2", "latest", "1.0", ""])
def test_an_unknown_version_is_refused(as_alice: APIClient, path: str, version: str) -> None:
    response = as_alice.get(path, HTTP_API_VERSION=version)
    assert_problem(response, 400, "unknown_api_version", param="API-Version")


def test_strangers_stay_outside(stranger: APIClient) -> None:
    assert_problem(stranger.get("/models"), 401, "not_authenticated")
