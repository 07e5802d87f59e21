"""Clients that hang up before their answer is ready."""

import socket
from typing import Any

import pytest
from rest_framework.test import APIClient

BODIES = {
    "/v1/embed": {"input": "tea that nobody has asked for before"},
    "/v1/embeddings": {"model": "hashing-384", "input": "tea that nobody has asked for before"},
    "/embed": {"inputs": "tea that nobody has asked for before"},
}


def connected(ours: socket.socket) -> dict[str, Any]:
    """What gunicorn puts into the environment."""
    return {"gunicorn.socket": ours}


@pytest.mark.parametrize("path", BODIES)
def test_it_works(as_charlie: APIClient, path: str) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        served = as_charlie.post(path, BODIES[path], **connected(ours))
    assert served.status_code == 200


@pytest.mark.parametrize("path", BODIES)
def test_nothing_is_embedded_for_a_client_that_has_gone(as_charlie: APIClient, path: str) -> None:
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours:
        dropped = as_charlie.post(path, BODIES[path], **connected(ours))
    assert dropped.status_code == 499

    again = as_charlie.post("/v1/embed", BODIES["/v1/embed"]).json()
    assert again["data"][0]["cached"] is False
