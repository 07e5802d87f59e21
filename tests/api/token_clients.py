"""Clients with API tokens of their own, and what tests ask of `/v1/tokens` with them."""

from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from accounts.services.tokens import create_api_token

TOKENS = "/v1/tokens"


def bearer(plaintext: str, **headers: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plaintext}", **headers)
    return client


def with_token(user: User, **options: Any) -> APIClient:
    """A client with a narrowed token of the user's."""
    return bearer(create_api_token(user=user, name="narrow", **options)[1])


def mint(client: APIClient, **body: Any) -> dict[str, Any]:
    response = client.post(TOKENS, {"name": "new", **body}, format="json")
    assert response.status_code == 201, response.content
    answer: dict[str, Any] = response.json()
    return answer


def keys(client: APIClient, **query: str) -> list[str]:
    response = client.get(TOKENS, query)
    assert response.status_code == 200, response.content
    return [token["key"] for token in response.json()["tokens"]]


def key_of(client: APIClient) -> str:
    return str(vars(client)["_credentials"]["HTTP_AUTHORIZATION"]).split("_")[1]


def rotate(client: APIClient, key: str, **body: Any) -> Any:
    return client.post(f"{TOKENS}/{key}/rotate", body, format="json")
