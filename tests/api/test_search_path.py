"""How a search may be steered: `exact`, `ef_search` and `max_candidates` at `POST /v1/search`."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem

PATH = "/v1/search"


def body(**values: Any) -> dict[str, Any]:
    return {"collection": "drinks", "query": "green tea"} | values


def test_they_are_accepted_with_and_without_an_index(
    collection: Collection, as_alice: APIClient
) -> None:
    for options in ({"exact": True}, {"ef_search": 1000}, {"max_candidates": 1_000_000}):
        answer = as_alice.post(PATH, body(**options))
        assert answer.status_code == 200, answer.content
        assert len(answer.json()["hits"]) == 3
        assert answer.json()["plan"]["path"] == "exact"
        assert answer.json()["plan"]["took_ms"] > 0


@pytest.mark.parametrize("name", ["ef_search", "max_candidates"])
@pytest.mark.parametrize("value", [0, -1, 1_000_001, 1.5, "40", True, None, [1]])
def test_what_is_out_of_bounds_is_refused(
    collection: Collection, as_alice: APIClient, name: str, value: Any
) -> None:
    problem = assert_problem(as_alice.post(PATH, body(**{name: value})), 400, "invalid")
    assert [error["param"] for error in problem["errors"]] == [name]


@pytest.mark.parametrize("name", ["ef_search", "max_candidates"])
def test_an_exact_search_asks_no_index(
    collection: Collection, as_alice: APIClient, name: str
) -> None:
    response = as_alice.post(PATH, body(exact=True, **{name: 100}))
    problem = assert_problem(response, 400)
    assert name in str(problem["errors"])
    assert as_alice.post(PATH, body(exact=False, **{name: 100})).status_code == 200
