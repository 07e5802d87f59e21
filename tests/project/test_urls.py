"""Every route is classified, and all but the public ones refuse a stranger."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from tests.api.assertions import assert_error

PUBLIC = {
    "health": "for load balancers and Kubernetes",
    "health/live": "as above",
    "health/ready": "as above",
    "schema": "the docs describe only what is in the source anyway",
    "v1/schema": "as above",
    "docs": "as above",
    "v1/docs": "as above",
    **dict.fromkeys(
        ("auth/token", "v1/auth/token", "auth/refresh", "v1/auth/refresh"), "they give credentials"
    ),
    **dict.fromkeys(("auth/logout", "v1/auth/logout"), "takes a refresh token in the body"),
    ".well-known/jwks.json": "public keys",
    ".well-known/oauth-authorization-server": "says where to ask",
    **dict.fromkeys(("oauth/token", "oauth/revoke"), "applications send their own credentials"),
    **dict.fromkeys(("oauth/login", "oauth/authorize"), "pages that ask for a password"),
    "": "the last route: nothing is there",
}
FOR_PEOPLE = "admin/"
"""The admin asks for a password on its own pages."""

VALUES = {
    "<str:name>": "drinks",
    "<anything:id>": "tea",
    "<anything:model>": "hashing-384",
    "<int:id>": "1",
    "<str:username>": "alice",
    "<str:team>": "readers",
    "<str:key>": "4nQ8sZb1xT0c",
    "<uuid:id>": "00000000-0000-4000-8000-000000000000",
}


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        else:
            yield route, pattern


ROUTES = dict(routes(get_resolver().url_patterns))
GUARDED = [route for route in ROUTES if route not in PUBLIC and not route.startswith(FOR_PEOPLE)]


def concrete(route: str) -> str:
    for variable, value in VALUES.items():
        route = route.replace(variable, value)
    assert "<" not in route, f"add a value for the variables of {route} to VALUES"
    return f"/{route}"


def test_the_list_is_of_this_service() -> None:
    assert {"v1/search", "search", "health", "v1/collection/<str:name>"} <= ROUTES.keys()
    assert PUBLIC.keys() <= ROUTES.keys()


@pytest.mark.parametrize("route", GUARDED)
@pytest.mark.parametrize("credentials", [None, "Bearer nonsense"])
def test_strangers_are_refused(db: None, route: str, credentials: str | None) -> None:
    client = APIClient()
    if credentials:
        client.credentials(HTTP_AUTHORIZATION=credentials)
    view: Any = ROUTES[route].callback
    methods = getattr(view, "actions", {}) or {"get": "get"}
    dialect = getattr(view.cls, "dialect", None)
    for method in {*methods, "options", "put"} - {"head"}:  # whose answer has no body
        response = client.generic(method.upper(), concrete(route))
        assert_error(response, dialect, 401)
        assert response["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize("route", GUARDED)
def test_every_method_declares_its_action(route: str) -> None:
    view: Any = ROUTES[route].callback
    declared = view.cls.actions
    assert set(view.actions.values()) <= declared.keys(), route


@pytest.mark.parametrize("route", [r for r in ROUTES if r.startswith(FOR_PEOPLE)])
def test_the_admin_sends_strangers_to_its_login(db: None, route: str) -> None:
    if "<" in route or "(" in route or route.endswith(("login/", "logout/", "jsi18n/")):
        return
    response = APIClient().get(f"/{route}")
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/")
