"""What drf-spectacular can't see by itself: our credentials, our versions and our error codes."""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from accounts.exceptions import Problem
from accounts.policy_table import MEANINGS, policy_markdown

Endpoint = tuple[str, str, str, Any]

IF_TURNED_ON = " Where the operator has turned this on."

OF_TEI = ("/embed", "/info", "/similarity", "/tokenize")


class OperationSchema(AutoSchema):
    """Takes no answer for an array because its handler is called `list`: a page is an object, and
    what is a bare array says so itself.
    """

    def _is_list_view(self, serializer: Any = None) -> bool:  # noqa: ARG002 - the interface
        return False


class CredentialSchemes(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The security schemes of every operation but the public ones: any of them will do."""

    target_class = "accounts.authentication.AnyCredential"
    name = ["ApiToken", "SignedToken", "OAuth2", "ClientCertificate"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        """One entry for each; of OAuth 2.0 with the scope that the operation needs."""
        view = auto_schema.view
        action = view.actions.get(view.action)
        needed = {"OAuth2": [action.value]} if action else {}
        return [{name: needed.get(name, [])} for name in self.name]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:  # noqa: ARG002
        """As OpenAPI 3.1 spells them, in the order of the names."""
        scopes = {action.value: text for action, text in MEANINGS.items()}
        token = {"tokenUrl": "/oauth/token", "refreshUrl": "/oauth/token", "scopes": scopes}
        code = {"authorizationUrl": "/oauth/authorize", **token}
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An API token, made at `/v1/tokens`, in the console, or by"
                " `manage.py create_api_token USER`.",
            },
            {
                "type": "http",
                "scheme": "bearer",
                "bearerFormat": "JWT",
                "description": "A signed token, from `/v1/auth/token` or from an issuer that the"
                f" operator trusts.{IF_TURNED_ON}",
            },
            {
                "type": "oauth2",
                "flows": {"clientCredentials": token, "authorizationCode": code},
                "description": "An OAuth 2.0 access token; codes need PKCE with S256."
                f"{IF_TURNED_ON}",
            },
            {
                "type": "mutualTLS",
                "description": f"A client certificate that stands for a user.{IF_TURNED_ON}",
            },
        ]


def without_aliases(endpoints: list[Endpoint]) -> list[Endpoint]:
    """The versioned routes, health, and those of text-embeddings-inference, which knows no
    versions; the other routes without one are only aliases.
    """
    documented = ("/v1/", "/v2/", "/health")
    return [each for each in endpoints if each[0].startswith(documented) or each[0] in OF_TEI]


def with_policy(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """The document, with the whole access policy."""
    result["info"]["description"] += (
        "\n\n## Who may do what\n\nEverybody may do what concerns nobody else; owners of a"
        " collection, and whoever has a role on it or in the whole service, may do more. Whatever"
        f" you may not see is a 404, as what is not there.\n\n{policy_markdown()}\n"
    )
    return result


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
