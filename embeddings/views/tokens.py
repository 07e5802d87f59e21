"""API tokens: list, make, show, rotate, revoke."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from accounts.models import ApiToken
from accounts.permissions import principal_of
from accounts.policy import Action
from accounts.services.tokens import (
    get_api_token,
    list_api_tokens,
    revoke_api_token,
    rotate_api_token,
)
from embeddings.serializers.base import validated
from embeddings.serializers.paging import page
from embeddings.serializers.tokens import (
    NewTokenResponse,
    RotateRequest,
    TokenQuery,
    TokenRequest,
    TokenResponse,
    TokensResponse,
    overlap_of,
    token_fields,
    token_json,
)
from embeddings.services.tokens import mint_token, names_of_collections
from embeddings.views.operations import operation

EXAMPLE = {
    "key": "4nQ8sZb1xT0c",
    "name": "search box",
    "user": "alice",
    "created_by": "alice",
    "scopes": ["search"],
    "collections": ["articles"],
    "row_filter": {"tenant": 42},
    "networks": ["10.0.0.0/8"],
    "limits": {"requests_per_minute": 600, "tokens_per_day": None, "tokens_per_month": None},
    "created_at": "2026-11-22T09:00:00Z",
    "expires_at": "2027-11-22T09:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
    "previous_until": None,
}
NEW = EXAMPLE | {"token": "emb_4nQ8sZb1xT0c_yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy01234567"}
SECRET = {"Cache-Control": "no-store"}
"""For answers that hold what is shown once."""


class TokenViewSet(ViewSet):
    """The caller's own; administrators see everyone's. A credential with scopes, collections or a
    row filter sees itself and what it made.
    """

    actions = {
        "list": Action.TOKENS,
        "create": Action.TOKENS,
        "retrieve": Action.TOKENS,
        "rotate": Action.TOKENS,
        "destroy": Action.TOKENS,
    }

    @operation(
        "tokens_list",
        summary="API tokens, newest first",
        query=TokenQuery,
        answer=TokensResponse,
        example={"tokens": [EXAMPLE], "next_cursor": None},
        errors=(401, 403),
    )
    def list(self, request: Request) -> Response:
        """Never with their secrets, which nobody can show again."""
        query = validated(TokenQuery, request.query_params.dict())
        rows = list_api_tokens(
            principal=principal_of(request),
            username=query.get("user"),
            live=query["state"] == "live",
            after=query.get("cursor"),
            limit=query["limit"] + 1,
        )
        shown, cursor = page(rows, limit=query["limit"], key=lambda row: str(row.pk))
        return Response({"tokens": _shown(request, *shown), "next_cursor": cursor})

    @operation(
        "tokens_create",
        summary="Make an API token",
        request=TokenRequest,
        request_examples={
            "For a search box": {
                "name": "search box",
                "scopes": ["search"],
                "collections": ["articles"],
                "row_filter": {"tenant": 42},
                "networks": ["10.0.0.0/8"],
                "limits": {"requests_per_minute": 600},
            }
        },
        answer=NewTokenResponse,
        status=201,
        example=NEW,
        errors=(401, 403, 404),
    )
    def create(self, request: Request) -> Response:
        """It stands for its user, narrowed to what is named here. It has no more than the token
        that makes it, counts towards that one's limits, and ends with it.
        """
        data = validated(TokenRequest, request.data)
        token, plaintext = mint_token(principal=principal_of(request), **token_fields(data))
        headers = SECRET | {"Location": f"/v1/tokens/{token.key}"}
        return Response(_shown(request, token)[0] | {"token": plaintext}, 201, headers=headers)

    @operation(
        "tokens_retrieve", summary="Show an API token", answer=TokenResponse, example=EXAMPLE
    )
    def retrieve(self, request: Request, key: str) -> Response:
        """What it is for, and how far it goes; not its secret."""
        return Response(_shown(request, _named(request, key))[0])

    @operation(
        "tokens_rotate",
        summary="Give an API token another secret",
        request=RotateRequest,
        request_examples={"Within a day": {"overlap_s": 86_400}},
        answer=NewTokenResponse,
        example=NEW | {"previous_until": "2026-11-23T09:00:00Z"},
        errors=(401, 403, 404, 409),
    )
    def rotate(self, request: Request, key: str) -> Response:
        """The old one serves beside it for `overlap_s`. All else stays: key, limits, and what it
        made. A credential rotates no token that goes beyond it.
        """
        data = validated(RotateRequest, request.data)
        token, plaintext = rotate_api_token(
            token=_named(request, key),
            by=principal_of(request),
            overlap=overlap_of(data),
            expires_at=data.get("expires_at"),
        )
        return Response(_shown(request, token)[0] | {"token": plaintext}, headers=SECRET)

    @operation("tokens_revoke", summary="Revoke an API token", answer=None, status=204)
    def destroy(self, request: Request, key: str) -> Response:
        """It is refused, with all tokens that it made: at once here, within a second in every
        process. It stays on the list, as revoked.
        """
        revoke_api_token(token=_named(request, key))
        return Response(status=204)


def _named(request: Request, key: str) -> ApiToken:
    return get_api_token(principal=principal_of(request), key=key)


def _shown(request: Request, *tokens: ApiToken) -> list[dict[str, Any]]:
    names = names_of_collections(principal=principal_of(request), tokens=tokens)
    return [token_json(token, names=names) for token in tokens]
