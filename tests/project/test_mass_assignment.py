"""No request makes more of its sender, or of what it changes, by fields that nobody declared.

The routes come from the URL configuration. An administrator asks, who may do all else.
"""

from typing import Any

import pytest
from django.db import transaction

from tests.api.assertions import assert_problem
from tests.project.access_world import World
from tests.project.sample_requests import body_of, methods_of, plain
from tests.project.test_urls import FOR_PEOPLE, ROUTES

pytestmark = pytest.mark.django_db

FIELDS: dict[str, Any] = {
    "id": 1,
    "pk": 1,
    "owner": "outsider",
    "owner_id": 1,
    "user_id": 1,
    "role": "admin",
    "is_staff": True,
    "is_superuser": True,
    "is_active": True,
    "password": "a long pass phrase",
    "groups": ["readers"],
    "permissions": [],
    "created_by": "admin",
    "count": 7,
    "version": 7,
    "row_filter": {"lang": "en"},
    "scopes": ["administer"],
}
DECLARED = {
    "POST users": {"role"},
    "PATCH users/<str:username>": {"role"},
    "POST collection/<str:name>/permissions": {"role", "row_filter"},
    "PATCH collection/<str:name>/permissions/<int:id>": {"role", "row_filter"},
    "POST collection/<str:name>/transfer": {"owner"},
    "POST cache/warm": {"owner"},
    "POST tokens": {"row_filter", "scopes"},
}
"""What is there to be sent; the matrix says by whom."""

TOLERANT = ("embeddings", "embed", "similarity", "tokenize", "rerank", "v2/rerank", "")
"""Dialects ignore what they don't know, as what they stand in for does. They store nothing."""

CASES = [
    (method, route)
    for route in ROUTES
    if not route.startswith(FOR_PEOPLE) and plain(route) == route and route not in TOLERANT
    for method in methods_of(route)
    if isinstance(body_of(method, route), dict)
]


def test_it_sees_the_routes_that_change_things() -> None:
    names = {" ".join(case) for case in CASES}
    assert {"POST collection", "PATCH collection/<str:name>", "POST add"} <= names
    assert DECLARED.keys() <= names


@pytest.mark.parametrize(("method", "route"), CASES, ids=[" ".join(case) for case in CASES])
def test_a_body_assigns_only_what_it_declares(world: World, method: str, route: str) -> None:
    for field in FIELDS.keys() - DECLARED.get(f"{method} {route}", set()):
        with transaction.atomic():
            response = world.ask("admin", "other", method, route, extra={field: FIELDS[field]})
            transaction.set_rollback(True)
        assert_problem(response, 400, param=field)


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - {"id"}))
def test_so_does_a_document(world: World, field: str) -> None:
    document = {"text": "A text.", field: FIELDS[field]}
    response = world.ask("admin", "other", "POST", "add", extra={"documents": [document]})
    assert_problem(response, 400, param=f"documents.0.{field}")
