"""What drf-spectacular can't see by itself: our credential, our versions and our error codes."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from accounts.exceptions import Problem

Endpoint = tuple[str, str, str, Any]

OF_TEI = ("/embed", "/info", "/similarity", "/tokenize")


class ApiTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security scheme of every operation but the public ones."""

    target_class = "accounts.authentication.ApiTokenAuthentication"
    name = "ApiToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:  # noqa: ARG002
        """OpenAPI's name for `Authorization: Bearer <token>`."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, made by `manage.py create_api_token USER`.",
        }


def without_aliases(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The versioned routes, health, and those of text-embeddings-inference, which knows no
    versions; the other routes without one are only aliases.
    """
    documented = ("/v1/", "/v2/", "/health")
    return [each for each in endpoints if each[0].startswith(documented) or each[0] in OF_TEI]


def with_error_codes(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The document, with a table of the codes that an error may carry."""
    rows = sorted({(kind.status, kind.code, kind.title) for kind in _kinds(Problem)})
    table = "\n".join(f"| {status} | `{code}` | {title} |" for status, code, title in rows)
    result["info"]["description"] += (
        "\n\n## Errors\n\nEvery error is an RFC 9457 problem document. Codes are stable:\n\n"
        f"| status | code | title |\n|---|---|---|\n{table}\n"
    )
    return result


def _kinds(root: type[Problem]) -> Iterator[type[Problem]]:
    for kind in root.__subclasses__():
        yield kind
        yield from _kinds(kind)
