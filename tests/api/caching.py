"""What tests ask of the cache over HTTP."""

from rest_framework.test import APIClient

WARM = "/v1/cache/warm"


def cached(client: APIClient, *wanted: str, input_type: str = "document") -> list[bool]:
    body = {"input": list(wanted), "input_type": input_type}
    return [row["cached"] for row in client.post("/v1/embed", body).json()["data"]]
