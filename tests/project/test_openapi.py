"""The OpenAPI document says what the routes do, without a warning, with examples everywhere."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.core.management import call_command
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.validation import validate_schema

from accounts.policy import Action
from accounts.policy_table import policy_markdown
from embeddings.views.schema import openapi_document
from embedsite.openapi import OF_TEI
from tests.project.test_urls import ROUTES

SCHEMES = {
    "ApiToken": "http",
    "SignedToken": "http",
    "OAuth2": "oauth2",
    "ClientCertificate": "mutualTLS",
}
UNDOCUMENTED = {"v1/schema", "v1/docs"}
ERRORS = {
    "application/problem+json": {"Problem"},
    "application/json": {"SharedError", "TeiError"},
}
"""Which shapes an error has; those of the dialects are plain JSON."""
ARRAYS = {"POST /embed", "POST /similarity", "POST /tokenize"}
"""What text-embeddings-inference answers without an object around it."""


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in openapi_document()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


OPERATIONS = dict(operations())


def test_the_generator_has_nothing_to_complain_of(tmp_path: Any) -> None:
    openapi_document.cache_clear()
    call_command("spectacular", "--fail-on-warn", "--file", tmp_path / "schema.yaml")
    assert not GENERATOR_STATS


def test_it_is_valid_openapi() -> None:
    assert openapi_document()["openapi"].startswith("3.1")
    validate_schema(openapi_document())  # type: ignore[no-untyped-call]


def test_every_route_is_there() -> None:
    documented = {name.split(" ", 1)[1].strip("/") for name in OPERATIONS}
    versioned = {route for route in ROUTES if route.startswith(("v1/", "v2/", "health"))}
    versioned |= {path.strip("/") for path in OF_TEI}
    plain = {re.sub(r"<\w+:(\w+)>", r"{\1}", route) for route in versioned - UNDOCUMENTED}
    assert documented == plain


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_has_examples_and_errors(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert operation["operationId"]
    if "requestBody" in operation:
        assert any("examples" in m for m in operation["requestBody"]["content"].values()), name
    for status, response in operation["responses"].items():
        for media_type, media in response.get("content", {}).items():
            assert media["examples"], (name, status)
            if status >= "400":
                assert (media["schema"]["$ref"].rpartition("/")[2]) in ERRORS[media_type]
    if not re.search(r" /(health|v1/auth)", name):
        assert [*map(list, operation["security"])] == [[scheme] for scheme in SCHEMES]
        assert next(iter(operation["security"][2].values()))[0] in {*Action}
        assert "401" in operation["responses"]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_example_of_an_answer_is_what_its_schema_says(name: str) -> None:
    for status, response in OPERATIONS[name]["responses"].items():
        for media_type, media in response.get("content", {}).items():
            schema = media["schema"] | {"components": openapi_document()["components"]}
            for example in media["examples"].values():
                faults = [*jsonschema_rs.validator_for(schema).iter_errors(example["value"])]
                assert not faults, (status, media_type)


def test_only_bare_arrays_are_described_as_arrays() -> None:
    found = {
        name
        for name, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        for media in response.get("content", {}).values()
        if status < "300" and media["schema"].get("type") == "array"
    }
    assert found == ARRAYS


def test_every_credential_is_described() -> None:
    schemes = openapi_document()["components"]["securitySchemes"]
    assert {name: scheme["type"] for name, scheme in schemes.items()} == SCHEMES
    for flow in schemes["OAuth2"]["flows"].values():
        assert flow["scopes"].keys() == {*Action}
        for url in ("tokenUrl", "refreshUrl"):
            assert flow[url].strip("/") in ROUTES


def test_the_policy_is_shown() -> None:
    assert policy_markdown() in openapi_document()["info"]["description"]


def test_every_error_code_is_listed() -> None:
    description = openapi_document()["info"]["description"]
    for code in ("invalid_filter", "collection_exists", "not_authenticated", "internal_error"):
        assert f"`{code}`" in description
