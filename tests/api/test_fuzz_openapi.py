"""The OpenAPI document's operations, asked by callers of every kind: no 5xx, no row beyond a view.

`FUZZ_CASES=100 pytest tests/api/test_fuzz_openapi.py -rP` asks each operation a hundred times, at
random, and tells how many of what was answered.
"""

import json
import os
from collections import Counter
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

import jsonschema_rs
import pytest
import schemathesis
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.core import NOT_SET
from schemathesis.core.result import Ok

from accounts.services.verified_tokens import forget_verified_tokens
from embeddings.views.schema import openapi_document
from tests.api.fuzz_world import SECRETS, Caller, World, make_world, rows_beyond

CASES = int(os.environ.get("FUZZ_CASES", "10"))
SHARES = 4
FUZZ = settings(
    max_examples=CASES,
    deadline=None,
    derandomize="FUZZ_CASES" not in os.environ,
    database=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck),
)
BODIES_BEYOND_OPENAPI = {
    # OpenAPI knows no body of DELETE.
    "DELETE /v1/collection/{name}/documents": {"filter": {"tenant": {"$gte": 1}}},
}
BY_ROUTE = {"/jobs/{id}": "job", "/permissions/{id}": "grant"}
"""What an id is, elsewhere than with documents."""

SHARED_WITH_DIALECTS = {"POST /embed"}
"""Described as text-embeddings-inference answers, though a body of ours is answered as ours."""


@schemathesis.serializer("application/x-ndjson", "application/jsonl")
def lines_of(_: Any, value: Any) -> bytes:
    """Never called: it only tells schemathesis that there is a way to send them."""
    return as_bytes(value)


Operation = APIOperation[Any, Any, Any, Any]


@cache
def operations() -> list[Operation]:
    """Of the service as it is."""
    found = schemathesis.openapi.from_dict(openapi_document()).get_all_operations()
    return [each.ok() for each in found if isinstance(each, Ok)]


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.mark.parametrize("share", range(SHARES))
def test_nobody_gets_beyond_his_view(world: World, share: int) -> None:
    answers: Counter[int] = Counter()
    asked = operations()[share::SHARES]
    for operation in asked:
        ask(operation, world, answers)
    told = f"{answers.total()} cases of {len(asked)} operations: {sorted(answers.items())}"
    print(told)  # noqa: T201 - for who asks with -rP
    # Else it would have tried nothing but how requests are refused.
    assert sum(n for status, n in answers.items() if status < 300) > answers.total() / 10


def ask(operation: Operation, world: World, answers: Counter[int]) -> None:
    valid = operation.as_strategy()
    faulty = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @FUZZ
    @given(
        case=st.integers(0, 9).flatmap(lambda n: valid if n else faulty),
        caller=st.sampled_from(world.callers),
        choose=st.randoms(use_true_random=False),
    )
    def check(case: Case[Any], caller: Caller, choose: Any) -> None:
        method, path, body, media_type, headers = spelled(case, world, choose)
        with transaction.atomic():
            before = rows_beyond(caller)
            content: Any = body
            response: Any = caller.client.generic(
                method, path, content, content_type=media_type, headers=headers
            )
            content = b"".join(response) if response.streaming else response.content
            after = rows_beyond(caller)
            transaction.set_rollback(True)
        forget_verified_tokens()
        answers[response.status_code] += 1
        asked = (caller.name, method, path, body, response.status_code, content)
        assert response.status_code < 500, asked
        assert b"refused_by_database" not in content, asked
        shown = {word for word in SECRETS - caller.reads if word.encode() in content.lower()}
        assert not shown, asked
        assert after == before, asked
        if described := description_of(operation, response):
            assert described.is_valid(json.loads(content)), asked

    check()


def description_of(operation: Operation, response: Any) -> jsonschema_rs.Validator | None:
    """What the document says of such an answer; None where it is no JSON or an error."""
    media_type = response.get("Content-Type", "")
    if response.status_code >= 300 or media_type != "application/json":
        return None
    if operation.label in SHARED_WITH_DIALECTS:
        return None
    document = openapi_document()
    answers = document["paths"][operation.path][operation.method]["responses"]
    schema = answers[str(response.status_code)]["content"][media_type]["schema"]
    return jsonschema_rs.validator_for(schema | {"components": document["components"]})


Spelled = tuple[str, str, bytes, str, dict[str, str]]


def spelled(case: Case[Any], world: World, choose: Any) -> Spelled:
    """The request, most of whose names are ones that there are."""
    label = f"{case.method} {case.path}"
    named = {
        k: pick(k, v, world, choose, path=case.path) for k, v in given_in(case.path_parameters)
    }
    path = case.path.format(**{k: quote(str(v), safe="") for k, v in named.items()})
    query = {k: pick(k, v, world, choose) for k, v in given_in(case.query)}
    if query:
        path += "?" + urlencode({k: as_text(v) for k, v in query.items()}, doseq=True)
    body: Any = case.body
    media_type = case.media_type or "application/json"
    if body is NOT_SET:
        body = BODIES_BEYOND_OPENAPI.get(label, b"")
    body = steer(body, world, choose)
    if "json" in media_type and media_type != "application/json":
        lines = [{"id": "1a", "text": "tea", "metadata": {"tenant": 2}}, body]
        body = b"\n".join(as_bytes(line) for line in lines)
    headers = {name: str(value) for name, value in given_in(case.headers) if name.isascii()}
    return case.method, path, as_bytes(body), media_type, headers


def given_in(values: Any) -> list[tuple[str, Any]]:
    return list(values.items()) if values and values is not NOT_SET else []


def pick(name: str, value: Any, world: World, choose: Any, *, path: str = "") -> Any:
    """One of the known values, four times out of five."""
    kind = next((kind for end, kind in BY_ROUTE.items() if end in path and name == "id"), name)
    if kind in world.known and choose.random() < 0.8:
        return choose.choice(world.known[kind])
    return value


def steer(value: Any, world: World, choose: Any) -> Any:
    """The body with known values in its fields, at any depth."""
    if isinstance(value, dict):
        return {
            key: pick(key, steer(inner, world, choose), world, choose)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [steer(inner, world, choose) for inner in value]
    return value


def as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | bool) else value


def as_bytes(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
