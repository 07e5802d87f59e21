"""The rules for a document, whichever way it comes in."""

from typing import Any

import numpy as np
import pytest
from django.conf import settings

from accounts.exceptions import Problem
from embeddings.services.document_input import parse_document


def test_it_works() -> None:
    document = parse_document(
        {"id": "a", "text": "Some text.", "metadata": {"year": 2020}, "embedding": [1, 0.5]}
    )
    assert (document.external_id, document.text) == ("a", "Some text.")
    assert document.metadata == {"year": 2020}
    assert document.embedding is not None
    assert document.embedding.dtype == np.float32
    assert document.embedding.tolist() == [1, 0.5]


def test_only_the_text_is_needed() -> None:
    document = parse_document({"text": "Some text."})
    assert document.metadata == {}
    assert document.embedding is None


def test_the_id_of_a_document_without_one_is_its_content() -> None:
    first = parse_document({"text": "t", "metadata": {"a": 1, "b": 2}})
    assert parse_document({"text": "t", "metadata": {"b": 2, "a": 1}}) == first
    assert parse_document({"text": "t"}).external_id != first.external_id
    assert (
        parse_document({"text": "u", "metadata": first.metadata}).external_id != first.external_id
    )


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"text": ""}, "text", "empty_text"),
        ({"text": " \n"}, "text", "empty_text"),
        ({"text": None}, "text", "invalid"),
        ({"text": 1}, "text", "invalid"),
        ({"text": "a\x00b"}, "text", "invalid"),
        ({"text": "a\ud800"}, "text", "invalid"),
        ({"text": "x" * 200_001}, "text", "invalid"),
        ({"id": ""}, "id", "invalid"),
        ({"id": 1}, "id", "invalid"),
        ({"id": None}, "id", "invalid"),
        ({"id": "x" * 513}, "id", "invalid"),
        ({"id": "a\x00"}, "id", "invalid"),
        ({"metadata": None}, "metadata", "invalid"),
        ({"metadata": []}, "metadata", "invalid"),
        ({"metadata": {"a": "\x00"}}, "metadata", "invalid"),
        ({"metadata": {"a": float("nan")}}, "metadata", "invalid"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata", "invalid"),
        ({"embedding": "AAAA"}, "embedding", "invalid_vector"),
        ({"embedding": []}, "embedding", "invalid_vector"),
        ({"embedding": [0, 0.0]}, "embedding", "invalid_vector"),
        ({"embedding": [True]}, "embedding", "invalid_vector"),
        ({"embedding": ["1"]}, "embedding", "invalid_vector"),
        ({"embedding": [1e300]}, "embedding", "invalid_vector"),
        ({"embedding": [1e19]}, "embedding", "invalid_vector"),
        ({"embedding": [1e-30]}, "embedding", "invalid_vector"),
        ({"embedding": [float("inf")]}, "embedding", "invalid_vector"),
        ({"title": "t"}, "title", "invalid"),
        ({"_id": "t"}, "_id", "invalid"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(Problem) as caught:
        parse_document({"text": "Some text.", **changes})
    assert (caught.value.param, caught.value.code) == (param, code)
    assert caught.value.status == 400


def test_metadata_may_not_nest_deeper_than_a_request() -> None:
    value: Any = 1
    for _ in range(settings.EMBED.max_json_depth + 1):
        value = [value]
    with pytest.raises(Problem, match="too deep"):
        parse_document({"text": "t", "metadata": {"a": value}})


@pytest.mark.parametrize("raw", [None, 1, "text", [], ["text"]])
def test_a_document_is_an_object(raw: Any) -> None:
    with pytest.raises(Problem, match="JSON object"):
        parse_document(raw)
