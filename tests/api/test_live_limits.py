"""Limits of requests that change while the service runs."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem

LIMITS = [
    ("max_top_k", "search", {"query": "tea", "top_k": 3}, "top_k"),
    ("max_searches", "search", {"collections": ["drinks"] * 3, "query": "tea"}, "collections"),
    ("max_batch", "add", {"documents": [{"text": "tea"}] * 3}, "documents"),
    ("max_batch", "search", {"query": "tea", "top_k": 1, "rerank": {"top_n": 3}}, "rerank.top_n"),
]


@pytest.mark.parametrize(("option", "path", "body", "param"), LIMITS)
def test_it_works(
    option: str,
    path: str,
    body: dict[str, Any],
    param: str,
    collection: Collection,
    as_alice: APIClient,
    settings: Any,
) -> None:
    place = {} if "collections" in body else {"collection": collection.name}
    assert as_alice.post(f"/v1/{path}", place | body).status_code == 200
    settings.EMBED = settings.EMBED.model_copy(update={option: 2})

    refused = as_alice.post(f"/v1/{path}", place | body)

    assert_problem(refused, 400, param=param)
