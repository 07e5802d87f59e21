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
    max_examples=100,
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


def mostly(valid: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Valid nine times out of ten, so that what is wrong elsewhere gets its turn."""
    return st.integers(0, 9).flatmap(lambda n: valid if n else values)


comparable = st.one_of(st.integers(-(2**63), 2**64 - 1), texts, st.floats(-1e308, 1e308))
conditions = st.one_of(
    scalars,
    st.dictionaries(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), comparable, min_size=1),
    st.dictionaries(
        st.sampled_from(["$in", "$nin"]), st.lists(scalars, min_size=1, max_size=4), min_size=1
    ),
    st.dictionaries(st.sampled_from(["$eq", "$ne", "$contains"]), scalars, min_size=1),
    st.fixed_dictionaries({"$exists": st.booleans()}, optional={"$prefix": texts}),
    st.fixed_dictionaries({"$not": st.dictionaries(st.just("$gt"), comparable, min_size=1)}),
)
keys = st.one_of(
    st.sampled_from(["lang", "by.name", "year", "at", "a\\.b", "a__b", "'; --", "$not"]), texts
)
schemas = st.dictionaries(
    keys,
    st.one_of(
        st.none(),
        st.sampled_from(["string", "number", "boolean", "datetime", "string[]", "text"]),
        st.fixed_dictionaries(
            {"type": mostly(st.sampled_from(["string", "number", "datetime", "string[]"]))},
            optional={"index": mostly(st.booleans()), "required": mostly(st.booleans())},
        ),
    ),
    max_size=3,
)
filters = st.recursive(
    st.dictionaries(keys, mostly(conditions), min_size=1, max_size=3),
    lambda inner: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=3), min_size=1
    ),
    max_leaves=5,
)
numbers = st.one_of(
    st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
vectors = st.one_of(
    st.lists(st.floats(-1e17, 1e17), min_size=384, max_size=384),
    st.lists(numbers, min_size=384, max_size=384),
    st.lists(values, max_size=3),
)
documents = st.fixed_dictionaries(
    {"text": mostly(texts)},
    optional={
        "id": mostly(texts),
        "metadata": mostly(st.dictionaries(texts, values, max_size=4)),
        "embedding": mostly(vectors),
    },
)
name = mostly(st.just("drinks"))
flags = mostly(st.booleans())
settings_of_a_search = {
    "filter": mostly(filters),
    "top_k": mostly(st.integers(1, 1000)),
    "include": mostly(st.lists(st.sampled_from(["text", "metadata", "vector", "chunk"]))),
    "min_score": mostly(numbers),
    "exact": flags,
}
by_words = {
    "mode": mostly(st.sampled_from(["semantic", "keyword", "hybrid"])),
    "group_by": mostly(
        st.one_of(
            st.sampled_from(["document", "chunk"]),
            st.fixed_dictionaries({"field": keys}, optional={"size": st.integers(0, 101)}),
        )
    ),
    "facets": mostly(st.lists(st.one_of(keys, st.fixed_dictionaries({"field": keys})), max_size=3)),
}
weights = st.fixed_dictionaries({"semantic": numbers}, optional={"keyword": numbers})

BODIES: dict[tuple[str, str], st.SearchStrategy[Any]] = {
    ("POST", "/v1/embed"): st.fixed_dictionaries(
        {"input": mostly(st.one_of(texts, st.lists(texts, max_size=3)))},
        optional={
            "model": mostly(st.just("hashing-384")),
            "input_type": mostly(st.sampled_from(["document", "query"])),
            "dimensions": mostly(st.just(384)),
            "encoding_format": mostly(st.sampled_from(["float", "base64"])),
            "truncate": flags,
        },
    ),
    ("POST", "/v1/add"): st.fixed_dictionaries(
        {"collection": name, "documents": mostly(st.lists(mostly(documents), max_size=3))},
        optional={
            "on_conflict": mostly(st.sampled_from(["upsert", "skip", "error"])),
            "truncate": flags,
        },
    ),
    ("POST", "/v1/search"): st.one_of(
        [
            st.fixed_dictionaries(
                {"collection": name, field: mostly(query)}, optional=settings_of_a_search
            )
            for field, query in (
                ("query", texts),
                ("vector", vectors),
                ("document_id", st.sampled_from(["tea", "thé", "nothing", "a\x00"])),
                ("positive", st.lists(st.sampled_from(["tea", "thé", "nothing"]), min_size=1)),
            )
        ]
        + [
            st.fixed_dictionaries({"collection": name, "query": texts}, optional=by_words),
            st.fixed_dictionaries(
                {"collection": name, "query": texts, "mode": st.just("hybrid")},
                optional={"weights": mostly(weights), "diversity": mostly(st.floats(0, 1))},
            ),
            st.fixed_dictionaries({"collection": name, "query": texts, "cursor": texts}),
        ]
    ),
    ("POST", "/v1/collection"): st.fixed_dictionaries(
        {"name": mostly(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,62}", fullmatch=True))},
        optional={
            "model": mostly(st.just("hashing-384")),
            "metric": mostly(st.sampled_from(["cosine", "l2", "ip", "l1"])),
            "description": mostly(texts),
            "metadata_schema": mostly(schemas),
        },
    ),
    ("PATCH", "/v1/collection/drinks"): st.fixed_dictionaries(
        {"description": mostly(texts)},
        optional={"model": values, "metadata_schema": mostly(schemas)},
    ),
    ("PATCH", "/v1/collection/drinks/documents/tea"): st.fixed_dictionaries(
        {"metadata": mostly(st.dictionaries(texts, values, max_size=4))}
    ),
    ("DELETE", "/v1/collection/drinks/documents"): st.fixed_dictionaries(
        {"filter": mostly(filters)}, optional={"dry_run": flags}
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
