"""Whatever comes in, the answer is never a 500 and refusals are problem documents."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from embeddings.models import Collection

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

texts = st.text(alphabet=st.characters(codec="utf-8"), max_size=20)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    st.sampled_from(["tea", "drinks", "hashing-384", "a\x00b", "__class__", "$eq", "base64"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=10,
)
FILTER_KEYS = ("$and", "$or", "$eq", "$in", "$gt", "$lte", "lang", "by.name", "a__b", "'; --")
filters = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(FILTER_KEYS), inner, max_size=3),
    ),
    max_leaves=8,
)
numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
vectors = st.one_of(
    st.lists(numbers, min_size=384, max_size=384), st.lists(values, max_size=3), values
)
documents = st.one_of(
    st.fixed_dictionaries(
        {"text": st.one_of(texts, values)},
        optional={
            "id": st.one_of(texts, values),
            "metadata": st.one_of(st.dictionaries(texts, values, max_size=4), values),
            "embedding": vectors,
        },
    ),
    values,
)
name = st.one_of(st.just("drinks"), values)

BODIES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("POST", "/v1/embed"): st.fixed_dictionaries(
        {"input": st.one_of(texts, st.lists(texts, max_size=3), values)},
        optional={
            "model": values,
            "input_type": values,
            "dimensions": values,
            "encoding_format": values,
            "truncate": values,
        },
    ),
    ("POST", "/v1/add"): st.fixed_dictionaries(
        {"collection": name, "documents": st.one_of(st.lists(documents, max_size=3), values)},
        optional={"on_conflict": values, "truncate": values},
    ),
    ("POST", "/v1/search"): st.fixed_dictionaries(
        {"collection": name},
        optional={
            "query": st.one_of(texts, values),
            "vector": vectors,
            "document_id": st.one_of(texts, values),
            "filter": filters,
            "top_k": values,
            "include": values,
            "min_score": values,
            "exact": values,
        },
    ),
    ("POST", "/v1/collection"): st.fixed_dictionaries(
        {"name": st.one_of(texts, values)},
        optional={"model": values, "metric": values, "description": st.one_of(texts, values)},
    ),
    ("PATCH", "/v1/collection/drinks"): st.fixed_dictionaries(
        {}, optional={"description": st.one_of(texts, values), "model": values}
    ),
    ("PATCH", "/v1/collection/drinks/documents/tea"): st.fixed_dictionaries(
        {"metadata": st.one_of(st.dictionaries(texts, values, max_size=4), values)}
    ),
    ("DELETE", "/v1/collection/drinks/documents"): st.fixed_dictionaries(
        {"filter": filters}, optional={"dry_run": values}
    ),
}
Send = Callable[[str, str, bytes], None]


@pytest.fixture
def send(as_alice: APIClient, collection: Collection) -> Send:
    """Sends a body; a bug raises here, as the client passes exceptions on."""

    def send_and_check(method: str, path: str, body: bytes) -> None:
        content: Any = body
        response = as_alice.generic(method, path, content, content_type="application/json")
        assert response.status_code < 500, (response.content, body)
        if response.status_code >= 400:
            problem = response.json()
            assert problem["status"] == response.status_code
            assert problem["code"] not in ("refused_by_database", "internal_error"), body
        else:
            assert b'"score":null' not in response.content

    return send_and_check


@pytest.mark.parametrize(("method", "path"), BODIES)
@FUZZ
@given(data=st.data())
def test_bodies_of_about_the_right_shape(
    send: Send, method: str, path: str, data: st.DataObject
) -> None:
    send(method, path, orjson.dumps(data.draw(BODIES[method, path])))


@pytest.mark.parametrize(("method", "path"), BODIES)
@FUZZ
@given(body=st.one_of(st.binary(max_size=50), values.map(orjson.dumps)))
@example(body=b'{"a":' * 2_000)
@example(body=b"[" * 2_000 + b"]" * 2_000)
def test_bodies_of_any_shape(send: Send, method: str, path: str, body: bytes) -> None:
    send(method, path, body)


@FUZZ
@given(external_id=texts.filter(bool))
def test_ids_of_any_characters(send: Send, external_id: str) -> None:
    document = {"id": external_id, "text": "tea"}
    send("POST", "/v1/add", orjson.dumps({"collection": "drinks", "documents": [document]}))
