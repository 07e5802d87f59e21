"""Options of `POST /v1/search` that don't go together, and those that are no such options."""

from typing import Any

import pytest
from rest_framework.test import APIClient

from embeddings.models import Collection
from tests.api.assertions import assert_problem
from tests.statements import recorded_statements

PATH = "/v1/search"
QUERY = [1.0] + [0.0] * 383


def by_text(**values: Any) -> dict[str, Any]:
    return {"collection": "drinks", "query": "green tea"} | values


@pytest.mark.parametrize(
    ("values", "params"),
    [
        ({"cursor": "AAAA", "rerank": True}, {"cursor", "rerank"}),
        ({"cursor": "AAAA", "diversity": 0.5}, {"cursor", "diversity"}),
        ({"cursor": "AAAA", "group_by": {"field": "a"}}, {"cursor", "group_by"}),
        ({"rerank": True, "group_by": {"field": "a"}}, {"rerank", "group_by"}),
        ({"diversity": 0.5, "group_by": {"field": "a"}}, {"diversity", "group_by"}),
        ({"rerank": {"top_n": 5}, "top_k": 6}, {"rerank.top_n", "top_k"}),
        ({"group_by": {"field": "a", "size": 100}, "top_k": 101}, {"group_by.size", "top_k"}),
        ({"weights": {"semantic": 1}}, {"weights", "mode"}),
        ({"weights": {"semantic": 1}, "mode": "keyword"}, {"weights", "mode"}),
        ({"ef_search": 5, "mode": "keyword"}, {"ef_search", "mode"}),
        ({"max_candidates": 5, "mode": "keyword"}, {"max_candidates", "mode"}),
        ({"negative": ["dune"]}, {"negative", "query"}),
        ({"query": None, "vector": QUERY, "rerank": True}, {"rerank", "vector"}),
        ({"query": None, "vector": QUERY, "mode": "keyword"}, {"mode", "vector"}),
        ({"query": None, "document_id": "dune", "mode": "hybrid"}, {"mode", "document_id"}),
        ({"query": None, "positive": ["dune"], "mode": "keyword"}, {"mode", "positive"}),
        ({"positive": ["dune"]}, {"positive", "query"}),
        ({"collections": ["drinks"]}, {"collection", "collections"}),
        ({"queries": [{"query": "a"}]}, {"queries", "query"}),
    ],
)
def test_conflicts_name_both(
    collection: Collection, as_alice: APIClient, values: dict[str, Any], params: set[str]
) -> None:
    body = {key: value for key, value in by_text(**values).items() if value is not None}
    problem = assert_problem(as_alice.post(PATH, body), 400)
    assert {error["param"] for error in problem["errors"]} == params


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"group_by": "author"}, "group_by"),
        ({"group_by": {"size": 3}}, "group_by.field"),
        ({"group_by": {"field": "a", "size": 0}}, "group_by.size"),
        ({"group_by": {"field": "a", "size": 101}}, "group_by.size"),
        ({"group_by": {"field": "a'; --"}}, "group_by.field"),
        ({"group_by": {"field": "a__b"}}, "group_by.field"),
        ({"group_by": {"field": "a" * 70_000}}, "group_by.field"),
        ({"group_by": {"field": "a", "limit": 3}}, "group_by.limit"),
        ({"group_by": ["a"]}, "group_by"),
        ({"diversity": -0.1}, "diversity"),
        ({"diversity": 1.1}, "diversity"),
        ({"diversity": "0.5"}, "diversity"),
        ({"rerank": "yes"}, "rerank"),
        ({"rerank": 1}, "rerank"),
        ({"rerank": {"top_n": 0}}, "rerank.top_n"),
        ({"rerank": {"n": 1}}, "rerank.n"),
        ({"facets": []}, "facets"),
        ({"facets": "lang"}, "facets"),
        ({"facets": ["a"] * 11}, "facets"),
        ({"facets": ["lang", "lang"]}, "facets.1"),
        ({"facets": ["lang", 7]}, "facets.1"),
        ({"facets": ["'"]}, "facets.0"),
        ({"facets": ["$where"]}, "facets.0"),
        ({"facets": [{"field": "a", "limit": 0}]}, "facets.0.limit"),
        ({"facets": [{"field": "a\x00"}]}, "facets.0.field"),
        ({"mode": "hybrid", "weights": {"semantic": -1}}, "weights.semantic"),
        ({"mode": "hybrid", "weights": {"keyword": "1"}}, "weights.keyword"),
        ({"mode": "hybrid", "weights": {"semantic": 0, "keyword": 0}}, "weights"),
        ({"mode": "hybrid", "weights": {"words": 1}}, "weights.words"),
        ({"mode": "hybrid", "weights": 1}, "weights"),
        ({"query": None, "positive": []}, "positive"),
        ({"query": None, "positive": "dune"}, "positive"),
        ({"query": None, "positive": [7]}, "positive.0"),
        ({"query": None, "positive": ["a"] * 101}, "positive"),
    ],
)
def test_bad_input_is_refused(
    collection: Collection, as_alice: APIClient, values: dict[str, Any], param: str
) -> None:
    body = {key: value for key, value in by_text(**values).items() if value is not None}
    assert_problem(as_alice.post(PATH, body), 400, param=param)


def test_no_name_of_a_field_is_in_the_statements(
    collection: Collection, as_alice: APIClient
) -> None:
    body = by_text(facets=["zebra", {"field": "by.zebra"}], group_by={"field": "zebra"})
    with recorded_statements() as statements:
        assert as_alice.post(PATH, body).status_code == 200
    assert any("WITH fields" in each for each in statements)
    assert any("leaders" in each for each in statements)
    assert not any("zebra" in each for each in statements)
