"""What the base of all requests' serializers takes for granted about their fields."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

import embeddings.serializers
from embeddings.serializers.base import RequestSerializer, validated
from embeddings.serializers.fields import CollectionNameField, StringField
from embeddings.serializers.limits import LimitedNumberField


class Wish(RequestSerializer):
    """A request."""

    name = CollectionNameField()
    count = LimitedNumberField(option="max_top_k", default=7)
    note = StringField(required=False, max_length=3)
    tags = serializers.ListField(child=serializers.CharField(), required=False)


def all_requests() -> Iterator[type[RequestSerializer]]:
    for module in pkgutil.iter_modules(embeddings.serializers.__path__):
        import_module(f"embeddings.serializers.{module.name}")
    waiting = [RequestSerializer]
    while waiting:
        kinds = waiting.pop().__subclasses__()
        yield from kinds
        waiting += kinds


def test_it_works() -> None:
    assert validated(Wish, {"name": "tea"}) == {"name": "tea", "count": 7}
    assert validated(Wish, {"name": "tea", "count": 3}) == {"name": "tea", "count": 3}
    asked = validated(Wish, QueryDict("name=tea&tags=green&tags=black"))
    assert asked["tags"] == ["green", "black"]


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({}, "name", "required"),
        ({"name": None}, "name", "null"),
        ({"name": ""}, "name", "blank"),
        ({"name": 1}, "name", "invalid"),
        ({"name": "tea\n"}, "name", "invalid"),
        ({"name": "tea", "count": 0}, "count", "min_value"),
        ({"name": "tea", "count": 10**9}, "count", "max_value"),
        ({"name": "tea", "count": True}, "count", "invalid"),
        ({"name": "tea", "count": "3"}, "count", "invalid"),
        ({"name": "tea", "note": "a\x00"}, "note", "unstorable"),
        ({"name": "tea", "note": "a\ud800"}, "note", "unstorable"),
        ({"name": "tea", "note": "long"}, "note", "max_length"),
        ({"name": "tea", "coutn": 3}, "coutn", "unknown_field"),
    ],
)
def test_what_is_wrong_is_said(data: object, field: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        validated(Wish, data)
    assert isinstance(caught.value.detail, dict)
    [error] = caught.value.detail[field]
    assert getattr(error, "code", None) == code


def test_nothing_is_declared_that_is_passed_over() -> None:
    requests = set(all_requests())
    assert len(requests) > 30
    for kind in requests:
        request = kind()
        assert not request.validators, f"{kind.__name__} is to check this in validate"
        for name, field in request.fields.items():
            assert not field.read_only, (kind, name)
            assert not callable(field.default) or field.default is serializers.empty, (kind, name)
